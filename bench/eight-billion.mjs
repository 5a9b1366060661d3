/**
 * @file A Llama of 8 billion random parameters (Llama 3.1's shape), bfloat16 on disk as it is: EAP, integrated gradients in two steps
 * and a run under a mask on one short pair, piece by piece. Each in a process of its own, watched from outside: seconds, and what is
 * resident at most. The folder is removed at the end.
 *
 *   node bench/eight-billion.mjs [--model eight-billion|one-billion|smollm2] [--layers N] [--halves keep|widen] [--memory GIB]
 *     [--tokens 16] [--work eap,eap-ig,patched] [--keep]            needs 35 GB of disk, and time to write and to convert 16 GB
 */
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { onnxBackend } from '@auto-circuit/backend-onnx';
import { buildGraph, createPatchableModel, DEFAULT_GRAPH_OPTIONS } from '@auto-circuit/core';
import { loadModel } from '@auto-circuit/models';
import { measuredChild } from './measured-child.mjs';
import { costRow, onePair } from './one-pair.mjs';
import { writeRandomCheckpoint } from './random-checkpoint.mjs';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'eight-billion' },
    layers: { type: 'string' },
    halves: { type: 'string', default: 'keep' },
    memory: { type: 'string' },
    tokens: { type: 'string', default: '16' },
    work: { type: 'string', default: 'load,eap,eap-ig,patched' },
    keep: { type: 'boolean', default: false },
    child: { type: 'string' },
  },
});
const layers = values.layers ? Number(values.layers) : undefined;
const name = `auto-circuit-${values.model}${layers ? `-${layers}` : ''}`;
const folder = join(process.env.AUTO_CIRCUIT_BENCH_DIR ?? tmpdir(), name);
const checkpoint = join(folder, 'model');

const DIFF = { kind: 'answers', tokenFunction: 'logit', value: 'diff' };
const REQUEST = { input: 'clean', patch: { kind: 'resample', from: 'corrupt' } };
const WORK = {
  load: async () => {},
  eap: (model, batch) => model.maskGradient(batch, { ...REQUEST, objective: DIFF }),
  async 'eap-ig'(model, batch) {
    for await (const _ of model.gradientsBetween(batch, { ...REQUEST, objective: DIFF }, [0, 0.5]));
  },
  patched: (model, batch) => model.patchedRun(batch, { ...REQUEST, mask: everyThousandthKept(model.graph) }),
};

function everyThousandthKept({ destinationBlocks }) {
  const tensors = destinationBlocks.map(({ module, heads, sources: { start, stop } }) => {
    const shape = [...(heads === null ? [] : [heads]), stop - start];
    const data = Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => (i % 1000 === 0 ? 0 : 1));
    return [module, { dtype: 'float', shape, data }];
  });
  return { perItem: false, tensors: Object.fromEntries(tensors) };
}

async function child(work) {
  const keepHalves = values.halves === 'keep';
  const { model } = await loadModel(checkpoint, { process: 'none', keepHalves, positions: 2048 });
  const graph = buildGraph(model.spec.layout, DEFAULT_GRAPH_OPTIONS);
  const backend = await onnxBackend({ threads: 2 });
  const memory = values.memory ? { memoryBytes: Number(values.memory) * 2 ** 30 } : { pieces: true };
  const patchable = await createPatchableModel({ model, graph, backend, ...memory });
  const length = Number(values.tokens);
  const prompt = { index: 0, ...onePair(length, model.spec.outputSize) };
  await WORK[work](patchable, { length, prompts: [prompt] });
  await patchable.dispose();
  await backend.dispose();
}

async function measure() {
  await mkdir(folder, { recursive: true });
  try {
    const parameters = await writeRandomCheckpoint(values.model, checkpoint, layers);
    console.log(`${(parameters / 1e9).toFixed(2)} billion parameters, 1 × ${values.tokens}, halves: ${values.halves}`);
    console.log('            peak MiB: resident = own + mapped pages       seconds');
    for (const work of values.work.split(',')) {
      const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2), '--child', work];
      const env = { ...process.env, AUTO_CIRCUIT_CACHE: join(folder, 'cache') };
      const { code, stderr, ...cost } = await measuredChild(process.execPath, args, { env });
      if (code !== 0) throw new Error(`${work} ended with code ${code}:\n${stderr}`);
      console.log(costRow(work.padEnd(18), cost));
    }
  } finally {
    if (!values.keep) await rm(folder, { recursive: true });
  }
}

await (values.child ? child(values.child) : measure());
