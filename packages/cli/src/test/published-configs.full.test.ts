/** @file Small random models by the configs of published ones, as they are and processed, against the logits of transformers. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onnxBackend } from '@auto-circuit/backend-onnx';
import { tfjsBackend } from '@auto-circuit/backend-tfjs';
import { buildGraph, createPatchableModel, interpreterBackend, openSafetensors } from '@auto-circuit/core';
import { loadModel } from '@auto-circuit/models';
import { describe, expect, it } from 'vitest';

/** Made by `scripts/make-config-test-data.py`. */
const root = fileURLToPath(new URL('../../../models/test-data/configs/', import.meta.url));
/** A few hundred roundings of 2⁻²⁴ of numbers below 20, most of which cancel. */
const TOLERANCE = 1e-4;

const BACKENDS = { interpreter: () => interpreterBackend(), onnx: () => onnxBackend(), tfjs: () => tfjsBackend() };

/** Each row of `width` numbers less its mean: processing shifts all logits of a prompt by a constant. */
const centred = (rows: readonly number[], width: number): number[] =>
  rows.map((x, i) => {
    const row = rows.slice(i - (i % width), i - (i % width) + width);
    return x - row.reduce((sum, y) => sum + y, 0) / width;
  });

describe.each(Object.entries(BACKENDS))('%s', (_, backend) => {
  describe.each(['none', 'all'] as const)('weights processed: %s', (process) => {
    it.each(readdirSync(root))('%s has the logits of transformers', async (name) => {
      const { model } = await loadModel(`${root}${name}`, { process });
      const expected = openSafetensors(`${root}${name}/expected.safetensors`);
      const { shape } = expected.tensors.get('tokens')!; // [prompts, pos]
      const data = Int32Array.from(expected.read('tokens') as ArrayLike<number | bigint>, Number);
      const graph = buildGraph(model.spec.layout);
      const patchable = await createPatchableModel({ model, graph, backend: await backend() });
      const { data: ours } = await patchable.run({ dtype: 'int', shape, data }, 'all'); // [prompts, pos, vocabulary]
      await patchable.dispose();
      const logits = Array.from(expected.read('logits') as ArrayLike<number>);
      const shifted = model.processing.includes('center-unembed');
      const both = [logits, Array.from(ours)].map((rows) => (shifted ? centred(rows, model.spec.outputSize) : rows));
      const error = both[0]!.reduce((largest, x, i) => Math.max(largest, Math.abs(x - both[1]![i]!)), 0);
      expect(both[1]).toHaveLength(both[0]!.length);
      expect(error).toBeLessThan(TOLERANCE);
    });
  });
});
