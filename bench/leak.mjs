/**
 * @file Whether memory grows: after a warm-up, three windows of 1,000 patched runs of the shipped model each, and the least
 * growth of resident memory in a window. node --expose-gc bench/leak.mjs BACKEND [RUNS]; prints one JSON line.
 */
import { buildGraph, createPatchableModel, DEFAULT_GRAPH_OPTIONS, maskFromEdges } from '@auto-circuit/core';
import { loadModel } from '@auto-circuit/models';
import { openBackend } from '../scripts/golden/model.mjs';
import { randomBatch } from './gpt2-small.mjs';

const [, , name = 'onnx', runsText = '1000'] = process.argv;
const runs = Number(runsText);
const { model } = await loadModel('ioi-mini');
const graph = buildGraph(model.spec.layout, DEFAULT_GRAPH_OPTIONS);
const patchable = await createPatchableModel({ model, graph, backend: await openBackend(name) });
const batch = randomBatch(8, 15, model.spec.outputSize);
const mask = maskFromEdges(graph, [1, 20, 50], { inside: 0, outside: 1 });
const patched = () =>
  patchable.patchedRun(batch, { input: 'clean', patch: { kind: 'resample', from: 'corrupt' }, mask });

/** MiB in use once the garbage of the runs so far is gone. */
const resident = () => {
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  return process.memoryUsage().rss / 2 ** 20;
};
for (let i = 0; i < runs; i++) await patched();
// What leaks grows in every window; what V8 still arranges for itself (code, heap pages) does not.
const windows = [];
for (let window = 0; window < 3; window++) {
  const before = resident();
  for (let i = 0; i < runs; i++) await patched();
  windows.push(resident() / before - 1);
}
const growth = Number(Math.min(...windows).toFixed(4));
console.log(
  JSON.stringify({
    backend: name,
    runs,
    resident_mib: Math.round(resident()),
    growth,
    windows: windows.map((w) => Number(w.toFixed(4))),
  }),
);
process.exit(0);
