/**
 * @file One case in a process of its own, so that its peak memory is its own: node bench/case.mjs CASE BxP
 * Prints one JSON line {case, shape, median_ms, min_ms, runs, peak_mib}. Cases: plain, patched, eap.
 */

import { onnxBackend } from '@auto-circuit/backend-onnx';
import {
  buildGraph,
  createPatchableModel,
  DEFAULT_GRAPH_OPTIONS,
  maskFromEdges,
  seededRandom,
} from '@auto-circuit/core';
import { gpt2Small, randomBatch } from './gpt2-small.mjs';

const [, , caseName, shapeText, microBatch] = process.argv;
const [prompts, length] = shapeText.split('x').map(Number);

const debug = process.env.BENCH_DEBUG ? (line) => console.error(line) : () => {};
const model = await gpt2Small();
const graph = buildGraph(model.spec.layout, DEFAULT_GRAPH_OPTIONS);
// prepacked weights in every case, so that ratios compare like with like
const backend = await onnxBackend({ threads: Number(process.env.BENCH_THREADS ?? 2), prepack: true });
// pass 1 is never kept: each run pays for its own, as a first run does
const open = (keepBytes) =>
  createPatchableModel({
    model,
    graph,
    backend,
    keepBytes,
    onDebug: debug,
    ...(microBatch ? { microBatchTokens: Number(microBatch) } : {}),
  });
const patchable = await open(caseName === 'patched' ? undefined : 0);
const batch = randomBatch(prompts, length, model.spec.outputSize);
const patch = { kind: 'resample', from: 'corrupt' };
const random = seededRandom(2);
const mask = maskFromEdges(
  graph,
  Array.from({ length: 100 }, () => random.below(graph.edgeCount)),
  { inside: 1, outside: 0 },
);
const tokens = {
  dtype: 'int',
  shape: [prompts, length],
  data: Int32Array.from(batch.prompts.flatMap((prompt) => prompt.clean)),
};

const CASES = {
  plain: () => patchable.run(tokens),
  // the second pass under a mask of 100 edges; the first pass is kept from the warm-up, as for every mask but the first
  patched: () => patchable.patchedRun(batch, { input: 'clean', patch, mask }),
  // both forward passes, the backward pass and all scores of every prompt
  eap: () =>
    patchable.maskGradient(batch, {
      input: 'clean',
      patch,
      objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' },
    }),
};
const run = CASES[caseName];
if (!run) {
  console.error(`[bench] unknown case "${caseName}"; known: ${Object.keys(CASES).join(', ')}`);
  process.exit(2);
}
for (let i = 0; i < 2; i++) await run();
const times = [];
const until = performance.now() + 20_000;
while (times.length < 9 && (times.length < 3 || performance.now() < until)) {
  const start = performance.now();
  await run();
  times.push(performance.now() - start);
}
times.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    case: caseName,
    shape: shapeText,
    median_ms: round(times[times.length >> 1]),
    min_ms: round(times[0]),
    runs: times.length,
    peak_mib: round(process.resourceUsage().maxRSS / 1024),
  }),
);
process.exit(0);

function round(x) {
  return Math.round(x * 10) / 10;
}
