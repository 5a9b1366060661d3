/** @file Falcon: 7B (one KV head), 40B and 180B (groups, a norm for each module), 2-11B (one norm), RW (ALiBi, in turn). */
import { z } from 'zod';
import { count, parseConfig, partCount, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, groupPart, prefixOf } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import { addLayerNorm, addRotary, addUnembedding, ruleList } from '../recipes/rule-list.js';
import {
  addHeadInputs,
  addOutput,
  addPlainMlp,
  alibiSlopes,
  epsilonKey,
  renamed,
  sameRotary,
  sizesOf,
  withinRotary,
} from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';

const schema = z
  .looseObject({
    num_hidden_layers: partCount,
    num_attention_heads: partCount,
    num_kv_heads: partCount.nullish(),
    hidden_size: count,
    ffn_hidden_size: count.nullish(),
    max_position_embeddings: count.default(2048),
    vocab_size: count,
    layer_norm_epsilon: epsilonKey.default(1e-5),
    activation: z.string().default('gelu'),
    alibi: z.boolean().default(false),
    bias: z.boolean().default(false),
    multi_query: z.boolean().default(true),
    parallel_attn: z.boolean().default(true),
    new_decoder_architecture: z.boolean().default(false),
    /** 2 where attention and MLP each have their own. */
    num_ln_in_parallel_attn: z.union([z.literal(1), z.literal(2)]).nullish(),
    tie_word_embeddings: z.boolean().default(true),
  })
  .refine((keys) => keys.parallel_attn || !keys.new_decoder_architecture, {
    path: ['parallel_attn'],
    error: 'modules in turn are not supported with new_decoder_architecture',
  });
type Keys = z.output<typeof schema>;
interface FalconConfig extends DecoderConfig {
  readonly biased: boolean;
  readonly parallel: boolean;
  /** The names of the norms before attention and MLP; equal where there is one. */
  readonly norms: readonly [string, string];
  readonly tied: boolean;
  /** null: linear biases (ALiBi). */
  readonly rotary: RotarySettings | null;
}

function readConfig(raw: RawConfig, source: string): FalconConfig {
  const names = { n_embed: 'hidden_size', n_layer: 'num_hidden_layers', n_head: 'num_attention_heads' };
  const config = renamed(raw, { ...names, n_head_kv: 'num_kv_heads' });
  const keys = parseConfig(schema, config, source);
  const grouped = keys.new_decoder_architecture || !keys.multi_query;
  const sizes = sizesOf(
    {
      ...keys,
      num_key_value_heads: grouped ? keys.num_kv_heads : 1,
      intermediate_size: keys.ffn_hidden_size ?? 4 * keys.hidden_size,
    },
    'layerNorm',
    source,
  );
  const rotary = keys.alibi ? null : readRotary(config, sizes.dHead, source);
  return {
    sizes: rotary ? withinRotary(sizes, rotary) : sizes,
    activation: keys.activation,
    epsilon: keys.layer_norm_epsilon,
    biased: keys.bias,
    parallel: keys.parallel_attn,
    norms: normNames(keys),
    tied: keys.tie_word_embeddings,
    rotary,
  };
}
function normNames(keys: Keys): readonly [string, string] {
  if (!keys.parallel_attn) return ['input_layernorm', 'post_attention_layernorm'];
  const norms = keys.num_ln_in_parallel_attn ?? (keys.new_decoder_architecture ? 2 : 1);
  return keys.new_decoder_architecture && norms === 2 ? ['ln_attn', 'ln_mlp'] : ['input_layernorm', 'input_layernorm'];
}

function rules({ sizes, biased, norms, tied, rotary }: FalconConfig, raw: RawCheckpoint) {
  const { layers, heads, kvHeads, dHead, dModel: D, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['transformer.', ''], 'word_embeddings.weight');
  const list = ruleList();
  // packed by KV head: the queries of its group, its key, its value
  const group = heads / kvHeads;
  const parts = { q: [0, group], k: [group, 1], v: [group + 1, 1] } as const;
  const packed = (heads + 2 * kvHeads) * dHead;
  list.add('embed.W', [V, D], asIs(`${prefix}word_embeddings.weight`, [V, D]));
  if (rotary) addRotary(list.add, 'rope', rotary, positions);
  for (let l = 0; l < layers; l++) {
    const [h, add] = [`${prefix}h.${l}.`, list.inLayer(l)];
    const from = `${h}self_attention.query_key_value`;
    addLayerNorm(add, 'ln1', `${h}${norms[0]}`, D);
    addHeadInputs(
      add,
      sizes,
      (input, _, part) => {
        const [first, count] = parts[input];
        const shape = part === 'weight' ? [packed, D] : [packed];
        return groupPart(`${from}.${part}`, shape, kvHeads, group + 2, first, count);
      },
      biased,
    );
    addOutput(add, `${h}self_attention.dense`, sizes, biased);
    addLayerNorm(add, 'ln2', `${h}${norms[1]}`, D);
    addPlainMlp(add, `${h}mlp.dense_h_to_4h`, `${h}mlp.dense_4h_to_h`, sizes, biased);
  }
  addLayerNorm(list.add, 'final.ln', `${prefix}ln_f`, D);
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  return list.rules;
}

/** Falcon. */
export const falcon = decoderFamily<FalconConfig>({
  computes: ['alibi', 'bias', 'multi_query', 'new_decoder_architecture', 'parallel_attn', 'partial_rotary_factor'],
  name: 'falcon',
  doc: 'Falcon 7B, 40B, 180B, 2-11B and RW: one KV head or groups, attention and MLP side by side or in turn, ALiBi',
  modelTypes: ['falcon'],
  readConfig,
  rules,
  form: ({ sizes, parallel, norms, rotary }) => ({
    mlpKind: 'plain',
    parallel,
    sharedNorm: norms[0] === norms[1],
    // its biases are scaled with the scores
    ...(rotary
      ? { rotary: sameRotary(rotary, sizes) }
      : { slopes: alibiSlopes(sizes.heads).map((slope) => slope / Math.sqrt(sizes.dHead)) }),
  }),
});
