/** @file Gemma 2 and 3 checkpoints (text): norms are stored as what is added to 1; Gemma 3 may be the text half of a larger model. */
import { z } from 'zod';
import type { TensorRule, WeightRecipe } from '../checkpoint/canonical.js';
import { count, parseConfig, partCount, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, plusOne, prefixOf, transposed } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import type { ModelSizes } from '../checkpoint/tensors.js';
import { type LayerWindows, readWindows } from '../checkpoint/windows.js';
import { addGatedMlp, addProjections, addRotary, addUnembedding, ruleList } from './rule-list.js';

const cap = z.number().positive().nullish();
/** Defaults are those of the family's own configuration class: files leave out what equals them. */
const schema = z
  .looseObject({
    num_hidden_layers: partCount,
    num_attention_heads: partCount.default(8),
    num_key_value_heads: partCount.default(4),
    hidden_size: count,
    head_dim: count.default(256),
    intermediate_size: count,
    max_position_embeddings: count.optional(),
    vocab_size: count.optional(),
    rms_norm_eps: z.number().positive().default(1e-6),
    hidden_activation: z.string().default('gelu_pytorch_tanh'),
    query_pre_attn_scalar: z.number().positive().default(256),
    attn_logit_softcapping: cap,
    final_logit_softcapping: cap,
    /** Gemma 3: one layer in so many sees everything. */
    sliding_window_pattern: count.default(6),
    rope_local_base_freq: z.number().positive().nullish(),
    attention_bias: z.literal(false, 'biases in attention are not supported').default(false),
    use_bidirectional_attention: z.literal(false, 'attention to later tokens is not supported').nullish(),
    tie_word_embeddings: z.boolean().default(true),
  })
  .refine((c) => c.num_attention_heads % c.num_key_value_heads === 0, {
    path: ['num_attention_heads'],
    error: 'must be a multiple of num_key_value_heads',
  });
type Keys = z.output<typeof schema>;

/** What tells the two apart. */
interface Generation {
  readonly vocabulary: number;
  readonly positions: number;
  readonly window: number;
  /** Soft caps where the config has no key for them; a null there means none. */
  readonly scoreCap: number | null;
  readonly logitCap: number | null;
  /** Which layers slide, where the config does not list them. */
  readonly slides: (layer: number, keys: Keys) => boolean;
  /** Rotary settings of the layers that see everything, and of sliding ones where they are others. */
  readonly rotary: (config: RawConfig, keys: Keys, source: string) => Pick<GemmaConfig, 'rotary' | 'localRotary'>;
  readonly queryKeyNorms: boolean;
}

const GEMMA_2: Generation = {
  vocabulary: 256_000,
  positions: 8192,
  window: 4096,
  scoreCap: 50,
  logitCap: 30,
  slides: (layer) => layer % 2 === 0,
  rotary: (config, { head_dim }, source) => ({ rotary: readRotary(config, head_dim, source), localRotary: null }),
  queryKeyNorms: false,
};
/** Bases of Gemma 3 where its config has none. */
const [GLOBAL_BASE, LOCAL_BASE] = [1_000_000, 10_000];

const byKind = z.looseObject({
  rope_parameters: z
    .looseObject({ full_attention: z.looseObject({}).nullish(), sliding_attention: z.looseObject({}).nullish() })
    .nullish(),
});
const GEMMA_3: Generation = {
  vocabulary: 262_208,
  positions: 131_072,
  window: 4096,
  scoreCap: null,
  logitCap: null,
  slides: (layer, keys) => (layer + 1) % keys.sliding_window_pattern !== 0,
  rotary(config, { head_dim, rope_local_base_freq }, source) {
    const { rope_parameters: kinds } = parseConfig(byKind, config, source);
    const type = config.model_type;
    if (kinds?.full_attention) {
      const of = (kind: object): RotarySettings =>
        readRotary({ rope_parameters: kind, model_type: type }, head_dim, source);
      return {
        rotary: of(kinds.full_attention),
        localRotary: of(kinds.sliding_attention ?? { rope_theta: LOCAL_BASE }),
      };
    }
    const rotary = readRotary({ rope_theta: GLOBAL_BASE, ...config }, head_dim, source);
    return {
      rotary,
      localRotary: { ...rotary, theta: rope_local_base_freq ?? LOCAL_BASE, scaling: { kind: 'default' } },
    };
  },
  queryKeyNorms: true,
};

/** By `model_type`. `gemma3` sees images too: its text model is read, the rest is ignored. */
const GENERATIONS: Readonly<Record<string, Generation>> = {
  gemma2: GEMMA_2,
  gemma3_text: GEMMA_3,
  gemma3: GEMMA_3,
};

/** config.json of a Gemma 2 or 3, checked. */
export type GemmaConfig = Keys & {
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly rotary: RotarySettings;
  readonly localRotary: RotarySettings | null;
  readonly windows: LayerWindows;
  readonly scoreCap: number | null;
  readonly logitCap: number | null;
  readonly queryKeyNorms: boolean;
};

const nested = z.looseObject({ text_config: z.looseObject({}) });

function readConfig(raw: RawConfig, source: string): GemmaConfig {
  const generation = GENERATIONS[raw.model_type]!;
  const config =
    raw.model_type === 'gemma3' ? { ...parseConfig(nested, raw, source).text_config, model_type: 'gemma3_text' } : raw;
  const keys = parseConfig(schema, config, source);
  const { vocabulary, positions, window, queryKeyNorms } = generation;
  const capOf = (given: number | null | undefined, otherwise: number | null) =>
    given === undefined ? otherwise : given;
  return {
    ...keys,
    vocab_size: keys.vocab_size ?? vocabulary,
    max_position_embeddings: keys.max_position_embeddings ?? positions,
    ...generation.rotary(config, keys, source),
    windows: readWindows(config, source, {
      layers: keys.num_hidden_layers,
      slides: (layer) => generation.slides(layer, keys),
      defaultWindow: window,
    }),
    scoreCap: capOf(keys.attn_logit_softcapping, generation.scoreCap),
    logitCap: capOf(keys.final_logit_softcapping, generation.logitCap),
    queryKeyNorms,
  };
}

const sizes = (config: GemmaConfig): ModelSizes => ({
  layers: config.num_hidden_layers,
  heads: config.num_attention_heads,
  kvHeads: config.num_key_value_heads,
  dHead: config.head_dim,
  dModel: config.hidden_size,
  dMlp: config.intermediate_size,
  vocabulary: config.vocab_size,
  positions: config.max_position_embeddings,
  norm: 'rmsNorm',
  logitSoftCap: config.logitCap !== null,
});

function rules(config: GemmaConfig, raw: RawCheckpoint): TensorRule[] {
  const own = sizes(config);
  const { layers, heads: H, dHead, dModel: D, dMlp: F, vocabulary: V, positions } = own;
  const prefix = prefixOf(raw, ['model.', 'language_model.model.', 'model.language_model.', ''], 'embed_tokens.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}embed_tokens.weight`, [V, D]));
  addRotary(list.add, 'rope', config.rotary, positions);
  if (config.localRotary !== null) addRotary(list.add, 'rope.local', config.localRotary, positions);
  for (let l = 0; l < layers; l++) {
    const layer = `${prefix}layers.${l}.`;
    const add = list.inLayer(l);
    const norm = (name: string, from: string, size = D) =>
      add(`${name}.w`, [size], plusOne(`${layer}${from}.weight`, size));
    norm('ln1', 'input_layernorm');
    addProjections(add, `${layer}self_attn`, own, () => false);
    if (config.queryKeyNorms)
      for (const input of ['q', 'k']) norm(`attn.${input}.norm`, `self_attn.${input}_norm`, dHead);
    add('attn.o.W', [H, dHead, D], transposed(`${layer}self_attn.o_proj.weight`, [D, H * dHead]));
    norm('attn.post', 'post_attention_layernorm');
    norm('ln2', 'pre_feedforward_layernorm');
    addGatedMlp(add, `${layer}mlp`, D, F);
    norm('mlp.post', 'post_feedforward_layernorm');
  }
  list.add('final.ln.w', [D], plusOne(`${prefix}norm.weight`, D));
  addUnembedding(list.add, config.tie_word_embeddings, 'lm_head.weight', V, D);
  return list.rules;
}

/** From Gemma 2 and 3 checkpoints (text) to canonical weights. */
export const gemmaRecipe: WeightRecipe<GemmaConfig> = Object.freeze({
  name: 'gemma',
  modelTypes: Object.keys(GENERATIONS),
  computes: [
    ...['attn_logit_softcapping', 'final_logit_softcapping', 'query_pre_attn_scalar', 'sliding_window', 'layer_types'],
  ],
  readConfig,
  sizes,
  rules,
});
