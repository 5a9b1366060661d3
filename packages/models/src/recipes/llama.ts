/** @file Llama-like checkpoints (Llama, Qwen 2, Mistral): [out, in] matrices, already in head order. */
import { z } from 'zod';
import type { TensorRule, WeightRecipe } from '../checkpoint/canonical.js';
import { count, parseConfig, partCount, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, prefixOf, transposed } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary, rotaryPositions } from '../checkpoint/rotary.js';
import type { ModelSizes } from '../checkpoint/tensors.js';
import { type LayerWindows, readWindows } from '../checkpoint/windows.js';
import { addGatedMlp, addProjections, addRotary, addUnembedding, ruleList } from './rule-list.js';

const schema = z
  .looseObject({
    num_hidden_layers: partCount,
    num_attention_heads: partCount,
    num_key_value_heads: partCount.nullish(),
    hidden_size: count,
    head_dim: count.nullish(),
    intermediate_size: count,
    max_position_embeddings: count,
    vocab_size: count,
    rms_norm_eps: z.number().positive().default(1e-6),
    hidden_act: z.string().default('silu'),
    tie_word_embeddings: z.boolean().default(false),
    /** Biases of all projections: needed in the file where this is true. */
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
    rope_interleaved: z.literal(false, 'interleaved rotary positions are not supported').default(false),
    /** Qwen 2: whether layers from `max_window_layers` on slide. */
    use_sliding_window: z.boolean().default(false),
    max_window_layers: z.number().int().nonnegative().default(28),
  })
  .refine((c) => c.num_attention_heads % (c.num_key_value_heads ?? c.num_attention_heads) === 0, {
    path: ['num_attention_heads'],
    error: 'must be a multiple of num_key_value_heads',
  })
  .refine((c) => c.head_dim || c.hidden_size % c.num_attention_heads === 0, {
    path: ['hidden_size'],
    error: 'must be a multiple of num_attention_heads when there is no head_dim',
  });
/** config.json of a Llama, Qwen 2 or Mistral, checked. */
export type LlamaConfig = z.output<typeof schema> & {
  readonly rotary: RotarySettings;
  readonly windows: LayerWindows;
};
type Keys = z.output<typeof schema>;

/** What slides in each of the families: nothing in Llama, the upper layers of Qwen 2 if it says so, all of Mistral. */
const WINDOWS: Readonly<Record<string, (config: RawConfig, keys: Keys, source: string) => LayerWindows>> = {
  llama: (_config, { num_hidden_layers: layers }) => new Array<null>(layers).fill(null),
  qwen2: (config, { num_hidden_layers: layers, use_sliding_window, max_window_layers }, source) => {
    if (!use_sliding_window) return new Array<null>(layers).fill(null);
    return readWindows(config, source, { layers, slides: (l) => l >= max_window_layers, defaultWindow: 4096 });
  },
  mistral: ({ layer_types: _, ...config }, { num_hidden_layers: layers }, source) =>
    readWindows(config, source, { layers, slides: () => true, defaultWindow: 4096 }),
};

const headDim = (config: Keys): number => config.head_dim ?? config.hidden_size / config.num_attention_heads;

const sizes = (config: LlamaConfig): ModelSizes => ({
  layers: config.num_hidden_layers,
  heads: config.num_attention_heads,
  kvHeads: config.num_key_value_heads ?? config.num_attention_heads,
  dHead: headDim(config),
  dModel: config.hidden_size,
  dMlp: config.intermediate_size,
  vocabulary: config.vocab_size,
  positions: rotaryPositions(config.rotary, config.max_position_embeddings),
  norm: 'rmsNorm',
  logitSoftCap: false,
});

function readConfig(config: RawConfig, source: string): LlamaConfig {
  const keys = parseConfig(schema, config, source);
  const windows = WINDOWS[config.model_type]!(config, keys, source);
  return { ...keys, rotary: readRotary(config, headDim(keys), source), windows };
}

function rules(config: LlamaConfig, raw: RawCheckpoint): TensorRule[] {
  const own = sizes(config);
  const { layers, heads: H, dHead, dModel: D, dMlp: F, vocabulary: V, positions } = own;
  const prefix = prefixOf(raw, ['model.', ''], 'embed_tokens.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}embed_tokens.weight`, [V, D]));
  addRotary(list.add, 'rope', config.rotary, positions);
  // Qwen 2 has no key for the biases that it always has
  const biasedInputs = config.attention_bias || raw.config.model_type === 'qwen2';
  for (let l = 0; l < layers; l++) {
    const layer = `${prefix}layers.${l}.`;
    const output = `${layer}self_attn.o_proj`;
    const add = list.inLayer(l);
    add('ln1.w', [D], asIs(`${layer}input_layernorm.weight`, [D]));
    addProjections(add, `${layer}self_attn`, own, (tensor) => biasedInputs || raw.has(tensor));
    add('attn.o.W', [H, dHead, D], transposed(`${output}.weight`, [D, H * dHead]));
    if (config.attention_bias || raw.has(`${output}.bias`)) add('attn.o.b', [D], asIs(`${output}.bias`, [D]));
    add('ln2.w', [D], asIs(`${layer}post_attention_layernorm.weight`, [D]));
    addGatedMlp(add, `${layer}mlp`, D, F, config.mlp_bias);
  }
  list.add('final.ln.w', [D], asIs(`${prefix}norm.weight`, [D]));
  addUnembedding(list.add, config.tie_word_embeddings, 'lm_head.weight', V, D);
  return list.rules;
}

/** From checkpoints of Llama, Qwen 2 and Mistral to canonical weights. */
export const llamaRecipe: WeightRecipe<LlamaConfig> = Object.freeze({
  name: 'llama',
  modelTypes: Object.keys(WINDOWS),
  // Llama's own code reads no windows, and Mistral's no types of layers
  computes: ['attention_bias', 'mlp_bias', 'sliding_window', 'use_sliding_window', 'layer_types'],
  readConfig,
  sizes,
  rules,
});
