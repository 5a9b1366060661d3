/** @file The weights of a GPT-2 that is about to be trained: their shapes, and random ones to begin with. */

import type { MemoryWeight } from '@auto-circuit/core/backend';
import { elementCount, uniformAt } from '@auto-circuit/core/plugin';
import type { Gpt2Shape } from '../architectures/gpt2.js';

export type Weights = Readonly<Record<string, MemoryWeight>>;

/** Every weight by its canonical name: layer norms apart, embedding and unembedding one matrix. */
export function gpt2WeightShapes(shape: Gpt2Shape): Readonly<Record<string, readonly number[]>> {
  const { layers, heads, dModel, dHead, dMlp, vocabulary, positions } = shape;
  const shapes: Record<string, readonly number[]> = { 'embed.W': [vocabulary, dModel], 'pos.W': [positions, dModel] };
  const norm = (name: string): void => {
    shapes[`${name}.w`] = shapes[`${name}.b`] = [dModel];
  };
  for (let l = 0; l < layers; l++) {
    norm(`L${l}.ln1`);
    for (const input of ['q', 'k', 'v']) {
      shapes[`L${l}.attn.${input}.W`] = [heads, dHead, dModel];
      shapes[`L${l}.attn.${input}.b`] = [heads, dHead];
    }
    shapes[`L${l}.attn.o.W`] = [heads, dHead, dModel];
    shapes[`L${l}.attn.o.b`] = [dModel];
    if (!shape.mlp) continue;
    norm(`L${l}.ln2`);
    shapes[`L${l}.mlp.in.W`] = [dModel, dMlp];
    shapes[`L${l}.mlp.in.b`] = [dMlp];
    shapes[`L${l}.mlp.out.W`] = [dMlp, dModel];
    shapes[`L${l}.mlp.out.b`] = [dModel];
  }
  norm('final.ln');
  return shapes;
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
