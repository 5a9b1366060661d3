/** @file What a model family is: from its checkpoints to models that can be traced, by a recipe and by what builds the model. */
import type { WeightStore } from '@auto-circuit/core/backend';
import type { ModelObject } from '@auto-circuit/core/plugin';
import { type DecoderForm, decoderModel } from '../architectures/decoder.js';
import { activationNamed } from '../architectures/layers.js';
import { type CanonicalWeights, canonicalWeights, type WeightRecipe } from '../checkpoint/canonical.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import type { ProcessingRequest } from '../checkpoint/processing.js';
import type { CanonicalTensors, ModelSizes } from '../checkpoint/tensors.js';
import { type CacheSettings, loadWeights } from '../checkpoint/weight-cache.js';

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

/** What a family is made of. */
export interface FamilyParts<C> extends Pick<Family, 'name' | 'doc'> {
  readonly recipe: WeightRecipe<C>;
  /** Joins config, sizes and weights to a model. */
  readonly build: (
    name: string,
    loaded: Pick<CanonicalWeights<C>, 'config' | 'sizes' | 'processing'>,
    weights: WeightStore,
  ) => ModelObject;
}

/** A family from its parts. */
export function family<C>({ name, doc, recipe, build }: FamilyParts<C>): Family {
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
export const shapeOf = (sizes: ModelSizes, activation: string, epsilon: number) => ({
  ...sizes,
  epsilon,
  activation: activationNamed(activation),
});

/** What a config says that every decoder's form needs. */
export interface DecoderConfig {
  readonly sizes: ModelSizes;
  /** By its name in `ACTIVATIONS`. */
  readonly activation: string;
  readonly epsilon: number;
}
/** What is left to say of a decoder when its sizes are known. */
export type DecoderSettings = Omit<DecoderForm, keyof ModelSizes | 'epsilon' | 'activation'>;
/** What a family of `architectures/decoder.ts` is made of. */
export interface DecoderFamilyParts<C extends DecoderConfig> extends Pick<Family, 'name' | 'doc' | 'modelTypes'> {
  readonly readConfig: WeightRecipe<C>['readConfig'];
  readonly rules: WeightRecipe<C>['rules'];
  /** The keys that change numbers (`checkpoint/number-keys.ts`) and are computed. */
  readonly computes: readonly string[];
  readonly form: (config: C) => DecoderSettings;
}

/** A family whose models are decoders put together from settings. */
export function decoderFamily<C extends DecoderConfig>(parts: DecoderFamilyParts<C>): Family {
  const { name, doc, modelTypes, readConfig, rules, computes, form } = parts;
  return family<C>({
    ...{ name, doc },
    recipe: Object.freeze({ name, modelTypes, readConfig, sizes: (config: C) => config.sizes, rules, computes }),
    build(modelName, { config, sizes, processing }, weights) {
      const shape = { ...shapeOf(sizes, config.activation, config.epsilon), ...form(config) };
      return decoderModel(modelName, shape, weights, processing);
    },
  });
}
