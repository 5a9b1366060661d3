/** @file StableLM and StableLM 2: layer norms with a gated MLP; the 12B norms each head and has both modules side by side. */
import { z } from 'zod';
import { parseConfig, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, prefixOf, stacked } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import { addGatedMlp, addLayerNorm, addRotary, addUnembedding, ruleList } from '../recipes/rule-list.js';
import {
  addLinearInputs,
  addOutput,
  epsilonKey,
  sameRotary,
  sizeKeys,
  sizesOf,
  withinRotary,
} from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';

const schema = z.looseObject({
  ...sizeKeys,
  layer_norm_eps: epsilonKey.default(1e-5),
  hidden_act: z.string().default('silu'),
  use_qkv_bias: z.boolean().default(false),
  qk_layernorm: z.boolean().default(false),
  use_parallel_residual: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(false),
});
interface StableLmConfig extends DecoderConfig {
  readonly biased: boolean;
  readonly headNorms: boolean;
  readonly parallel: boolean;
  readonly tied: boolean;
  readonly rotary: RotarySettings;
}
/** The share of a head that is rotated when the config does not say. */
const ROTARY_SHARE = 0.25;

function readConfig(config: RawConfig, source: string): StableLmConfig {
  const keys = parseConfig(schema, config, source);
  const sizes = sizesOf(keys, 'layerNorm', source);
  const rotary = readRotary(config, sizes.dHead, source, ROTARY_SHARE);
  return {
    sizes: withinRotary(sizes, rotary),
    activation: keys.hidden_act,
    epsilon: keys.layer_norm_eps,
    biased: keys.use_qkv_bias,
    headNorms: keys.qk_layernorm,
    parallel: keys.use_parallel_residual,
    tied: keys.tie_word_embeddings,
    rotary,
  };
}

function rules({ sizes, biased, headNorms, parallel, tied, rotary }: StableLmConfig, raw: RawCheckpoint) {
  const { layers, heads, kvHeads, dHead, dModel: D, dMlp: F, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['model.', ''], 'embed_tokens.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}embed_tokens.weight`, [V, D]));
  addRotary(list.add, 'rope', rotary, positions);
  for (let l = 0; l < layers; l++) {
    const [layer, add] = [`${prefix}layers.${l}.`, list.inLayer(l)];
    addLayerNorm(add, 'ln1', `${layer}input_layernorm`, D);
    addLinearInputs(add, `${layer}self_attn`, sizes, biased);
    for (const [input, n] of [
      ['q', heads],
      ['k', kvHeads],
    ] as const) {
      const names = Array.from({ length: n }, (_, h) => `${layer}self_attn.${input}_layernorm.norms.${h}.weight`);
      if (headNorms) add(`attn.${input}.norm.w`, [n, dHead], stacked(names, dHead));
    }
    addOutput(add, `${layer}self_attn.o_proj`, sizes, false);
    addLayerNorm(add, 'ln2', `${layer}${parallel ? 'input' : 'post_attention'}_layernorm`, D);
    addGatedMlp(add, `${layer}mlp`, D, F);
  }
  addLayerNorm(list.add, 'final.ln', `${prefix}norm`, D);
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  return list.rules;
}

/** StableLM and StableLM 2. */
export const stablelm = decoderFamily<StableLmConfig>({
  computes: ['partial_rotary_factor', 'qk_layernorm', 'use_parallel_residual', 'use_qkv_bias'],
  name: 'stablelm',
  doc: 'StableLM 1 and 2: layer norm, gated MLP, rotary positions on part of each head, norms of single heads',
  modelTypes: ['stablelm'],
  readConfig,
  rules,
  form: ({ sizes, rotary, headNorms, parallel }) => ({
    mlpKind: 'gated',
    parallel,
    sharedNorm: parallel,
    rotary: sameRotary(rotary, sizes),
    ...(headNorms ? { headNorms: 'own' } : {}),
  }),
});
