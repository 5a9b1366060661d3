/**
 * @file Canonical weights: one set of names and layouts for every architecture (float32, row-major), made from a raw
 * checkpoint by a recipe, then processed. H query heads, KV key-value heads, dh head dim, D dModel, F dMlp, V vocabulary:
 *
 * `embed.W [V,D]` · `pos.W [ctx,D]` · `rope.cos`, `rope.sin [ctx,dh]` · per layer `L{l}.`: `ln1.w`, `ln1.b`, `ln2.w`, `ln2.b [D]` ·
 * `attn.q.W [H,dh,D]`, `attn.k.W`, `attn.v.W [KV,dh,D]` (q = x·Wᵀ), `attn.q.b [H,dh]`, … · `attn.o.W [H,dh,D]` (z·W), `attn.o.b [D]` ·
 * `mlp.in.W [D,F]`, `mlp.in.b [F]`, `mlp.out.W [F,D]`, `mlp.out.b [D]`, or `mlp.gate.W`, `mlp.up.W [F,D]`, `mlp.down.W [D,F]` ·
 * `final.ln.w`, `final.ln.b [D]` · `unembed.W [V,D]` (absent when it is `embed.W`), `unembed.b [V]`.
 * A norm's weights are absent once they are folded into what reads it.
 *
 * Tensors are lazy: a model larger than memory is converted one tensor at a time.
 */
import { AutoCircuitError, elementCount } from '@auto-circuit/core/plugin';
import type { RawConfig } from './config.js';
import type { RawCheckpoint } from './hf-folder.js';
import { applyProcessing, type ProcessingRequest, type ProcessingStep } from './processing.js';
import type { CanonicalTensor, CanonicalTensors, ModelSizes } from './tensors.js';

/** Where one canonical tensor comes from. */
export interface TensorRule {
  readonly name: string;
  readonly shape: readonly number[];
  /** Reads and rearranges raw tensors; see `layouts.ts`. */
  readonly from: (raw: RawCheckpoint) => Float32Array;
}

/** How one model family's checkpoints become canonical weights. */
export interface WeightRecipe<C = unknown> {
  /** Part of the cache key: change it when the rules change. */
  readonly name: string;
  readonly modelTypes: readonly string[];
  /** Checks config.json. @param source what errors call it @throws AutoCircuitError that names the wrong key */
  readonly readConfig: (config: RawConfig, source: string) => C;
  readonly sizes: (config: C) => ModelSizes;
  readonly rules: (config: C, raw: RawCheckpoint) => readonly TensorRule[];
}

/** A checkpoint in canonical form. */
export interface CanonicalWeights<C = unknown> {
  readonly config: C;
  readonly sizes: ModelSizes;
  readonly tensors: CanonicalTensors;
  /** The steps that changed the weights, in order. */
  readonly processing: readonly ProcessingStep[];
}

/**
 * Canonical, processed weights of a checkpoint. Nothing is read until a tensor is loaded.
 * @throws AutoCircuitError for a config the recipe cannot read, or a step that would change what the model computes
 */
export function canonicalWeights<C>(
  raw: RawCheckpoint,
  recipe: WeightRecipe<C>,
  process: ProcessingRequest = 'all',
): CanonicalWeights<C> {
  if (!recipe.modelTypes.includes(raw.config.model_type)) {
    throw new AutoCircuitError({
      code: 'unknown-architecture',
      fields: { modelType: raw.config.model_type, known: recipe.modelTypes },
      where: 'checkpoint',
      what: `${raw.source} is no ${recipe.name} model`,
      expected: `model_type ${recipe.modelTypes.join(' or ')}`,
      got: raw.config.model_type,
    });
  }
  const config = recipe.readConfig(raw.config, raw.source);
  const sizes = recipe.sizes(config);
  const tensors = new Map(recipe.rules(config, raw).map((rule) => [rule.name, lazyTensor(raw, rule)]));
  return Object.freeze({ config, sizes, ...applyProcessing(raw.source, tensors, sizes, process) });
}

function lazyTensor(raw: RawCheckpoint, { name, shape, from }: TensorRule): CanonicalTensor {
  const load = () => {
    const data = from(raw);
    if (data.length !== elementCount(shape)) {
      throw new AutoCircuitError({
        code: 'internal',
        fields: { tensor: name },
        where: 'checkpoint',
        what: `the rule for ${name} does not fill its shape`,
        expected: `${elementCount(shape)} numbers`,
        got: `${data.length}`,
        kind: 'internal',
      });
    }
    return data;
  };
  return Object.freeze({ name, shape: Object.freeze([...shape]), load });
}
