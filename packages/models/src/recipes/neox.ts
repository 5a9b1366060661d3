/** @file GPT-NeoX checkpoints (Pythia): queries, keys and values of one head lie together; a share of each head is rotated. */
import { z } from 'zod';
import type { TensorRule, WeightRecipe } from '../checkpoint/canonical.js';
import { count, parseConfig, partCount, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, headPart, prefixOf, transposed } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary, rotaryPositions } from '../checkpoint/rotary.js';
import type { ModelSizes } from '../checkpoint/tensors.js';
import { addLayerNorm, addRotary, addUnembedding, ruleList } from './rule-list.js';

const schema = z
  .looseObject({
    num_hidden_layers: partCount,
    num_attention_heads: partCount,
    hidden_size: count,
    intermediate_size: count,
    max_position_embeddings: count,
    vocab_size: count,
    layer_norm_eps: z.number().positive().default(1e-5),
    hidden_act: z.string().default('gelu'),
    /** Whether attention and MLP read the same residual stream. */
    use_parallel_residual: z.boolean().default(true),
    attention_bias: z.boolean().default(true),
    tie_word_embeddings: z.boolean().default(false),
  })
  .refine(({ hidden_size, num_attention_heads }) => hidden_size % num_attention_heads === 0, {
    path: ['hidden_size'],
    error: 'must be a multiple of num_attention_heads',
  });
/** config.json of a GPT-NeoX, checked. */
export type NeoxConfig = z.output<typeof schema> & { readonly rotary: RotarySettings };

/** The share of a head that is rotated when the config does not say. */
const ROTARY_SHARE = 0.25;

const sizes = (config: NeoxConfig): ModelSizes => ({
  layers: config.num_hidden_layers,
  heads: config.num_attention_heads,
  kvHeads: config.num_attention_heads,
  dHead: config.hidden_size / config.num_attention_heads,
  dModel: config.hidden_size,
  dMlp: config.intermediate_size,
  vocabulary: config.vocab_size,
  positions: rotaryPositions(config.rotary, config.max_position_embeddings),
  norm: 'layerNorm',
  logitSoftCap: false,
});

function readConfig(config: RawConfig, source: string): NeoxConfig {
  const keys = parseConfig(schema, config, source);
  return { ...keys, rotary: readRotary(config, keys.hidden_size / keys.num_attention_heads, source, ROTARY_SHARE) };
}

function rules(config: NeoxConfig, raw: RawCheckpoint): TensorRule[] {
  const { layers, heads: H, dHead, dModel: D, dMlp: F, vocabulary: V, positions } = sizes(config);
  const prefix = prefixOf(raw, ['gpt_neox.', ''], 'embed_in.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}embed_in.weight`, [V, D]));
  addRotary(list.add, 'rope', config.rotary, positions);
  for (let l = 0; l < layers; l++) {
    const layer = `${prefix}layers.${l}.`;
    const packed = `${layer}attention.query_key_value`;
    const add = list.inLayer(l);
    addLayerNorm(add, 'ln1', `${layer}input_layernorm`, D);
    // the three matrices one after the other: they can be read as one
    ['q', 'k', 'v'].forEach((input, i) => {
      add(`attn.${input}.W`, [H, dHead, D], headPart(`${packed}.weight`, [3 * D, D], H, 3, i));
    });
    const biased = config.attention_bias ? ['q', 'k', 'v'] : [];
    biased.forEach((input, i) => {
      add(`attn.${input}.b`, [H, dHead], headPart(`${packed}.bias`, [3 * D], H, 3, i));
    });
    add('attn.o.W', [H, dHead, D], transposed(`${layer}attention.dense.weight`, [D, D]));
    if (config.attention_bias) add('attn.o.b', [D], asIs(`${layer}attention.dense.bias`, [D]));
    addLayerNorm(add, 'ln2', `${layer}post_attention_layernorm`, D);
    add('mlp.in.W', [D, F], transposed(`${layer}mlp.dense_h_to_4h.weight`, [F, D]));
    add('mlp.in.b', [F], asIs(`${layer}mlp.dense_h_to_4h.bias`, [F]));
    add('mlp.out.W', [F, D], transposed(`${layer}mlp.dense_4h_to_h.weight`, [D, F]));
    add('mlp.out.b', [D], asIs(`${layer}mlp.dense_4h_to_h.bias`, [D]));
  }
  addLayerNorm(list.add, 'final.ln', `${prefix}final_layer_norm`, D);
  const head = raw.has('lm_head.weight') ? 'lm_head.weight' : 'embed_out.weight'; // newer and older files
  addUnembedding(list.add, config.tie_word_embeddings, head, V, D);
  return list.rules;
}

/** From GPT-NeoX checkpoints to canonical weights. */
export const neoxRecipe: WeightRecipe<NeoxConfig> = Object.freeze({
  name: 'neox',
  modelTypes: ['gpt_neox'],
  computes: ['attention_bias', 'use_parallel_residual', 'partial_rotary_factor', 'rotary_pct'],
  readConfig,
  sizes,
  rules,
});
