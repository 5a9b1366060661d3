/** @file Gemma 1: scaled embeddings, norms stored as what is added to 1, a gated MLP with GELU by tanh. */
import { z } from 'zod';
import { count, parseConfig, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, plusOne, prefixOf } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import { addGatedMlp, addRotary, addUnembedding, ruleList } from '../recipes/rule-list.js';
import {
  addLinearInputs,
  addOutput,
  epsilonKey,
  sameRotary,
  sizeKeysWithHeadDim,
  sizesOf,
  unsupported,
  withinRotary,
} from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';

const schema = z.looseObject({
  ...sizeKeysWithHeadDim,
  head_dim: count.default(256),
  rms_norm_eps: epsilonKey.default(1e-6),
  hidden_act: z.string().default('gelu_pytorch_tanh'),
  /** Newer than `hidden_act`, and before it. */
  hidden_activation: z.string().nullish(),
  attention_bias: z.boolean().default(false),
  use_bidirectional_attention: unsupported('attention to later tokens'),
  tie_word_embeddings: z.boolean().default(true),
});
interface Gemma1Config extends DecoderConfig {
  readonly biased: boolean;
  readonly tied: boolean;
  readonly rotary: RotarySettings;
}

function readConfig(config: RawConfig, source: string): Gemma1Config {
  const keys = parseConfig(schema, config, source);
  const sizes = sizesOf(keys, 'rmsNorm', source);
  const rotary = readRotary(config, sizes.dHead, source);
  const activation = keys.hidden_activation ?? keys.hidden_act;
  return {
    sizes: withinRotary(sizes, rotary),
    activation: activation === 'gelu' ? 'gelu_pytorch_tanh' : activation, // the first files say gelu and mean the tanh form
    epsilon: keys.rms_norm_eps,
    biased: keys.attention_bias,
    tied: keys.tie_word_embeddings,
    rotary,
  };
}

function rules({ sizes, biased, tied, rotary }: Gemma1Config, raw: RawCheckpoint) {
  const { layers, dModel: D, dMlp: F, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['model.', ''], 'embed_tokens.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}embed_tokens.weight`, [V, D]));
  addRotary(list.add, 'rope', rotary, positions);
  for (let l = 0; l < layers; l++) {
    const [layer, add] = [`${prefix}layers.${l}.`, list.inLayer(l)];
    add('ln1.w', [D], plusOne(`${layer}input_layernorm.weight`, D));
    addLinearInputs(add, `${layer}self_attn`, sizes, biased);
    addOutput(add, `${layer}self_attn.o_proj`, sizes, biased);
    add('ln2.w', [D], plusOne(`${layer}post_attention_layernorm.weight`, D));
    addGatedMlp(add, `${layer}mlp`, D, F);
  }
  list.add('final.ln.w', [D], plusOne(`${prefix}norm.weight`, D));
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  return list.rules;
}

/** Gemma 1. */
export const gemma1 = decoderFamily<Gemma1Config>({
  computes: ['attention_bias', 'partial_rotary_factor', 'use_bidirectional_attention'],
  name: 'gemma1',
  doc: 'Gemma 1: scaled embeddings, RMS norm, grouped queries, gated MLP with GELU',
  modelTypes: ['gemma'],
  readConfig,
  rules,
  form: ({ sizes, rotary }) => ({
    mlpKind: 'gated',
    rotary: sameRotary(rotary, sizes),
    embeddingScale: Math.sqrt(sizes.dModel),
  }),
});
