/** @file What is said of scores and curves: ROC, overlap between algorithms, area under a curve, completeness. */
import { edgeCounts, makeCircuit, topEdges, flattenScores } from '@auto-circuit/core';
import { rocArea, rocCurve, rocPointAt, sameUnderKnockouts, topOverlap } from '@auto-circuit/metrics';
import { differs, exactOutcome, largestError, relativeOutcome, skipped } from './compare.mjs';
import { tensorsOf } from './patched.mjs';

const ROC_TOLERANCE = 1e-8; // the reference's numbers are rounded to 9 digits

export async function* checkRoc({ golden, patchable }, record) {
  const { graph } = await patchable(record.id.split('/')[0]);
  const { prune_scores: id, true_edges: trueEdges, all_edges: all } = record.settings;
  const scores = tensorsOf(golden.tensors(id));
  const counts = edgeCounts(graph, all ? { rule: 'all', scores } : { scores });
  const points = [
    { falsePositiveRate: 0, truePositiveRate: 0 },
    ...counts.map((count) => rocPointAt(graph, scores, trueEdges, count)),
    { falsePositiveRate: 1, truePositiveRate: 1 },
  ];
  const flat = points.flatMap((point) => [point.falsePositiveRate, point.truePositiveRate]);
  yield relativeOutcome(`${record.id}/points`, flat, record.values.points_fpr_tpr.flat(), ROC_TOLERANCE);
  yield relativeOutcome(`${record.id}/area`, [rocArea(points)], [record.values.auc], ROC_TOLERANCE);
  if (all) yield relativeOutcome(`${record.id}/area of the whole curve`, [rocArea(rocCurve(graph, scores, trueEdges))], [record.values.auc], ROC_TOLERANCE);
}

export async function* checkSimilarity({ golden, patchable }, record) {
  const { graph } = await patchable(record.id.split('/')[0]);
  const [a, b] = [record.settings.a, record.settings.b].map((id) => tensorsOf(golden.tensors(id)));
  const share = (x, y, count) => topOverlap(graph, x, y, count).share ?? Number.NaN;
  for (const [count, expected] of Object.entries(record.values)) {
    const theirs = [expected.a.a, expected.a.b, expected.b.b].map(Number);
    const k = Number(count);
    const ours = [share(a, a, k), share(a, b, k), share(b, b, k)];
    const same = ours.every((x, i) => Object.is(x, theirs[i]) || largestError([x], [theirs[i]]) <= ROC_TOLERANCE);
    yield same ? { outcome: 'passed', name: `${record.id}/${count}`, detail: `overlap ${ours[1]}` } : { outcome: 'failed', name: `${record.id}/${count}`, detail: `got ${ours}, expected ${theirs}` };
  }
}

export async function* checkAuc(_context, record) {
  yield differs(record.id, 'the reference subtracts a raw first value from logarithms and floors areas at 0.001; our own formula has tests');
}

/** The reference's knock-outs are the circuit's edges with a signed score from the threshold up; on the same sets, the same numbers. */
export async function* checkCompleteness({ golden, batches, patchable }, record) {
  if (!record.id.endsWith('/same_under_knockout')) return yield skipped(record.id, 'no check of this kind of completeness yet');
  const model = await patchable(record.id.split('/')[0]);
  const { graph } = model;
  const { circuit_ps: circuitScores, knockout_ps: knockoutScores } = record.settings;
  const chosenBy = tensorsOf(golden.tensors(circuitScores));
  const knockedBy = flattenScores(graph, tensorsOf(golden.tensors(knockoutScores)));
  for (const [key, [size, count, normal, knockedOut]] of Object.entries(record.values)) {
    const [, asked, threshold] = key.match(/^size(\d+)_threshold(.*)$/);
    const circuit = makeCircuit(graph, topEdges(graph, chosenBy, Number(asked)).edges);
    const knockouts = circuit.edges.filter((edge) => knockedBy[edge] >= Number(threshold));
    const result = await sameUnderKnockouts({ model, batches, circuit, knockouts, ablation: { ablation: 'resample', ablateFrom: 'corrupt' }, patch: { kind: 'resample', from: 'corrupt' } });
    yield exactOutcome(`${record.id}/${key}/edges`, [circuit.edges.length, result.knockouts], [size, count]);
    yield relativeOutcome(`${record.id}/${key}/KL`, [result.normal.value, result.knockedOut.value], [normal, knockedOut], record.values_rel_tol);
  }
  yield differs(`${record.id}/which edges`, 'we knock out by importance |score|, the reference by the signed score; the numbers above are of its edges');
}
