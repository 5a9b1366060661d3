/** @file The families that checkpoints are read for: a weight recipe and a trace each. Another family is another entry. */

import type { WeightStore } from '@auto-circuit/core/backend';
import type { ModelObject } from '@auto-circuit/core/plugin';
import { gemmaModel } from '../architectures/gemma.js';
import { gpt2Model } from '../architectures/gpt2.js';
import { activationNamed } from '../architectures/layers.js';
import { llamaModel } from '../architectures/llama.js';
import { neoxModel } from '../architectures/neox.js';
import type { CanonicalWeights, WeightRecipe } from '../checkpoint/canonical.js';
import type { ModelSizes } from '../checkpoint/tensors.js';
import { type GemmaConfig, gemmaRecipe } from '../recipes/gemma.js';
import { type Gpt2Config, gpt2Recipe } from '../recipes/gpt2.js';
import { type LlamaConfig, llamaRecipe } from '../recipes/llama.js';
import { type NeoxConfig, neoxRecipe } from '../recipes/neox.js';

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
  return {
    layers,
    heads,
    kvHeads,
    dModel,
    dHead,
    dMlp,
    vocabulary,
    positions,
    epsilon,
    activation: activationNamed(activation),
  };
};

const gpt2: Family<Gpt2Config> = {
  name: 'gpt2',
  doc: 'GPT-2 and its relatives: learned positions, layer norm, GELU; attention-only with "attn_only": true in config.json',
  recipe: gpt2Recipe,
  build: (name, { config, sizes, processing }, weights) =>
    gpt2Model(
      name,
      { ...shapeOf(sizes, config.activation_function, config.layer_norm_epsilon), mlp: !config.attn_only },
      weights,
      processing,
    ),
};

const llama: Family<LlamaConfig> = {
  name: 'llama',
  doc: 'Llama, Qwen 2, Mistral, SmolLM2: rotary positions, RMS norm, grouped queries, SwiGLU, sliding windows',
  recipe: llamaRecipe,
  build: (name, { config, sizes, processing }, weights) =>
    llamaModel(
      name,
      { ...shapeOf(sizes, config.hidden_act, config.rms_norm_eps), windows: config.windows },
      weights,
      processing,
    ),
};

const neox: Family<NeoxConfig> = {
  name: 'neox',
  doc: 'GPT-NeoX, Pythia: rotary positions on part of each head, attention and MLP side by side or in turn',
  recipe: neoxRecipe,
  build: (name, { config, sizes, processing }, weights) => {
    const shape = {
      ...shapeOf(sizes, config.hidden_act, config.layer_norm_eps),
      dRotary: config.rotary.dims,
      parallel: config.use_parallel_residual,
    };
    return neoxModel(name, shape, weights, processing);
  },
};

const gemma: Family<GemmaConfig> = {
  name: 'gemma',
  doc: 'Gemma 2 and 3 (text): norms before and after each module, sliding windows, scaled embeddings, soft caps or query and key norms',
  recipe: gemmaRecipe,
  build: (name, { config, sizes, processing }, weights) => {
    const shape = {
      ...shapeOf(sizes, config.hidden_activation, config.rms_norm_eps),
      windows: config.windows,
      attentionScale: config.query_pre_attn_scalar ** -0.5,
      scoreCap: config.scoreCap,
      logitCap: config.logitCap,
    };
    return gemmaModel(name, shape, weights, processing);
  },
};

export const FAMILIES: readonly Family[] = [gpt2, llama, neox, gemma] as unknown as readonly Family[];
