/**
 * @file Door `@auto-circuit/models`: models by name, folder or hub name; what the author of an architecture builds with;
 * sparse autoencoders; compiled models; random ones for tests and benchmarks. How the shipped models were trained is the
 * door `@auto-circuit/models/training`.
 *
 * Rooms, each importing only from those to its left: `checkpoint` < `cache`, `hub`, `tokenizer`, `recipes` < `architectures` <
 * `families`, `compiled`, `training` < `named`, `autoencoders`, `shipped` < `plugin.ts`, `load-model.ts` < this list.
 * @module
 */

export { addHeads, type Block, type DecoderShape, traceBlocks, writeNormed } from './architectures/blocks.js';
export { type DecoderForm, decoderModel } from './architectures/decoder.js';
export type { GemmaShape } from './architectures/gemma.js';
export { type Gpt2Shape, gpt2Model } from './architectures/gpt2.js';
export type { HeadNorms } from './architectures/head-norms.js';
export {
  type AttentionForm,
  type AttentionShape,
  activationNamed,
  causalAttention,
  gatedMlp,
  type HasWeight,
  layerNormNamed,
  type MlpShape,
  plainMlp,
  readHeads,
  rmsNormNamed,
  rotate,
  softCap,
  unembedTokens,
} from './architectures/layers.js';

export type { LlamaShape } from './architectures/llama.js';
export type { NeoxShape } from './architectures/neox.js';
export { type TokenModelParts, tokenModel } from './architectures/token-model.js';
export { type Autoencoder, type LatentActivation, readAutoencoder } from './autoencoders/autoencoder.js';
export { type ModelFile, readModelFile, writeModelFile } from './autoencoders/model-file.js';
export { type LatentStrength, type StrongestRequest, strongestLatents } from './autoencoders/strongest-latents.js';
export {
  AUTOENCODER_DEFAULTS,
  type AutoencoderReport,
  type AutoencoderTraining,
  trainAutoencoder,
} from './autoencoders/train-autoencoder.js';
export { type ChosenLatents, encodesResidual, withLatents } from './autoencoders/with-latents.js';
export { clearCache } from './cache/clear-cache.js';
export { type CacheEntry, type CachePlaces, isNamed, listCache } from './cache/list-cache.js';
export { temporaryCacheDir } from './checkpoint/cached-weights.js';
export { type CanonicalWeights, canonicalWeights, type TensorRule, type WeightRecipe } from './checkpoint/canonical.js';
export { type CacheReport, checkWeightCache } from './checkpoint/check-cache.js';
export { parseConfig, type RawConfig } from './checkpoint/config.js';
export { memoryCheckpoint, openCheckpoint, type RawCheckpoint, type RawTensor } from './checkpoint/hf-folder.js';
/** Loaders for the tables of recipes: `layouts.asIs`, `layouts.transposed`, … */
export * as layouts from './checkpoint/layouts.js';
export { PROCESSING_STEPS, type ProcessingRequest, type ProcessingStep } from './checkpoint/processing.js';
export {
  type RotaryScaling,
  type RotarySettings,
  readRotary,
  rotaryPositions,
  rotaryTable,
} from './checkpoint/rotary.js';
export type { CanonicalTensor, CanonicalTensors, ModelSizes } from './checkpoint/tensors.js';
export {
  type CacheSettings,
  defaultCacheDir,
  type LoadedWeights,
  loadWeights,
} from './checkpoint/weight-cache.js';
export { type LayerWindows, readWindows, type WindowRule } from './checkpoint/windows.js';
export { type CompiledProgram, compile } from './compiled/compile.js';
export { circuitOfProgram, type KnownEdge, type KnownUnder, knownEdges } from './compiled/known-circuit.js';
export { COMPILED_PROGRAMS, modelOfProgram, type NamedProgram } from './compiled/named-programs.js';
/** The language that compiled programs are written in: `rasp.map`, `rasp.select`, … */
export * as rasp from './compiled/rasp.js';
export { tracrModel } from './compiled/tracr-weights.js';
export {
  GPT2_SMALL,
  type RandomModelOptions,
  randomGemma,
  randomGpt2,
  randomLlama,
  randomNeox,
} from './families/random-models.js';
export { type HubSettings, resolveModel } from './hub/resolve-model.js';
export { knownModels, type LoadedModel, type LoadModelSettings, loadModel, namedModels } from './load-model.js';
export type { NamedSize } from './named/named-size.js';
export { namedShape } from './named/shape-only.js';
export { NAMED_SIZES, namedSize } from './named/sizes.js';
export { modelsPlugin, modelsPlugin as default } from './plugin.js';
export { gemmaRecipe } from './recipes/gemma.js';
export { gpt2Recipe } from './recipes/gpt2.js';
export { llamaRecipe } from './recipes/llama.js';
export { neoxRecipe } from './recipes/neox.js';
export { SHIPPED_MODELS, type ShippedModel } from './shipped/shipped-models.js';
export { loadTokenizer, type ModelTokenizer } from './tokenizer/tokenizer.js';
