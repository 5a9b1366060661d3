/** @file Models of a given shape with seeded random weights: for benchmarks and tests. */

import { memoryWeights } from '@auto-circuit/core/backend';
import { type ModelObject, seededRandom } from '@auto-circuit/core/plugin';
import { type GemmaShape, gemmaModel } from '../architectures/gemma.js';
import { type Gpt2Shape, gpt2Model } from '../architectures/gpt2.js';
import { type LlamaShape, llamaModel } from '../architectures/llama.js';
import { type NeoxShape, neoxModel } from '../architectures/neox.js';
import { type RotarySettings, rotaryTable } from '../checkpoint/rotary.js';

/** GPT-2 small: 12 layers, 12 heads, d_model 768. */
export const GPT2_SMALL: Gpt2Shape = Object.freeze({
  layers: 12,
  heads: 12,
  dModel: 768,
  dHead: 64,
  dMlp: 3072,
  vocabulary: 50257,
  positions: 1024,
  epsilon: 1e-5,
  activation: 'gelu_new',
  mlp: true,
});

type Shapes = Record<string, readonly number[]>;

export interface RandomModelOptions {
  /** Default 0. */
  readonly seed?: number;
  /** Times the standard deviation of 0.02; small models need more for every part to matter. Default 1. */
  readonly scale?: number;
}

/** Normal weights (biases too, so that nothing is zero by chance of initialisation). */
function randomWeights(
  shapes: Shapes,
  { seed = 0, scale = 1 }: RandomModelOptions,
): Record<string, { shape: readonly number[]; data: Float32Array }> {
  const random = seededRandom(seed, 'weights');
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((a, d) => a * d, 1));
      for (let i = 0; i < data.length; i++) data[i] = random.normal() * 0.02 * scale;
      return [name, { shape, data }];
    }),
  );
}

const keyOf = (family: string, shape: object, options: RandomModelOptions): string =>
  `random-${family}-${JSON.stringify([shape, options])}`;

/** A GPT-2 of this shape as after all processing steps: no layer norm weights, an unembedding of its own. */
export function randomGpt2(shape: Gpt2Shape, options: RandomModelOptions = {}): ModelObject {
  const { layers, heads, dModel: d, dHead, dMlp, vocabulary, positions } = shape;
  const shapes: Shapes = {
    'embed.W': [vocabulary, d],
    'pos.W': [positions, d],
    'unembed.W': [vocabulary, d],
    'unembed.b': [vocabulary],
  };
  for (let l = 0; l < layers; l++) {
    for (const x of ['q', 'k', 'v']) shapes[`L${l}.attn.${x}.W`] = [heads, dHead, d];
    for (const x of ['q', 'k', 'v']) shapes[`L${l}.attn.${x}.b`] = [heads, dHead];
    Object.assign(shapes, { [`L${l}.attn.o.W`]: [heads, dHead, d], [`L${l}.attn.o.b`]: [d] });
    if (shape.mlp)
      Object.assign(shapes, {
        [`L${l}.mlp.in.W`]: [d, dMlp],
        [`L${l}.mlp.in.b`]: [dMlp],
        [`L${l}.mlp.out.W`]: [dMlp, d],
        [`L${l}.mlp.out.b`]: [d],
      });
  }
  return gpt2Model('random-gpt2', shape, memoryWeights(randomWeights(shapes, options), keyOf('gpt2', shape, options)));
}

/** A Llama of this shape, unprocessed, with tied embeddings. */
export function randomLlama(shape: LlamaShape, options: RandomModelOptions = {}): ModelObject {
  const { layers, heads, kvHeads, dModel: d, dHead, dMlp, vocabulary, positions } = shape;
  const shapes: Shapes = { 'embed.W': [vocabulary, d], 'final.ln.w': [d] };
  for (let l = 0; l < layers; l++) {
    for (const [x, count] of [
      ['q', heads],
      ['k', kvHeads],
      ['v', kvHeads],
    ] as const)
      shapes[`L${l}.attn.${x}.W`] = [count, dHead, d];
    Object.assign(shapes, {
      [`L${l}.attn.o.W`]: [heads, dHead, d],
      [`L${l}.ln1.w`]: [d],
      [`L${l}.ln2.w`]: [d],
      [`L${l}.mlp.gate.W`]: [dMlp, d],
      [`L${l}.mlp.up.W`]: [dMlp, d],
      [`L${l}.mlp.down.W`]: [d, dMlp],
    });
  }
  const weights = { ...randomWeights(shapes, options), ...rotaryWeights(positions, dHead) };
  return llamaModel('random-llama', shape, memoryWeights(weights, keyOf('llama', shape, options)));
}

/** A Gemma of this shape, unprocessed, with tied embeddings; `norms: true` for those of queries and keys (Gemma 3). */
export function randomGemma(
  shape: GemmaShape & { readonly norms: boolean },
  options: RandomModelOptions = {},
): ModelObject {
  const { layers, heads, kvHeads, dModel: d, dHead, dMlp, vocabulary, positions } = shape;
  const shapes: Shapes = { 'embed.W': [vocabulary, d], 'final.ln.w': [d] };
  for (let l = 0; l < layers; l++) {
    for (const norm of ['ln1', 'ln2', 'attn.post', 'mlp.post']) shapes[`L${l}.${norm}.w`] = [d];
    for (const x of ['q', 'k']) if (shape.norms) shapes[`L${l}.attn.${x}.norm.w`] = [dHead];
    Object.assign(shapes, {
      [`L${l}.attn.q.W`]: [heads, dHead, d],
      [`L${l}.attn.k.W`]: [kvHeads, dHead, d],
      [`L${l}.attn.v.W`]: [kvHeads, dHead, d],
      [`L${l}.attn.o.W`]: [heads, dHead, d],
      [`L${l}.mlp.gate.W`]: [dMlp, d],
      [`L${l}.mlp.up.W`]: [dMlp, d],
      [`L${l}.mlp.down.W`]: [d, dMlp],
    });
  }
  const weights = { ...randomWeights(shapes, options), ...rotaryWeights(positions, dHead) };
  return gemmaModel('random-gemma', shape, memoryWeights(weights, keyOf('gemma', shape, options)));
}

/** A GPT-NeoX of this shape, unprocessed, with embeddings of its own on both ends. */
export function randomNeox(shape: NeoxShape, options: RandomModelOptions = {}): ModelObject {
  const { layers, heads, dModel: d, dHead, dRotary, dMlp, vocabulary, positions } = shape;
  const shapes: Shapes = {
    'embed.W': [vocabulary, d],
    'unembed.W': [vocabulary, d],
    'final.ln.w': [d],
    'final.ln.b': [d],
  };
  for (let l = 0; l < layers; l++) {
    for (const x of ['q', 'k', 'v']) shapes[`L${l}.attn.${x}.W`] = [heads, dHead, d];
    for (const x of ['q', 'k', 'v']) shapes[`L${l}.attn.${x}.b`] = [heads, dHead];
    for (const norm of ['ln1', 'ln2']) Object.assign(shapes, { [`L${l}.${norm}.w`]: [d], [`L${l}.${norm}.b`]: [d] });
    Object.assign(shapes, {
      [`L${l}.attn.o.W`]: [heads, dHead, d],
      [`L${l}.attn.o.b`]: [d],
      [`L${l}.mlp.in.W`]: [d, dMlp],
      [`L${l}.mlp.in.b`]: [dMlp],
      [`L${l}.mlp.out.W`]: [dMlp, d],
      [`L${l}.mlp.out.b`]: [d],
    });
  }
  const weights = { ...randomWeights(shapes, options), ...rotaryWeights(positions, dRotary) };
  return neoxModel('random-neox', shape, memoryWeights(weights, keyOf('neox', shape, options)));
}

function rotaryWeights(
  positions: number,
  dims: number,
): Record<string, { shape: readonly number[]; data: Float32Array }> {
  const rotary: RotarySettings = { theta: 10_000, dims, scaling: { kind: 'default' } };
  return {
    'rope.cos': { shape: [positions, dims], data: rotaryTable('cos', rotary, positions) },
    'rope.sin': { shape: [positions, dims], data: rotaryTable('sin', rotary, positions) },
  };
}
