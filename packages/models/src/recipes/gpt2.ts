/** @file GPT-2 checkpoints: Conv1D weights are [in, out], queries, keys and values are packed side by side. */
import { z } from 'zod';
import type { TensorRule, WeightRecipe } from '../checkpoint/canonical.js';
import { count, parseConfig, partCount, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, columnsTransposed, part, prefixOf } from '../checkpoint/layouts.js';
import type { ModelSizes } from '../checkpoint/tensors.js';
import { addLayerNorm, addUnembedding, ruleList } from './rule-list.js';

const schema = z
  .looseObject({
    n_layer: partCount,
    n_head: partCount,
    n_embd: count,
    n_inner: count.nullish(),
    n_positions: count,
    vocab_size: count,
    layer_norm_epsilon: z.number().positive().default(1e-5),
    activation_function: z.string().default('gelu_new'),
    scale_attn_weights: z.boolean().default(true),
    scale_attn_by_inverse_layer_idx: z.boolean().default(false),
    tie_word_embeddings: z.boolean().default(true),
    /** Our own key: the model has no MLPs. */
    attn_only: z.boolean().default(false),
  })
  .refine(({ n_embd, n_head }) => n_embd % n_head === 0, { path: ['n_embd'], error: 'must be a multiple of n_head' });
/** config.json of a GPT-2, checked. */
export type Gpt2Config = z.output<typeof schema>;

const sizes = (config: Gpt2Config): ModelSizes => ({
  layers: config.n_layer,
  heads: config.n_head,
  kvHeads: config.n_head,
  dHead: config.n_embd / config.n_head,
  dModel: config.n_embd,
  dMlp: config.n_inner ?? 4 * config.n_embd,
  vocabulary: config.vocab_size,
  positions: config.n_positions,
  norm: 'layerNorm',
  logitSoftCap: false,
});

function rules(config: Gpt2Config, raw: RawCheckpoint): TensorRule[] {
  const { layers, heads: H, dHead, dModel: D, dMlp: F, vocabulary: V, positions } = sizes(config);
  const prefix = prefixOf(raw, ['transformer.', ''], 'wte.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}wte.weight`, [V, D]));
  list.add('pos.W', [positions, D], asIs(`${prefix}wpe.weight`, [positions, D]));
  for (let l = 0; l < layers; l++) {
    const h = `${prefix}h.${l}.`;
    const add = list.inLayer(l);
    addLayerNorm(add, 'ln1', `${h}ln_1`, D);
    // the three matrices one after the other: they can be read as one
    ['q', 'k', 'v'].forEach((input, i) => {
      add(`attn.${input}.W`, [H, dHead, D], columnsTransposed(`${h}attn.c_attn.weight`, [D, 3 * D], i * D, D));
    });
    ['q', 'k', 'v'].forEach((input, i) => {
      add(`attn.${input}.b`, [H, dHead], part(`${h}attn.c_attn.bias`, 3 * D, i * D, D));
    });
    add('attn.o.W', [H, dHead, D], asIs(`${h}attn.c_proj.weight`, [D, D]));
    add('attn.o.b', [D], asIs(`${h}attn.c_proj.bias`, [D]));
    if (config.attn_only) continue;
    addLayerNorm(add, 'ln2', `${h}ln_2`, D);
    add('mlp.in.W', [D, F], asIs(`${h}mlp.c_fc.weight`, [D, F]));
    add('mlp.in.b', [F], asIs(`${h}mlp.c_fc.bias`, [F]));
    add('mlp.out.W', [F, D], asIs(`${h}mlp.c_proj.weight`, [F, D]));
    add('mlp.out.b', [D], asIs(`${h}mlp.c_proj.bias`, [D]));
  }
  addLayerNorm(list.add, 'final.ln', `${prefix}ln_f`, D);
  addUnembedding(list.add, config.tie_word_embeddings, 'lm_head.weight', V, D);
  return list.rules;
}

/**
 * By layer: what q·k is multiplied by; undefined where it is the usual 1/√dHead in all. (`reorder_and_upcast_attn` is another
 * way to the same numbers.)
 */
export function gpt2AttentionScales(config: Gpt2Config): readonly number[] | undefined {
  const { scale_attn_weights: scaled, scale_attn_by_inverse_layer_idx: byLayer, n_layer } = config;
  if (scaled && !byLayer) return undefined;
  const scale = scaled ? 1 / Math.sqrt(sizes(config).dHead) : 1;
  return Array.from({ length: n_layer }, (_, layer) => (byLayer ? scale / (layer + 1) : scale));
}

/** From GPT-2 checkpoints to canonical weights. */
export const gpt2Recipe: WeightRecipe<Gpt2Config> = Object.freeze({
  name: 'gpt2',
  modelTypes: ['gpt2'],
  readConfig: (config: RawConfig, source: string) => parseConfig(schema, config, source),
  sizes,
  rules,
  computes: ['scale_attn_weights', 'scale_attn_by_inverse_layer_idx'],
});
