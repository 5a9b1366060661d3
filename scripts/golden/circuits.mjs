/** @file Circuits at several sizes: logits, true edge counts and metrics; and which sizes are tested. */
import { maskFromEdges, optionDefaults, promptAnswerValue, topEdges, unflattenScores } from '@auto-circuit/core/plugin';
import { edgeCounts } from '@auto-circuit/core/run';
import { metricsPlugin } from '@auto-circuit/metrics';
import { exactOutcome, relativeOutcome, tensorOutcome } from './compare.mjs';
import { differs } from './by-design.mjs';
import { patchFor, tensorsOf } from './patched.mjs';

/** The reference's names of metrics → ours. */
const METRICS = {
  'Clean KL Div': 'kl',
  'Corrupt KL Div': 'kl-corrupt',
  'Answer Prob': 'answer-prob',
  'Answer Logit': 'answer-logit',
  'Wrong Answer Logit': 'wrong-answer-logit',
  'Answer Logprob': 'answer-logprob',
  'Logit Diff': 'logit-diff',
  'Prob Diff': 'prob-diff',
  'Logprob Diff': 'logprob-diff',
  'Logit Diff Percent': 'logit-diff-percent',
  'Prob Diff Percent': 'prob-diff-percent',
  'LogProb Diff Percent': 'logprob-diff-percent',
  'Correct Answer Percent': 'percent-correct',
  'Correct Answer Greater Than Incorrect Percent': 'percent-correct-above-wrong',
};

export async function* checkCircuits(context, record) {
  const { golden, batches, patchable, tail } = context;
  if (tail && record.settings.ablation !== 'resample') return yield differs(record.id, 'prefixes'); // patched into the prefix, too
  const model = await patchable(record.id.split('/')[0]);
  const { graph } = model;
  const { settings } = record;
  const scores = tensorsOf(golden.tensors(settings.prune_scores));
  const edgePatch = settings.patch_type === 'EDGE_PATCH';
  const reversed = settings.reverse_clean_corrupt;
  const clean = reversed ? 'corrupt' : 'clean';
  const corrupt = reversed ? 'clean' : 'corrupt';
  // edge patch: the corrupt run, the circuit's edges patched; tree patch: the clean run, everything else patched
  const input = edgePatch ? corrupt : clean;
  const patch = await patchFor(context, model, settings.ablation, edgePatch ? clean : corrupt);
  const tops = settings.requested_edge_counts.map((count) => topEdges(graph, scores, count));
  const distinct = [...new Map(tops.map((top) => [top.count, top])).values()];
  if (record.values?.actual_edge_counts) yield exactOutcome(`${record.id}/edge-counts`, distinct.map((top) => top.count), record.values.actual_edge_counts);

  const outputs = [];
  for (const { edges } of distinct) {
    const mask = maskFromEdges(graph, edges, edgePatch ? { inside: 1, outside: 0 } : { inside: 0, outside: 1 });
    outputs.push(await byBatch(batches, (batch) => model.patchedRun(batch, { input, patch, mask })));
  }
  const ours = outputs.flatMap((point) => point.flatMap(({ logits }) => [...logits]));
  yield tensorOutcome(record.id, ours, golden.tensors(record.id)[''].data, record.atol);
  if (record.values?.metrics) yield* checkMetrics(context, model, record, distinct, outputs);
}

const byBatch = async (batches, run) => {
  const out = [];
  for (const batch of batches) out.push({ batch, logits: (await run(batch)).data });
  return out;
};

async function* checkMetrics({ batches }, model, record, tops, outputs) {
  const plain = (side) => byBatch(batches, (batch) => model.run(inputOfBatch(batch, side)));
  const clean = await plain('clean');
  const corrupt = await plain('corrupt');
  const tolerance = record.values_rel_tol;
  for (const [theirName, points] of Object.entries(record.values.metrics)) {
    const name = `${record.id}/${theirName}`;
    const contexts = outputs.map((circuit) => ({ graph: model.graph, outputSize: model.outputSize, circuit, clean, corrupt, empty: corrupt, model: clean }));
    const expected = points.map(([, y]) => Number(y));
    const ofRatios = RATIOS[theirName];
    if (ofRatios) {
      yield ratiosOutcome(name, contexts.map(logitDiffRatios), ofRatios, expected, record);
      continue;
    }
    const metric = metricsPlugin.contributes.find((c) => c.name === METRICS[theirName]);
    const ours = contexts.map((context) => metric.measure(context, optionDefaults(metric.options)).value);
    yield relativeOutcome(name, ours, expected, tolerance);
  }
}

const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;
/** Not metrics here (a prompt whose difference is near 0 decides them), so they are computed for the comparison. */
const RATIOS = {
  'Logit Diff Percent mean_of_ratios': mean,
  'Logit Diff Percent std_of_ratios': (values) => Math.sqrt(values.reduce((sum, x) => sum + (x - mean(values)) ** 2, 0) / (values.length - 1)),
};

/** 100 · circuit ÷ model of each prompt's logit difference, and how far it moves when every logit of both moves by 1. */
function logitDiffRatios({ circuit, clean, outputSize }) {
  const differences = (run) =>
    run.flatMap(({ batch, logits }) =>
      batch.prompts.map((prompt, i) => promptAnswerValue(logits.subarray(i * outputSize, (i + 1) * outputSize), prompt, 'logit', 'diff')),
    );
  const whole = differences(clean);
  return differences(circuit).map((value, i) => {
    const ratio = (100 * value) / whole[i];
    return { ratio, slope: (2 * (100 + Math.abs(ratio))) / Math.abs(whole[i]) };
  });
}

/**
 * Each logit of both sides may be off by the record's float32 rounding (gap64). The mean of ratios then moves by at most the
 * largest of their errors; the deviation by √(n / (n − 1)) ≤ √2 of it.
 */
function ratiosOutcome(name, ratios, of, expected, { gap64, values_rel_tol: tolerance }) {
  const worst = ratios.map((point, i) => {
    const allowed = tolerance * Math.max(1, Math.abs(expected[i])) + Math.SQRT2 * 2 * gap64 * Math.max(...point.map(({ slope }) => slope));
    return Math.abs(of(point.map(({ ratio }) => ratio)) - expected[i]) / allowed;
  });
  const largest = Math.max(...worst);
  return { outcome: largest <= 1 ? 'passed' : 'failed', name, detail: `at most ${largest.toPrecision(2)} of the tolerance` };
}

function inputOfBatch(batch, side) {
  const rows = batch.prompts.map((prompt) => prompt[side]);
  const features = Array.isArray(rows[0][0]);
  return features
    ? { dtype: 'float', shape: [rows.length, batch.length, rows[0][0].length], data: Float32Array.from(rows.flat(2)) }
    : { dtype: 'int', shape: [rows.length, batch.length], data: Int32Array.from(rows.flat()) };
}

export async function* checkEdgeCounts({ golden, patchable }, record) {
  const [variant] = record.id.split('/');
  const { graph } = await patchable(variant);
  const n = graph.edgeCount;
  const scoresOf = (id) => tensorsOf(golden.tensors(id));
  const untied = scoresOf(`${variant}/ps/maskgrad_logit_avg_diff_0`);
  const tied = golden.records.has(`${variant}/circuits/tied_scores`) ? scoresOf(`${variant}/circuits/tied_scores`) : undefined;
  const binary = unflattenScores(graph, Float64Array.from({ length: n }, (_, i) => (i % 3 === 0 ? 1 : 0)));
  const settings = {
    default_untied: { scores: untied },
    groups_untied: { rule: 'groups', scores: untied },
    default_untied_true17: { scores: untied, trueCount: 17 },
    default_tied: { scores: tied },
    groups_tied: { rule: 'groups', scores: tied },
    default_tied_true17: { scores: tied, trueCount: 17 },
    log: { rule: 'log' },
    all: { rule: 'all' },
    list: { rule: [2, 0.1, 0.5, 7] },
    // 1.0, a fraction there: all edges
    list_zero_all_off: { rule: [0, 2, 0.5, n], zero: false, all: false },
    default_binary: { scores: binary },
  };
  for (const [key, expected] of Object.entries(record.values)) {
    if (key === 'all_first_last') {
      const all = edgeCounts(graph, { rule: 'all' });
      yield exactOutcome(`${record.id}/${key}`, [all[0], all[1], all.at(-1)], expected);
    } else if (!settings[key] || ('scores' in settings[key] && !settings[key].scores)) yield { outcome: 'failed', name: `${record.id}/${key}`, detail: 'no check of these sizes, or no scores stored for them' };
    else yield exactOutcome(`${record.id}/${key}`, edgeCounts(graph, settings[key]), expected);
  }
}
