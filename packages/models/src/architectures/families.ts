/** @file The families that checkpoints are read for: a weight recipe and a trace each. Another family is another entry. */
import type { ModelObject, WeightStore } from '@auto-circuit/core';
import type { CanonicalWeights, ModelSizes, WeightRecipe } from '../checkpoint/canonical.js';
import { type Gpt2Config, gpt2Recipe } from '../checkpoint/recipes/gpt2.js';
import { type LlamaConfig, llamaRecipe } from '../checkpoint/recipes/llama.js';
import { activationNamed } from './layers.js';
import { gpt2Model } from './gpt2.js';
import { llamaModel } from './llama.js';

export interface Family<C = unknown> {
  readonly name: string;
  readonly doc: string;
  readonly recipe: WeightRecipe<C>;
  /** Joins config, sizes and weights to a model that can be traced. */
  readonly build: (
    name: string,
    loaded: Pick<CanonicalWeights<C>, 'config' | 'sizes' | 'processing'>,
    weights: WeightStore,
  ) => ModelObject;
}

const shapeOf = (sizes: ModelSizes, activation: string, epsilon: number) => {
  const { layers, heads, kvHeads, dModel, dHead, dMlp, vocabulary, positions } = sizes;
  return { layers, heads, kvHeads, dModel, dHead, dMlp, vocabulary, positions, epsilon, activation: activationNamed(activation) };
};

const gpt2: Family<Gpt2Config> = {
  name: 'gpt2',
  doc: 'GPT-2 and its relatives: learned positions, layer norm, GELU; attention-only with "attn_only": true in config.json',
  recipe: gpt2Recipe,
  build: (name, { config, sizes, processing }, weights) =>
    gpt2Model(name, { ...shapeOf(sizes, config.activation_function, config.layer_norm_epsilon), mlp: !config.attn_only }, weights, processing),
};

const llama: Family<LlamaConfig> = {
  name: 'llama',
  doc: 'Llama, Qwen 2, SmolLM2: rotary positions, RMS norm, grouped queries, SwiGLU',
  recipe: llamaRecipe,
  build: (name, { config, sizes, processing }, weights) =>
    llamaModel(name, shapeOf(sizes, config.hidden_act, config.rms_norm_eps), weights, processing),
};

export const FAMILIES: readonly Family[] = [gpt2 as unknown as Family, llama as unknown as Family];
