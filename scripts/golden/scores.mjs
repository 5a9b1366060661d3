/** @file Prune scores: our algorithms against the reference's, in its conventions (sums over batches of batch means; n + 1 points). */
import { pruneAlgosPlugin } from '@auto-circuit/prune-algos';
import { edgeAt, optionDefaults } from '@auto-circuit/core/plugin';
import { checkAcdc } from './acdc.mjs';
import { differs } from './by-design.mjs';
import { recomputed, tensorOutcome } from './compare.mjs';
import { checkTrainedCompleteness } from './completeness.mjs';
import { patchFor } from './patched.mjs';
import { checkCircuitProbing } from './training.mjs';

const algo = (name) => {
  const found = pruneAlgosPlugin.contributes.find((c) => c.name === name);
  if (!found) throw new Error(`no algorithm ${name}`);
  return found;
};
const TOKEN_FUNCTIONS = { logit: 'logit', prob: 'prob', logprob: 'logprob', logit_exp: 'logit-exp' };
const ANSWERS = { avg_diff: 'diff', avg_val: 'value', mse: 'mse' };

/** Algorithms with checks of their own. */
const OWN_CHECKS = {
  acdc: checkAcdc,
  circuit_probing: checkCircuitProbing,
  activation_magnitude: checkMagnitude,
  ground_truth: checkGroundTruth,
  train_same_under_knockouts: checkTrainedCompleteness,
};

/** A record's algorithm → ours with options, and what a mean of ours is multiplied by to get its sums. */
const ALGORITHMS = {
  mask_gradient(settings) {
    const common = { tokenFunction: TOKEN_FUNCTIONS[settings.grad_function], answers: ANSWERS[settings.answer_function] };
    if (settings.integrated_grad_samples !== null && settings.integrated_grad_samples !== undefined) {
      return { name: 'integrated-edge-gradients', options: { ...common, samples: settings.integrated_grad_samples }, times: settings.integrated_grad_samples + 1 };
    }
    return { name: 'mask-gradient', options: { ...common, mask: settings.mask_val }, times: 1 };
  },
  edge_attribution_patching: (settings) => ({ name: 'mask-gradient', options: { tokenFunction: 'logit', answers: settings.answer_diff ? 'diff' : 'value', mask: 0 }, times: 1, sumPositions: true }),
};

export async function* checkScores(context, record) {
  const { golden, batches, patchable, tail } = context;
  const { settings } = record;
  const kind = settings.algo;
  if (OWN_CHECKS[kind]) return yield* OWN_CHECKS[kind](context, record);
  if (!ALGORITHMS[kind]) return yield { outcome: 'failed', name: record.id, detail: `no check of the algorithm ${kind}` };
  const { name, options, times, sumPositions = false } = ALGORITHMS[kind](settings);
  const prefixPatched = (settings.ablation ?? 'resample') !== 'resample' && options.mask !== 0;
  if (tail && prefixPatched) return yield differs(record.id, 'prefixes');
  const [variant] = record.id.split('/');
  // Of whole prompts the positions of the tail are the reference's scores: at mask 0, and wherever the prefix is patched with itself.
  const model = await patchable(tail && !variant.endsWith('_pos') ? `${variant}_pos` : variant);
  const scores = options.answers === 'mse' ? await mseScores(context, model, settings) : await algorithmScores(context, model, record, name, options);
  const expected = golden.tensors(record.id);
  const modules = Object.keys(expected);
  const ours = modules.flatMap((module) => {
    const data = Array.from(scores[module].data, (x) => x * times * batches.length);
    const { positions } = model.graph.options;
    const own = tail ? data.slice((data.length / positions) * tail.from) : data;
    const width = positions === null ? own.length : own.length / (tail?.length ?? positions);
    const kept = own.length === expected[module].data.length ? own : own.slice(0, width);
    return sumPositions || kept !== own ? Array.from(kept, (_, i) => summed(own, width, i % width)) : own;
  });
  const theirs = modules.flatMap((module) => Array.from(expected[module].data));
  yield tensorOutcome(record.id, ours, theirs, record.atol);
}

/** Σ over positions of the i-th score. */
function summed(scores, width, i) {
  let sum = 0;
  for (let at = i; at < scores.length; at += width) sum += scores[at];
  return sum;
}

/** Centred writes: noise on both sides. The residual graph: the reference's choice of sources, recomputed from what they output. */
async function* checkMagnitude(context, record) {
  const { golden, batches, patchable, tail } = context;
  const [variant] = record.id.split('/');
  const model = await patchable(tail ? variant.replace('_pos', '') : variant);
  const expected = golden.tensors(record.id);
  const modules = Object.keys(expected);
  const theirs = modules.flatMap((module) => [...expected[module].data]);
  const { scores } = await algo('activation-magnitude').score({ model, graph: model.graph, batches, progress: { report() {} } }, {});
  if (golden.expected.weight_processing?.center_writing_weights && !variant.startsWith('unfact')) {
    const ours = Object.entries(scores).flatMap(([, { data }]) => [...data]);
    const largest = Math.max(...ours, ...theirs);
    return yield differs(record.id, 'magnitude', { ok: largest < NOISE, detail: `noise on both sides: at most ${largest.toExponential(1)}` });
  }
  if (!variant.startsWith('unfact')) return yield tensorOutcome(record.id, modules.flatMap((module) => [...scores[module].data]), theirs, record.atol);
  const magnitudes = await sourceMagnitudes(model, batches);
  const firstSources = modules.flatMap((module) => {
    const { shape, data } = expected[module];
    return Array.from(data, (_, i) => magnitudes[i % shape.at(-1)]);
  });
  yield differs(record.id, 'magnitude', recomputed(firstSources, theirs, Math.max(record.atol, NOISE), 'of the first sources, as there'));
}
const NOISE = 1e-6;

/** |mean of a source's output| of each batch, averaged over batches: [sources]. */
async function sourceMagnitudes(model, batches) {
  const out = new Float64Array(model.graph.sources.length);
  for (const batch of batches) {
    const { data } = await model.sourceOutputs(batch, 'clean'); // [sources, prompts, pos, dModel]
    const slab = data.length / out.length;
    for (const s of out.keys()) out[s] += Math.abs(data.subarray(s * slab, (s + 1) * slab).reduce((sum, x) => sum + x, 0) / slab) / batches.length;
  }
  return out;
}

async function* checkGroundTruth(context, record) {
  const { golden, batches, patchable } = context;
  const [variant] = record.id.split('/');
  const model = await patchable(variant);
  const set = golden.expected.edge_sets[variant][record.settings.true_edges.replace(/^edge set /, '')];
  const edges = set.map((edge) => edgeAt(model.graph, edge).name).join(',');
  const { scores } = await algo('known-edges').score({ model, graph: model.graph, batches, progress: { report() {} } }, { edges });
  const expected = golden.tensors(record.id);
  const modules = Object.keys(expected);
  yield tensorOutcome(record.id, modules.flatMap((module) => [...scores[module].data]), modules.flatMap((module) => [...expected[module].data]), record.atol);
}

async function algorithmScores(context, model, { settings }, name, options) {
  const chosen = algo(name);
  const patch = await patchFor(context, model, settings.ablation ?? 'resample', settings.clean_corrupt ?? 'corrupt');
  const result = await chosen.score(
    { model, graph: model.graph, batches: context.batches, objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' }, patch, seed: 0, progress: { report() {} } },
    { ...optionDefaults(chosen.options), ...options },
  );
  return result.scores;
}

/** Dense targets are for library use only: the mean over prompts straight from the engine. */
async function mseScores(context, model, settings) {
  const { golden, batches, prompts } = context;
  const { shape, data } = golden.tensors('mse_targets')[''];
  const patch = await patchFor(context, model, settings.ablation, settings.clean_corrupt);
  const sums = {};
  for (const batch of batches) {
    const first = batch.prompts[0].index;
    const width = shape[1];
    const targets = { dtype: 'float', shape: [batch.prompts.length, width], data: data.slice(first * width, (first + batch.prompts.length) * width) };
    const objective = { kind: 'mse', tokenFunction: TOKEN_FUNCTIONS[settings.grad_function].replace('logit-exp', 'logitExp'), targets };
    const gradients = await model.maskGradient(batch, { input: 'clean', patch, at: { kind: 'mask', mask: settings.mask_val }, objective });
    for (const [module, tensor] of Object.entries(gradients.tensors)) {
      const size = tensor.data.length / batch.prompts.length;
      sums[module] ??= { data: new Float64Array(size) };
      tensor.data.forEach((x, i) => {
        sums[module].data[i % size] += x / prompts.length;
      });
    }
  }
  return sums;
}
