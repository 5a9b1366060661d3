/**
 * @file Keys of config.json that change what a model computes. A recipe names those that it computes (`WeightRecipe.computes`);
 * any other is refused unless its value changes nothing, so that no key is skipped in silence. Keys that are not in this table
 * (names, dropout, caches, token ids) change no number.
 */
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import type { RawConfig } from './config.js';

/** Whether a value of a key leaves a model as it is without the key. */
type Neutral = (value: unknown) => boolean;

const off: Neutral = (value) => value === false || value === 0;
const on: Neutral = (value) => value === true;
const one: Neutral = (value) => value === 1;
const never: Neutral = () => false;
const empty: Neutral = (value) => typeof value === 'object' && value !== null && Object.keys(value).length === 0;
const all =
  (expected: unknown): Neutral =>
  (value) =>
    Array.isArray(value) && value.every((item) => item === expected);
const among =
  (...values: readonly unknown[]): Neutral =>
  (value) =>
    values.includes(value);

/** By key: the values, besides null, that change nothing. */
const NUMBER_KEYS: Readonly<Record<string, Neutral>> = {
  // biases
  ...{ attention_bias: off, attention_out_bias: off, qkv_bias: off, use_qkv_bias: off, add_qkv_bias: off },
  ...{ mlp_bias: off, use_bias: off, bias: off, lm_head_bias: off, add_bias_linear: off },
  // factors
  ...{ embedding_multiplier: one, residual_multiplier: one, attention_multiplier: never, logits_scaling: one },
  ...{
    logit_scale: one,
    logits_scale: one,
    lm_head_multiplier: one,
    output_multiplier_scale: one,
    key_multiplier: one,
  },
  ...{ attention_in_multiplier: one, attention_out_multiplier: one, mlp_multipliers: all(1), embedding_scale: one },
  ...{ scale_emb: one, scale_depth: never, dim_model_base: never, scale_embedding: off, query_pre_attn_scalar: never },
  ...{ scale_attn_weights: on, scale_attn_by_inverse_layer_idx: off, softmax_scale: never },
  ...{ attn_temperature_tuning: off },
  // caps
  ...{ attn_logit_softcapping: off, final_logit_softcapping: off, final_logit_softcap: off, logits_soft_cap: off },
  ...{ attn_logit_cap: off, attention_logit_cap: off, output_logit_soft_cap: off, clip_qkv: off },
  // norms, and where they stand
  ...{ use_qk_norm: off, qk_norm: off, qk_layernorm: off, use_qk_layernorm: off, apply_layernorm_1p: off },
  ...{ apply_residual_connection_post_layernorm: off, do_layer_norm_before: on, _remove_final_layer_norm: off },
  // which tokens are seen
  ...{ sliding_window: off, use_sliding_window: off, interleaved_sliding_window: off, attention_chunk_size: off },
  ...{ layer_types: all('full_attention'), no_rope_layers: all(1), no_rope_layer_interval: off, is_causal: on },
  ...{ use_bidirectional_attention: off, attention_sink: off, use_attention_sinks: off, prefix_lm: off },
  dual_chunk_attention_config: never,
  // positions
  ...{ partial_rotary_factor: one, rotary_pct: one, rope_interleaved: off, rope_interleave: off, use_mrope: off },
  ...{ mrope_section: never, alibi: off, use_alibi: off },
  position_embedding_type: among('absolute', 'learned', 'rope', 'rotary'),
  // the shape of a block
  ...{ parallel_attn: off, use_parallel_residual: off, new_decoder_architecture: off, multi_query: off },
  ...{ is_encoder_decoder: off, add_cross_attention: off, cross_attention_layers: all(null), pruned_heads: empty },
  ...{ n_shared_experts: off, shared_expert_intermediate_size: off, swiglu_limit: never },
  ...{ num_experts: off, num_local_experts: off, n_routed_experts: off, moe_num_experts: off },
  ...{ kv_lora_rank: off, num_kv_shared_layers: off, hidden_size_per_layer_input: off },
};

/** Blocks of a config that hold such keys too. */
const BLOCKS = ['text_config', 'rope_parameters', 'rope_scaling', 'full_attention', 'sliding_attention'];

/**
 * Refuses a config with a key that changes numbers and is not computed.
 * @param source what the sentence calls the config
 * @param computed the keys that the caller computes, or that the model's own code does not read either
 * @throws AutoCircuitError `unsupported-model`, fields: key, got
 */
export function refuseKeys(config: RawConfig, source: string, computed: readonly string[] = []): void {
  refuseIn(config, '', source, new Set(computed));
}

function refuseIn(block: object, path: string, source: string, computed: ReadonlySet<string>): void {
  for (const [key, value] of Object.entries(block)) {
    if (value === null || value === undefined) continue;
    if (BLOCKS.includes(key) && typeof value === 'object') refuseIn(value, `${path}${key}.`, source, computed);
    const neutral = Object.hasOwn(NUMBER_KEYS, key) ? NUMBER_KEYS[key] : undefined;
    if (neutral === undefined || computed.has(key) || neutral(value)) continue;
    throw new AutoCircuitError({
      code: 'unsupported-model',
      fields: { key: `${path}${key}`, got: value },
      where: 'checkpoint',
      what: `${source} has "${path}${key}", which changes what the model computes and is not supported here`,
      got: JSON.stringify(value).slice(0, 80),
    });
  }
}
