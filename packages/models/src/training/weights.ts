/** @file The weights of a GPT-2 that is about to be trained: their shapes, and random ones to begin with. */

import type { MemoryWeight } from '@auto-circuit/core/backend';
import { elementCount, uniformAt } from '@auto-circuit/core/plugin';
import type { Gpt2Shape } from '../architectures/gpt2.js';
import { outputShapes, plainMlpShapes, type WeightShapes } from '../architectures/weight-shapes.js';

/** Weights in memory by canonical name. */
export type Weights = Readonly<Record<string, MemoryWeight>>;

/**
 * Every weight by its canonical name: layer norms apart, embedding and unembedding one matrix. Initial weights are drawn by
 * place in this order, so here, unlike elsewhere, a projection's bias follows its matrix and a norm's weight its bias.
 */
export function gpt2WeightShapes(shape: Gpt2Shape): Readonly<WeightShapes> {
  const { layers, heads, dModel, dHead, vocabulary, positions } = shape;
  const norm = (name: string): WeightShapes => ({ [`${name}.b`]: [dModel], [`${name}.w`]: [dModel] });
  const layer = (name: string): WeightShapes => ({
    ...norm(`${name}.ln1`),
    ...Object.fromEntries(
      ['q', 'k', 'v'].flatMap((input) => [
        [`${name}.attn.${input}.W`, [heads, dHead, dModel]],
        [`${name}.attn.${input}.b`, [heads, dHead]],
      ]),
    ),
    ...outputShapes(`${name}.attn`, shape, true),
    ...(shape.mlp ? { ...norm(`${name}.ln2`), ...plainMlpShapes(`${name}.mlp`, shape) } : {}),
  });
  return Object.assign(
    { 'embed.W': [vocabulary, dModel], 'pos.W': [positions, dModel] },
    ...Array.from({ length: layers }, (_, l) => layer(`L${l}`)),
    norm('final.ln'),
  );
}

/** Matrices are drawn and decay; biases begin at 0 and layer norm weights at 1, and neither decays. */
export const isMatrix = (name: string): boolean => name.endsWith('.W');

/** Normal, standard deviation 0.1 for the token embedding and 0.05 for other matrices. The same seed gives the same numbers. */
export function initialWeights(shape: Gpt2Shape, seed: number): Weights {
  return Object.fromEntries(
    Object.entries(gpt2WeightShapes(shape)).map(([name, dims], tensor) => {
      const deviation = name === 'embed.W' ? 0.1 : 0.05;
      const start = name.endsWith('.w') ? 1 : 0;
      const data = Float32Array.from({ length: elementCount(dims) }, (_, i) =>
        isMatrix(name) ? deviation * normalAt(seed, tensor, i) : start,
      );
      return [name, { shape: dims, data }];
    }),
  );
}

/** A standard normal number that belongs to its place (Box and Muller 1958). */
function normalAt(seed: number, tensor: number, index: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniformAt(seed, tensor, index, 0)));
  return radius * Math.cos(2 * Math.PI * uniformAt(seed, tensor, index, 1));
}
