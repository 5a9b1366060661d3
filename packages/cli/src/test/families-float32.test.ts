/** @file Every family in float32 on the runtimes, against the logits of Hugging Face transformers. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onnxBackend } from '@auto-circuit/backend-onnx';
import { tfjsBackend } from '@auto-circuit/backend-tfjs';
import { buildGraph, createPatchableModel, openSafetensors } from '@auto-circuit/core';
import { loadModel } from '@auto-circuit/models';
import { describe, expect, it } from 'vitest';

/** Small random models of every family (`scripts/make-family-test-data.py`). */
const root = fileURLToPath(new URL('../../../models/test-data/families/', import.meta.url));
/** A few hundred roundings of 2⁻²⁴ of numbers below 10, most of which cancel. */
const TOLERANCE = 1e-4;

const BACKENDS = { onnx: () => onnxBackend(), tfjs: () => tfjsBackend() };

describe.each(Object.entries(BACKENDS))('%s', (_, backend) => {
  it.each(readdirSync(root))('%s has the logits of transformers', async (name) => {
    const { model } = await loadModel(`${root}${name}`, { process: 'none' });
    const expected = openSafetensors(`${root}${name}/expected.safetensors`);
    const { shape } = expected.tensors.get('tokens')!; // [prompts, pos]
    const data = Int32Array.from(expected.read('tokens') as ArrayLike<number | bigint>, Number);
    const graph = buildGraph(model.spec.layout);
    const patchable = await createPatchableModel({ model, graph, backend: await backend() });
    const { data: ours } = await patchable.run({ dtype: 'int', shape, data }, 'all'); // [prompts, pos, vocabulary]
    await patchable.dispose();
    const logits = Array.from(expected.read('logits') as ArrayLike<number>);
    const error = logits.reduce((largest, x, i) => Math.max(largest, Math.abs(x - ours[i]!)), 0);
    expect(error).toBeLessThan(TOLERANCE);
  });
});
