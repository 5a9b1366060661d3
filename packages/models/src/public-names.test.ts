/** @file The names of the door `@auto-circuit/models`: adding, renaming or taking one away changes what users can import. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as door from './index.js';

it('offers these values', () => {
  expect(Object.keys(door).sort().join('\n')).toMatchInlineSnapshot(`
    "AUTOENCODER_DEFAULTS
    COMPILED_PROGRAMS
    GPT2_SMALL
    NAMED_SIZES
    PROCESSING_STEPS
    SHIPPED_MODELS
    activationNamed
    addHeads
    canonicalWeights
    causalAttention
    checkWeightCache
    circuitOfProgram
    clearCache
    compile
    decoderModel
    default
    defaultCacheDir
    encodesResidual
    gatedMlp
    gemmaRecipe
    gpt2Model
    gpt2Recipe
    isNamed
    knownEdges
    knownModels
    layerNormNamed
    layouts
    listCache
    llamaRecipe
    loadModel
    loadTokenizer
    loadWeights
    memoryCheckpoint
    modelOfProgram
    modelsPlugin
    namedModels
    namedShape
    namedSize
    neoxRecipe
    openCheckpoint
    parseConfig
    plainMlp
    randomGemma
    randomGpt2
    randomLlama
    randomNeox
    rasp
    readAutoencoder
    readHeads
    readModelFile
    readRotary
    readWindows
    resolveModel
    rmsNormNamed
    rotaryPositions
    rotaryTable
    rotate
    softCap
    strongestLatents
    temporaryCacheDir
    tokenModel
    traceBlocks
    tracrModel
    trainAutoencoder
    unembedTokens
    withLatents
    writeModelFile
    writeNormed"
  `);
});

it('offers these types', () => {
  const list = readFileSync(new URL('./index.ts', import.meta.url), 'utf8');
  expect(list.match(/\btype (\w+|\{[^}]*\})/g)!.join('\n')).toMatchInlineSnapshot(`
    "type Block
    type DecoderShape
    type DecoderForm
    type { GemmaShape }
    type Gpt2Shape
    type { HeadNorms }
    type AttentionForm
    type AttentionShape
    type HasWeight
    type MlpShape
    type { LlamaShape }
    type { NeoxShape }
    type TokenModelParts
    type Autoencoder
    type LatentActivation
    type ModelFile
    type LatentStrength
    type StrongestRequest
    type AutoencoderReport
    type AutoencoderTraining
    type ChosenLatents
    type CacheEntry
    type CachePlaces
    type CanonicalWeights
    type TensorRule
    type WeightRecipe
    type CacheReport
    type RawConfig
    type RawCheckpoint
    type RawTensor
    type ProcessingRequest
    type ProcessingStep
    type RotaryScaling
    type RotarySettings
    type { CanonicalTensor, CanonicalTensors, ModelSizes }
    type CacheSettings
    type LoadedWeights
    type LayerWindows
    type WindowRule
    type CompiledProgram
    type KnownEdge
    type KnownUnder
    type NamedProgram
    type RandomModelOptions
    type HubSettings
    type LoadedModel
    type LoadModelSettings
    type { NamedSize }
    type ShippedModel
    type ModelTokenizer"
  `);
});
