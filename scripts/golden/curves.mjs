/** @file What is said of scores and curves: ROC, overlap between algorithms, area under a curve, completeness. */
import { makeCircuit, topEdges, flattenScores } from '@auto-circuit/core';
import { edgeCounts } from '@auto-circuit/core/run';
import { areaUnderCurve, knockoutsAbove, rocArea, rocCurve, rocPointAt, sameUnderKnockouts, topOverlap } from '@auto-circuit/metrics';
import { differs } from './by-design.mjs';
import { exactOutcome, largestError, recomputed, relativeOutcome } from './compare.mjs';
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

/** Where the reference's own formula is recomputed from its points, and our areas are those of a slow twin. */
export async function* checkAuc({ golden }, record) {
  const [variant] = record.id.split('/');
  for (const [key, expected] of Object.entries(record.values)) {
    const [circuits, metric, how] = key.split('/');
    const points = golden.records.get(`${variant}/circuits/${circuits}`)?.values.metrics[metric];
    if (!points) {
      yield { outcome: 'failed', name: `${record.id}/${key}`, detail: 'the points of this area are not in the data' };
      continue;
    }
    const [logX, logY, floor] = how === 'linear' ? [false, false, null] : record.settings.metric_settings[metric];
    const numbers = points.map(([x, y]) => [x, Number(y)]).sort((a, b) => a[0] - b[0]);
    const theirs = referenceArea(numbers, { logX, logY, floor });
    const check = recomputed([theirs / Math.max(1, Math.abs(expected))], [expected / Math.max(1, Math.abs(expected))], AREA_TOLERANCE, 'its formula recomputed');
    yield differs(`${record.id}/${key}`, 'area', check);
    if (!logX) continue; // ours has its edges on a logarithmic axis
    const ours = areaUnderCurve(numbers.map(([edges, value]) => ({ edges, value })), logY ? { logFloor: floor } : {});
    yield relativeOutcome(`${record.id}/${key}/our own formula`, [ours], [plainArea(numbers, logY ? floor : null)], 1e-12);
  }
}

/** 9 digits of the points, through a logarithm of values down to the floor. */
const AREA_TOLERANCE = 1e-6;

/** As there: heights above the raw first value (after the logarithm, when there is one), no segment from 0 edges, never below 0.001. */
function referenceArea(points, { logX, logY, floor }) {
  const height = logY ? (y) => Math.log10(Math.max(y, floor)) - Math.log10(floor) : (y) => y;
  const first = points[0][1];
  let area = 0;
  for (let i = 1; i < points.length; i++) {
    const [[x1, y1], [x2, y2]] = [points[i - 1], points[i]];
    if (logX && (x1 === 0 || x2 === 0)) continue;
    const width = logX ? Math.log10(x2) - Math.log10(x1) : x2 - x1;
    area += (width * (height(y1) - first + height(y2) - first)) / 2;
  }
  return Math.max(area, 0.001);
}

/** Ours, slowly: the mean of left and right sums. */
function plainArea(points, floor) {
  const used = points.filter(([x]) => x >= 1).map(([x, y]) => [Math.log10(x), floor === null ? y : Math.log10(Math.max(y, floor))]);
  const sum = (side) => used.slice(1).reduce((total, [x], i) => total + (x - used[i][0]) * used[i + side][1], 0);
  return (sum(0) + sum(1)) / 2;
}

/** The reference's knock-outs are the circuit's edges with a signed score from the threshold up; on the same sets, the same numbers. */
export async function* checkCompleteness({ golden, batches, patchable }, record) {
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
    const ours = knockoutsAbove(circuit, tensorsOf(golden.tensors(knockoutScores)), Number(threshold));
    const signedOnly = ours.filter((edge) => knockedBy[edge] >= 0);
    const check = { ok: JSON.stringify(signedOnly) === JSON.stringify(knockouts), detail: `ours are its ${knockouts.length} edges and ${ours.length - signedOnly.length} of negative score` };
    yield differs(`${record.id}/${key}/which edges`, 'knockouts', check);
    yield exactOutcome(`${record.id}/${key}/edges`, [circuit.edges.length, result.knockouts], [size, count]);
    yield relativeOutcome(`${record.id}/${key}/KL`, [result.normal.value, result.knockedOut.value], [normal, knockedOut], record.values_rel_tol);
  }
}
