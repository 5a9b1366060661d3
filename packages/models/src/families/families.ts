/**
 * @file The families that checkpoints are read for: a recipe for the weights and a trace for the forward pass each. Another
 * family is another entry.
 */

import type { WeightStore } from '@auto-circuit/core/backend';
import type { ModelObject } from '@auto-circuit/core/plugin';
import { gemmaModel } from '../architectures/gemma.js';
import { gpt2Model } from '../architectures/gpt2.js';
import { activationNamed } from '../architectures/layers.js';
import { llamaModel } from '../architectures/llama.js';
import { neoxModel } from '../architectures/neox.js';
import { type CanonicalWeights, canonicalWeights, type WeightRecipe } from '../checkpoint/canonical.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import type { ProcessingRequest } from '../checkpoint/processing.js';
import type { CanonicalTensors, ModelSizes } from '../checkpoint/tensors.js';
import { type CacheSettings, loadWeights } from '../checkpoint/weight-cache.js';
import { gemmaRecipe } from '../recipes/gemma.js';
import { gpt2Recipe } from '../recipes/gpt2.js';
import { llamaRecipe } from '../recipes/llama.js';
import { neoxRecipe } from '../recipes/neox.js';

/** A model family: from its checkpoints to models that can be traced. */
export interface Family {
  readonly name: string;
  /** A line for lists. */
  readonly doc: string;
  /** The `model_type`s in config.json that it reads. */
  readonly modelTypes: readonly string[];
  /**
   * The model in a folder.
   * @throws AutoCircuitError for whatever is wrong with the folder
   */
  load(name: string, folder: string, process: ProcessingRequest, settings: CacheSettings): Promise<ModelObject>;
  /**
   * The model of a checkpoint that is open. `storeOf` puts its tensors where a backend finds them; `onWarning` is told what is
   * odd about the checkpoint.
   */
  ofCheckpoint(
    name: string,
    raw: RawCheckpoint,
    process: ProcessingRequest,
    storeOf: (tensors: CanonicalTensors) => WeightStore,
    onWarning?: (line: string) => void,
  ): ModelObject;
}

interface FamilyParts<C> extends Pick<Family, 'name' | 'doc'> {
  readonly recipe: WeightRecipe<C>;
  /** Joins config, sizes and weights to a model. */
  readonly build: (
    name: string,
    loaded: Pick<CanonicalWeights<C>, 'config' | 'sizes' | 'processing'>,
    weights: WeightStore,
  ) => ModelObject;
}

function family<C>({ name, doc, recipe, build }: FamilyParts<C>): Family {
  return Object.freeze<Family>({
    name,
    doc,
    modelTypes: recipe.modelTypes,
    async load(modelName, folder, process, settings) {
      const loaded = await loadWeights(folder, recipe, process, settings);
      return build(modelName, loaded, loaded.store);
    },
    ofCheckpoint(modelName, raw, process, storeOf, onWarning) {
      const canonical = canonicalWeights(raw, recipe, process);
      for (const note of canonical.notes) onWarning?.(note);
      return build(modelName, canonical, storeOf(canonical.tensors));
    },
  });
}

/** What every family's shape says. @throws AutoCircuitError for an activation that is not built */
const shapeOf = (sizes: ModelSizes, activation: string, epsilon: number) => ({
  ...sizes,
  epsilon,
  activation: activationNamed(activation),
});

const gpt2 = family({
  name: 'gpt2',
  doc: 'GPT-2 and its relatives: learned positions, layer norm, GELU; attention-only with "attn_only": true in config.json',
  recipe: gpt2Recipe,
  build: (name, { config, sizes, processing }, weights) => {
    const shape = {
      ...shapeOf(sizes, config.activation_function, config.layer_norm_epsilon),
      mlp: !config.attn_only,
    };
    return gpt2Model(name, shape, weights, processing);
  },
});

const llama = family({
  name: 'llama',
  doc: 'Llama, Qwen 2, Mistral, SmolLM2: rotary positions, RMS norm, grouped queries, SwiGLU, sliding windows',
  recipe: llamaRecipe,
  build: (name, { config, sizes, processing }, weights) => {
    const shape = { ...shapeOf(sizes, config.hidden_act, config.rms_norm_eps), windows: config.windows };
    return llamaModel(name, shape, weights, processing);
  },
});

const neox = family({
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
});

const gemma = family({
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
});

/** The families of this package. */
export const FAMILIES: readonly Family[] = [gpt2, llama, neox, gemma];
