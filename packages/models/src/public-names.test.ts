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
    circuitOfProgram
    compile
    default
    defaultCacheDir
    encodesResidual
    gatedMlp
    gemmaRecipe
    gpt2Model
    gpt2Recipe
    knownEdges
    knownModels
    layerNormNamed
    layouts
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
    rotaryTable
    rotate
    softCap
    strongestLatents
    tokenModel
    traceBlocks
    tracrModel
    trainAutoencoder
    unembedTokens
    withLatents
    writeModelFile"
  `);
});

it('offers these types', () => {
  const lists = [
    ...readFileSync(new URL('./index.ts', import.meta.url), 'utf8').matchAll(/^export (type )?\{([^}]*)\}/gm),
  ];
  const types = lists.flatMap(([, all, names]) =>
    [...names!.matchAll(all ? /(\w+)/g : /type (\w+)/g)].map(([, name]) => name!),
  );
  expect(types.sort().join('\n')).toMatchInlineSnapshot(`
    "AttentionForm
    AttentionShape
    Autoencoder
    AutoencoderReport
    AutoencoderTraining
    Block
    CacheSettings
    CanonicalTensor
    CanonicalTensors
    CanonicalWeights
    ChosenLatents
    CompiledProgram
    DecoderShape
    GemmaShape
    Gpt2Shape
    HasWeight
    HubSettings
    KnownEdge
    KnownUnder
    LatentActivation
    LatentStrength
    LayerWindows
    LlamaShape
    LoadModelSettings
    LoadedModel
    LoadedWeights
    MlpShape
    ModelFile
    ModelSizes
    ModelTokenizer
    NamedProgram
    NamedSize
    NeoxShape
    ProcessingRequest
    ProcessingStep
    RandomModelOptions
    RawCheckpoint
    RawConfig
    RawTensor
    RotaryScaling
    RotarySettings
    ShippedModel
    StrongestRequest
    TensorRule
    TokenModelParts
    WeightRecipe
    WindowRule"
  `);
});
