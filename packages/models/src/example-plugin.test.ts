/** @file The example plugin (Arcee) as an architecture: its contract, and loading its folder. */
/** The family of the example plugin, which docs/add-an-architecture.md walks through, under the sources of this repository. */
import { fileURLToPath } from 'node:url';
import { buildGraph, createPatchableModel, interpreterBackend, openSafetensors, type Plugin } from '@auto-circuit/core';
import { type Architecture, Registry } from '@auto-circuit/core/plugin';
import { architectureContract, runContract } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { loadModel } from './load-model.js';

const example = new URL('../../../examples/auto-circuit-plugin-arcee/', import.meta.url);
const folder = fileURLToPath(new URL('test-data', example));
const loaded = (await import(/* @vite-ignore */ new URL('index.js', example).href)) as {
  readonly default: Plugin;
  readonly arcee: Architecture;
};

const processed = await loaded.arcee.load({ name: 'tiny', folder, process: 'all', onWarning: expect.unreachable });
runContract('the example family', architectureContract(processed), { describe, it });

it('the example family gives the logits of transformers, found by its model_type', async () => {
  const registry = new Registry().use(loaded.default);
  const { model } = await loadModel(folder, { process: 'none', registry });
  const expected = openSafetensors(`${folder}/expected.safetensors`);
  const { shape } = expected.tensors.get('tokens')!; // [prompts, pos]
  const data = Int32Array.from(expected.read('tokens') as ArrayLike<number | bigint>, Number);
  const backend = interpreterBackend({ precision: 'float64' });
  const patchable = await createPatchableModel({ model, graph: buildGraph(model.spec.layout), backend });
  const { data: ours } = await patchable.run({ dtype: 'int', shape, data }, 'all');
  const logits = expected.read('logits') as Float64Array;
  // as in families.test.ts: only rotary tables are rounded, to float32
  expect(Math.max(...logits.map((x, i) => Math.abs(x - ours[i]!)))).toBeLessThan(2e-5);
  await patchable.dispose();
});
