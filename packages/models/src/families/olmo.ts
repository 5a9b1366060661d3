/** @file OLMo 1: layer norms without weights, bounded queries, keys and values, a gated MLP. */
import { z } from 'zod';
import { parseConfig, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, prefixOf } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import { addGatedMlp, addRotary, addUnembedding, ruleList } from '../recipes/rule-list.js';
import { addLinearInputs, addOutput, sameRotary, sizeKeys, sizesOf, withinRotary } from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';

const schema = z
  .looseObject({
    ...sizeKeys,
    hidden_act: z.string().default('silu'),
    attention_bias: z.boolean().default(false),
    /** Bound of queries, keys and values. */
    clip_qkv: z.number().positive().nullish(),
    tie_word_embeddings: z.boolean().default(false),
  })
  .refine((keys) => !keys.attention_bias || !keys.clip_qkv, {
    path: ['clip_qkv'],
    error: 'a bound together with biases in attention is not supported',
  });
interface OlmoConfig extends DecoderConfig {
  readonly biased: boolean;
  readonly clip: number | null;
  readonly tied: boolean;
  readonly rotary: RotarySettings;
}
/** The config has no key for it. */
const EPSILON = 1e-5;

function readConfig(config: RawConfig, source: string): OlmoConfig {
  const keys = parseConfig(schema, config, source);
  const sizes = sizesOf(keys, 'layerNorm', source);
  const rotary = readRotary(config, sizes.dHead, source);
  return {
    sizes: withinRotary(sizes, rotary),
    activation: keys.hidden_act,
    epsilon: EPSILON,
    biased: keys.attention_bias,
    clip: keys.clip_qkv ?? null,
    tied: keys.tie_word_embeddings,
    rotary,
  };
}

function rules({ sizes, biased, tied, rotary }: OlmoConfig, raw: RawCheckpoint) {
  const { layers, dModel: D, dMlp: F, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['model.', ''], 'embed_tokens.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}embed_tokens.weight`, [V, D]));
  addRotary(list.add, 'rope', rotary, positions);
  for (let l = 0; l < layers; l++) {
    const [layer, add] = [`${prefix}layers.${l}.`, list.inLayer(l)];
    addLinearInputs(add, `${layer}self_attn`, sizes, biased);
    addOutput(add, `${layer}self_attn.o_proj`, sizes, biased);
    addGatedMlp(add, `${layer}mlp`, D, F);
  }
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  return list.rules;
}

/** OLMo 1. */
export const olmo = decoderFamily<OlmoConfig>({
  computes: ['attention_bias', 'clip_qkv', 'partial_rotary_factor'],
  name: 'olmo',
  doc: 'OLMo 1: layer norms without weights, bounded queries, keys and values, gated MLP',
  modelTypes: ['olmo'],
  readConfig,
  rules,
  form: ({ sizes, rotary, clip }) => ({ mlpKind: 'gated', rotary: sameRotary(rotary, sizes), clip }),
});
