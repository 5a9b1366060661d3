/**
 * @file One runtime against another: plain, patched and EAP on the shipped model and at GPT-2 small's shape, and what the 2-D
 * products of a plain pass alone would take in WebAssembly.
 *
 *   node bench/runtimes.mjs [--backends onnx,tfjs-wasm] [--models ioi-mini,gpt2-small] [--shape 2x16]
 */
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { buildGraph, createPatchableModel, DEFAULT_GRAPH_OPTIONS, maskFromEdges } from '@auto-circuit/core';
import { loadModel } from '@auto-circuit/models';
import { openBackend } from '../scripts/golden/model.mjs';
import { gpt2Small, randomBatch } from './gpt2-small.mjs';

const { values } = parseArgs({
  options: {
    backends: { type: 'string', default: 'onnx,tfjs-wasm' },
    models: { type: 'string', default: 'ioi-mini,gpt2-small' },
    shape: { type: 'string', default: '2x16' },
  },
});
const MODELS = { 'ioi-mini': async () => (await loadModel('ioi-mini')).model, 'gpt2-small': () => gpt2Small() };
const [prompts, length] = values.shape.split('x').map(Number);
const patch = { kind: 'resample', from: 'corrupt' };

console.log(`batch × pos ${values.shape}; medians in ms`);
console.log('model        backend       plain    patched        EAP   / the first backend');
for (const name of values.models.split(',')) {
  const model = await MODELS[name]();
  const graph = buildGraph(model.spec.layout, DEFAULT_GRAPH_OPTIONS);
  const batch = randomBatch(prompts, length, model.spec.outputSize);
  let first;
  for (const backendName of values.backends.split(',')) {
    const backend = await openBackend(backendName);
    const patchable = await createPatchableModel({ model, graph, backend });
    const tokens = {
      dtype: 'int',
      shape: [prompts, length],
      data: Int32Array.from(batch.prompts.flatMap((p) => p.clean)),
    };
    const mask = maskFromEdges(graph, [0, 5, 9], { inside: 1, outside: 0 });
    const times = [
      await median(() => patchable.run(tokens)),
      await median(() => patchable.patchedRun(batch, { input: 'clean', patch, mask })),
      await median(() =>
        patchable.maskGradient(batch, {
          input: 'clean',
          patch,
          objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' },
        }),
      ),
    ];
    first ??= times;
    const ratios = times.map((t, i) => (t / first[i]).toFixed(1)).join(' · ');
    console.log(
      `${name.padEnd(12)} ${backendName.padEnd(10)} ${times.map((t) => t.toFixed(1).padStart(8)).join('   ')}   ${ratios}`,
    );
    await patchable.dispose();
    await backend.dispose();
  }
  if (values.backends.includes('wasm') && name === 'gpt2-small') {
    console.log(
      `${name.padEnd(12)} the 2-D products of a plain pass alone, wasm: ${(await productsAlone(prompts * length, prompts)).toFixed(1)} ms`,
    );
  }
}
process.exit(0);

async function median(run) {
  for (let i = 0; i < 2; i++) await run();
  const times = [];
  const until = performance.now() + 15_000;
  while (times.length < 7 && (times.length < 3 || performance.now() < until)) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[times.length >> 1];
}

/** The matrix products of GPT-2 small on `rows` tokens, as 2-D products of plain tensors. */
async function productsAlone(rows, outputs) {
  const require = createRequire(new URL('../packages/backend-tfjs/package.json', import.meta.url));
  const tf = require('@tensorflow/tfjs-core');
  const { setWasmPaths } = require('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(`${require.resolve('@tensorflow/tfjs-backend-wasm').replace(/[^/\\]*$/, '')}`);
  await tf.setBackend('wasm');
  const layer = [
    [rows, 768, 2304],
    [rows, 768, 768],
    [rows, 768, 3072],
    [rows, 3072, 768],
  ];
  const shapes = [...Array.from({ length: 12 }, () => layer).flat(), [outputs, 768, 50257]];
  const pairs = shapes.map(([m, k, n]) => [tf.randomNormal([m, k]), tf.randomNormal([k, n])]);
  return median(async () => {
    for (const [a, b] of pairs) {
      const product = tf.matMul(a, b);
      await product.data();
      product.dispose();
    }
  });
}
