import { describe, expect, it } from 'vitest';
import { interpreterBackend } from '../../backend/interpreter/interpreter.js';
import { buildGraph } from '../../graph/build.js';
import { maskFromEdges } from '../../graph/circuit.js';
import { outputRow } from '../../objectives/output-row.js';
import { logProbabilities, readRows } from '../../objectives/readings.js';
import { klDivergence } from '../../objectives/token-functions.js';
import type { PromptBatch } from '../../prompts/types.js';
import { tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { createPatchableModel } from '../engine.js';

const object = tinyTransformer();
const graph = buildGraph(object.spec.layout);
const plain = tinyPrompts(3);
const OUTPUTS = object.spec.outputSize;
/** Ragged answers, and one that is given twice. */
const batch: PromptBatch = {
  ...plain,
  prompts: plain.prompts.map((prompt, i) => ({
    ...prompt,
    answers: [[1], [2, 3, 2], [OUTPUTS - 1]][i]!,
    wrongAnswers: [[0, 4], [], [1]][i]!,
  })),
};
const edges = Array.from({ length: graph.edgeCount }, (_, edge) => edge);
const masks = [[], edges.slice(0, 2), edges.slice(0, 5), edges.slice(0, 9), edges.slice(4), edges].map((own) =>
  maskFromEdges(graph, own, { inside: 0, outside: 1 }),
);
const REQUEST = { input: 'clean', patch: { kind: 'resample', from: 'corrupt' }, masks } as const;

/**
 * In float32 over 11 outputs: a sum of n terms and the logarithm of it are off by (n + 3) ulp of the largest term at most, which
 * is below 16 for these logits: 14 · 2⁻²⁴ · 16 = 1.4e-5.
 */
const TOLERANCE = 1.4e-5;

describe.each([undefined, 'dense', 'noising', 'denoising'] as const)('readings of runs under masks, %s', (way) => {
  it.each([1024, 3])('are what the host reads of their logits, with %i tokens a run', async (microBatchTokens) => {
    const backend = interpreterBackend();
    const model = await createPatchableModel({
      model: object,
      graph,
      backend,
      microBatchTokens,
      ...(way ? { way } : {}),
    });
    const sides = await Promise.all(['clean', 'corrupt'].map(async (side) => model.patchedRun(batch, { input: side as 'clean', patch: { kind: 'zero' }, mask: masks.at(-1)! }))); // biome-ignore format: one line
    const references = sides.map(({ data }) => logProbabilities(data, 3));
    const logits = await model.patchedRuns(batch, REQUEST);
    const read = await model.patchedRuns(batch, { ...REQUEST, readings: { references } });
    for (const [m, tensor] of read.entries()) {
      expect(tensor.shape).toEqual([3, 2 * 3 + 2 + 2]);
      const rows = readRows(tensor.data, batch.prompts, OUTPUTS);
      for (const [i, row] of rows.entries()) {
        const whole = logits[m]!.data.subarray(i * OUTPUTS, (i + 1) * OUTPUTS);
        const wanted = outputRow(whole);
        const prompt = batch.prompts[i]!;
        for (const token of [...prompt.answers, ...prompt.wrongAnswers]) {
          expect(Math.abs(row.logit(token) - whole[token]!)).toBeLessThan(TOLERANCE);
        }
        expect(Math.abs(row.logSumExp - wanted.logSumExp)).toBeLessThan(TOLERANCE);
        expect(row.atLeastBest(prompt)).toBe(wanted.atLeastBest(prompt));
        for (const [r, { data }] of sides.entries()) {
          const kl = klDivergence(data.subarray(i * OUTPUTS, (i + 1) * OUTPUTS), whole);
          expect(Math.abs(row.divergences[r]! - kl)).toBeLessThan(2 * TOLERANCE);
        }
      }
    }
    expect(() => readRows(read[0]!.data, batch.prompts, OUTPUTS)[0]!.logit(7)).toThrow(
      /token 7 of prompt 0 was not read/,
    );
    await model.dispose();
  });
});

describe('a reading of an impossible token', () => {
  it('is left out of KL, as the host leaves it out', async () => {
    const model = await createPatchableModel({ model: object, graph, backend: interpreterBackend() });
    const { data } = (await model.patchedRuns(batch, REQUEST))[0]!;
    const logits = Float32Array.from(data, (x, i) => (i % OUTPUTS === 6 ? Number.NEGATIVE_INFINITY : x));
    const references = [logProbabilities(logits, 3)];
    const [read] = await model.patchedRuns(batch, { ...REQUEST, readings: { references } });
    for (const [i, { divergences }] of readRows(read!.data, batch.prompts, OUTPUTS).entries()) {
      const row = (of: Float32Array) => of.subarray(i * OUTPUTS, (i + 1) * OUTPUTS);
      expect(Math.abs(divergences[0]! - klDivergence(row(logits), row(data)))).toBeLessThan(2 * TOLERANCE);
    }
    await model.dispose();
  });
});
