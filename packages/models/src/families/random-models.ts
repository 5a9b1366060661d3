/** @file Models of a given shape with seeded random weights: for benchmarks and tests. */

import { type MemoryWeight, memoryWeights } from '@auto-circuit/core/backend';
import { type ModelObject, seededRandom } from '@auto-circuit/core/plugin';
import { type DecoderForm, decoderModel } from '../architectures/decoder.js';
import { type GemmaShape, gemmaModel } from '../architectures/gemma.js';
import { type Gpt2Shape, gpt2Model } from '../architectures/gpt2.js';
import { type LlamaShape, llamaModel } from '../architectures/llama.js';
import { type NeoxShape, neoxModel } from '../architectures/neox.js';
import {
  expertShapes,
  gatedMlpShapes,
  normShapes,
  outputShapes,
  plainMlpShapes,
  projectionShapes,
  type WeightShapes,
} from '../architectures/weight-shapes.js';
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

/** How random weights are drawn. */
export interface RandomModelOptions {
  /** Default 0. */
  readonly seed?: number;
  /** Times the standard deviation of 0.02; small models need more for every module to matter. Default 1. */
  readonly scale?: number;
}

/** Weights in memory by name. */
type RandomWeights = Record<string, MemoryWeight>;

/** Normal weights (biases too, so that nothing is zero by chance of initialisation). */
function randomWeights(shapes: WeightShapes, { seed = 0, scale = 1 }: RandomModelOptions): RandomWeights {
  const random = seededRandom(seed, 'weights');
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((a, d) => a * d, 1));
      for (let i = 0; i < data.length; i++) data[i] = random.normal() * 0.02 * scale;
      return [name, { shape, data }];
    }),
  );
}

/** Shapes outside of layers, then those of each layer. */
const allShapes = (outside: WeightShapes, layers: number, inLayer: (name: string) => WeightShapes): WeightShapes =>
  Object.assign({}, outside, ...Array.from({ length: layers }, (_, l) => inLayer(`L${l}`)));

const keyOf = (family: string, shape: object, options: RandomModelOptions): string =>
  `random-${family}-${JSON.stringify([shape, options])}`;

/** A GPT-2 of this shape as after all processing steps: no layer norm weights, an unembedding of its own. */
export function randomGpt2(shape: Gpt2Shape, options: RandomModelOptions = {}): ModelObject {
  const { layers, dModel, vocabulary, positions } = shape;
  const outside = {
    'embed.W': [vocabulary, dModel],
    'pos.W': [positions, dModel],
    'unembed.W': [vocabulary, dModel],
    'unembed.b': [vocabulary],
  };
  const shapes = allShapes(outside, layers, (layer) => ({
    ...projectionShapes(`${layer}.attn`, shape, true),
    ...outputShapes(`${layer}.attn`, shape, true),
    ...(shape.mlp ? plainMlpShapes(`${layer}.mlp`, shape) : {}),
  }));
  return gpt2Model('random-gpt2', shape, memoryWeights(randomWeights(shapes, options), keyOf('gpt2', shape, options)));
}

/** A Llama of this shape, unprocessed, with tied embeddings. */
export function randomLlama(shape: LlamaShape, options: RandomModelOptions = {}): ModelObject {
  const { layers, dModel, dHead, vocabulary, positions } = shape;
  const outside = { 'embed.W': [vocabulary, dModel], 'final.ln.w': [dModel] };
  const shapes = allShapes(outside, layers, (layer) => ({
    ...projectionShapes(`${layer}.attn`, shape, false),
    ...outputShapes(`${layer}.attn`, shape, false),
    ...normShapes(`${layer}.ln1`, dModel, false),
    ...normShapes(`${layer}.ln2`, dModel, false),
    ...gatedMlpShapes(`${layer}.mlp`, shape),
  }));
  const weights = { ...randomWeights(shapes, options), ...rotaryWeights(positions, dHead) };
  return llamaModel('random-llama', shape, memoryWeights(weights, keyOf('llama', shape, options)));
}

/** A Gemma of this shape, unprocessed, with tied embeddings; `norms: true` for those of queries and keys (Gemma 3). */
export function randomGemma(
  shape: GemmaShape & { readonly norms: boolean },
  options: RandomModelOptions = {},
): ModelObject {
  const { layers, dModel, dHead, vocabulary, positions } = shape;
  const outside = { 'embed.W': [vocabulary, dModel], 'final.ln.w': [dModel] };
  const shapes = allShapes(outside, layers, (layer) => ({
    ...normsOf(layer, ['ln1', 'ln2', 'attn.post', 'mlp.post'], dModel),
    ...(shape.norms ? normsOf(layer, ['attn.q.norm', 'attn.k.norm'], dHead) : {}),
    ...projectionShapes(`${layer}.attn`, shape, false),
    ...outputShapes(`${layer}.attn`, shape, false),
    ...gatedMlpShapes(`${layer}.mlp`, shape),
  }));
  const weights = { ...randomWeights(shapes, options), ...rotaryWeights(positions, dHead) };
  return gemmaModel('random-gemma', shape, memoryWeights(weights, keyOf('gemma', shape, options)));
}

const normsOf = (layer: string, names: readonly string[], size: number): WeightShapes =>
  Object.assign({}, ...names.map((name) => normShapes(`${layer}.${name}`, size, false)));

/** A GPT-NeoX of this shape, unprocessed, with embeddings of its own on both ends. */
export function randomNeox(shape: NeoxShape, options: RandomModelOptions = {}): ModelObject {
  const { layers, dModel, dRotary, vocabulary, positions } = shape;
  const outside = {
    'embed.W': [vocabulary, dModel],
    'unembed.W': [vocabulary, dModel],
    ...normShapes('final.ln', dModel, true),
  };
  const shapes = allShapes(outside, layers, (layer) => ({
    ...projectionShapes(`${layer}.attn`, shape, true),
    ...normShapes(`${layer}.ln1`, dModel, true),
    ...normShapes(`${layer}.ln2`, dModel, true),
    ...outputShapes(`${layer}.attn`, shape, true),
    ...plainMlpShapes(`${layer}.mlp`, shape),
  }));
  const weights = { ...randomWeights(shapes, options), ...rotaryWeights(positions, dRotary) };
  return neoxModel('random-neox', shape, memoryWeights(weights, keyOf('neox', shape, options)));
}

/** A decoder of this form, unprocessed, with embeddings of its own on both ends and every bias that it may have. */
export function randomDecoder(form: DecoderForm, options: RandomModelOptions = {}): ModelObject {
  const { layers, dModel, dHead, heads, kvHeads, vocabulary, positions, headNorms, rotary } = form;
  const biased = form.norm === 'layerNorm';
  const norms = (layer: string): WeightShapes => {
    const names = form.norms === 'after' ? ['attn.post', 'mlp.post'] : form.sharedNorm ? ['ln1'] : ['ln1', 'ln2'];
    return Object.assign({}, ...names.map((name) => normShapes(`${layer}.${name}`, dModel, biased)));
  };
  const ofHeads = (layer: string): WeightShapes =>
    headNorms
      ? {
          [`${layer}.attn.q.norm.w`]: headNorms === 'shared' ? [dHead] : [heads, dHead],
          [`${layer}.attn.k.norm.w`]: headNorms === 'shared' ? [dHead] : [kvHeads, dHead],
        }
      : {};
  const mlpShapes = (layer: string): WeightShapes => {
    const { experts } = form;
    const count = experts?.counts[Number(layer.slice(1))];
    if (experts && count) return expertShapes(`${layer}.mlp`, { count, dModel, dExpert: experts.dExpert }, true);
    return form.mlpKind === 'plain' ? plainMlpShapes(`${layer}.mlp`, form) : gatedMlpShapes(`${layer}.mlp`, form);
  };
  const outside = {
    'embed.W': [vocabulary, dModel],
    'unembed.W': [vocabulary, dModel],
    'unembed.b': [vocabulary],
    ...(form.embeddingNorm ? normShapes('embed.ln', dModel, biased) : {}),
    ...normShapes('final.ln', dModel, biased),
  };
  const shapes = allShapes(outside, layers, (layer) => ({
    ...norms(layer),
    ...ofHeads(layer),
    ...projectionShapes(`${layer}.attn`, form, true),
    ...outputShapes(`${layer}.attn`, form, form.norms !== 'after'),
    ...(form.sinks ? { [`${layer}.attn.sinks`]: [heads] } : {}),
    ...mlpShapes(layer),
  }));
  const drawn = randomWeights(shapes, options);
  const copies = Object.entries(form.sharedNorm ? drawn : {}).filter(([name]) => name.includes('.ln1.'));
  const weights = {
    ...drawn,
    ...Object.fromEntries(copies.map(([name, weight]) => [name.replace('.ln1.', '.ln2.'), weight])),
    ...(rotary ? rotaryWeights(positions, rotary.dims) : {}),
  };
  return decoderModel('random-decoder', form, memoryWeights(weights, keyOf('decoder', form, options)));
}

/** `rope.cos` and `rope.sin` [positions, dims / 2]. */
function rotaryWeights(positions: number, dims: number): RandomWeights {
  const rotary: RotarySettings = { theta: 10_000, dims, scaling: { kind: 'default' } };
  return {
    'rope.cos': { shape: [positions, dims / 2], data: rotaryTable('cos', rotary, positions) },
    'rope.sin': { shape: [positions, dims / 2], data: rotaryTable('sin', rotary, positions) },
  };
}
