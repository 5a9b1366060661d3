/** @file The program of a Gemma: the norm after attention costs no second product. */
import { type Program, plainProgram } from '@auto-circuit/core/backend';
import { buildGraph, type ModelObject } from '@auto-circuit/core/plugin';
import { expect, it } from 'vitest';
import { randomGemma } from './random-models.js';

const model: ModelObject = randomGemma({
  ...{ layers: 2, heads: 4, kvHeads: 2, dModel: 16, dHead: 4, dMlp: 24, vocabulary: 11, positions: 8, epsilon: 1e-6 },
  ...{
    activation: 'gelu_pytorch_tanh',
    windows: [3, null],
    attentionScale: 0.5,
    scoreCap: 2,
    logitCap: 3,
    norms: true,
  },
});

it('makes the sum over heads once in a plain run, and leaves the projection as it is', () => {
  const program: Program = plainProgram({ model, graph: buildGraph(model.spec.layout) }, 'last');
  // a layer: q, k, v; scores and values; the output; gate, up and down. Then the unembedding.
  expect(program.values.filter(({ op }) => op === 'matmul')).toHaveLength(2 * 9 + 1);
  const weights = new Map(program.values.map((value) => [value.id, value]));
  const scaled = program.values.filter(
    ({ op, inputs }) =>
      op === 'mul' && inputs.some((id) => weights.get(id)?.op === 'weight' && weights.get(id)!.shape.length === 3),
  );
  expect(scaled).toEqual([]);
  expect(model.spec.headsWriteTogether).toBe(true);
});
