/**
 * @file The families that checkpoints are read for: a recipe for the weights and a trace for the forward pass each. Another
 * family is another entry.
 */
import { gemmaModel } from '../architectures/gemma.js';
import { gpt2Model } from '../architectures/gpt2.js';
import { llamaModel } from '../architectures/llama.js';
import { neoxModel } from '../architectures/neox.js';
import { gemmaRecipe } from '../recipes/gemma.js';
import { gpt2AttentionScales, gpt2Recipe } from '../recipes/gpt2.js';
import { llamaRecipe } from '../recipes/llama.js';
import { neoxRecipe } from '../recipes/neox.js';
import { bloom } from './bloom.js';
import { cohere } from './cohere.js';
import { falcon } from './falcon.js';
import { type Family, family, shapeOf } from './family.js';
import { gemma1 } from './gemma1.js';
import { gptj } from './gpt-j.js';
import { gptNeo } from './gpt-neo.js';
import { gptOss } from './gpt-oss.js';
import { granite } from './granite.js';
import { mixtures } from './mixtures.js';
import { olmo } from './olmo.js';
import { olmo2 } from './olmo2.js';
import { opt } from './opt.js';
import { phi } from './phi.js';
import { phi3 } from './phi3.js';
import { qwen3 } from './qwen3.js';
import { smollm3 } from './smollm3.js';
import { stablelm } from './stablelm.js';
import { starcoder2 } from './starcoder2.js';

const gpt2 = family({
  name: 'gpt2',
  doc: 'GPT-2 and its relatives: learned positions, layer norm, GELU; attention-only with "attn_only": true in config.json',
  recipe: gpt2Recipe,
  build: (name, { config, sizes, processing }, weights) => {
    const scales = gpt2AttentionScales(config);
    const shape = {
      ...shapeOf(sizes, config.activation_function, config.layer_norm_epsilon),
      mlp: !config.attn_only,
      ...(scales ? { attentionScales: scales } : {}),
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
export const FAMILIES: readonly Family[] = [
  gpt2,
  llama,
  neox,
  gemma,
  gemma1,
  qwen3,
  phi,
  phi3,
  olmo,
  olmo2,
  smollm3,
  stablelm,
  gptj,
  gptNeo,
  opt,
  bloom,
  falcon,
  granite,
  starcoder2,
  cohere,
  mixtures,
  gptOss,
];
