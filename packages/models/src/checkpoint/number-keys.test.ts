/** @file Keys that change numbers: refused by name with every value but the one that changes nothing, unless they are computed. */
import { describe, expect, it } from 'vitest';
import { gemmaRecipe } from '../recipes/gemma.js';
import { gpt2Recipe } from '../recipes/gpt2.js';
import { llamaRecipe } from '../recipes/llama.js';
import { neoxRecipe } from '../recipes/neox.js';
import { errorWith } from '../testing/error-matcher.js';
import { canonicalWeights, type WeightRecipe } from './canonical.js';
import type { RawConfig } from './config.js';
import { memoryCheckpoint } from './hf-folder.js';
import { refuseKeys } from './number-keys.js';

const SIZES = { num_hidden_layers: 2, num_attention_heads: 2, hidden_size: 8, intermediate_size: 12 };
const LLAMA = { model_type: 'llama', ...SIZES, max_position_embeddings: 8, vocab_size: 5 };
const NEOX = { ...LLAMA, model_type: 'gpt_neox' };
const GEMMA = { ...LLAMA, model_type: 'gemma2', head_dim: 4, num_key_value_heads: 1 };
const GPT2 = { model_type: 'gpt2', n_layer: 1, n_head: 2, n_embd: 8, n_positions: 8, vocab_size: 5 };
const read =
  <C>(config: RawConfig, recipe: WeightRecipe<C>) =>
  () =>
    canonicalWeights(memoryCheckpoint('config', config, {}), recipe, 'none');

/** A key, a value that changes nothing, and one that does. */
const CASES: readonly (readonly [string, unknown, unknown])[] = [
  ['qkv_bias', false, true],
  ['residual_multiplier', 1, 0.22],
  ['attention_multiplier', null, 0.0156],
  ['logit_scale', 1.0, 0.0625],
  ['attn_logit_softcapping', null, 50],
  ['clip_qkv', null, 8],
  ['qk_layernorm', false, true],
  ['partial_rotary_factor', 1, 0.5],
  ['no_rope_layers', [1, 1], [1, 0]],
  ['attention_chunk_size', null, 8192],
  ['use_bidirectional_attention', false, true],
  ['position_embedding_type', 'absolute', 'relative_key'],
  ['num_local_experts', 0, 8],
  ['add_cross_attention', false, true],
  ['pruned_heads', {}, { 0: [1] }],
  ['is_causal', true, false],
  ['softmax_scale', null, 0.5],
];

describe('a key that changes numbers', () => {
  it.each(CASES)('%s: %j does nothing, %j is refused', (key, neutral, changing) => {
    expect(read({ ...LLAMA, [key]: neutral }, llamaRecipe)).not.toThrow();
    expect(read({ ...LLAMA, [key]: changing }, llamaRecipe)).toThrow(
      errorWith('unsupported-model', { key, got: changing }),
    );
  });

  it('is refused in blocks too, under its whole name', () => {
    const rope_parameters = { rope_type: 'default', rope_theta: 100, partial_rotary_factor: 0.5 };
    expect(read({ ...LLAMA, rope_parameters }, llamaRecipe)).toThrow(
      errorWith('unsupported-model', { key: 'rope_parameters.partial_rotary_factor' }),
    );
    expect(read({ ...NEOX, rope_parameters, hidden_size: 16 }, neoxRecipe)).not.toThrow();
    const { model_type: _, ...text } = GEMMA;
    const nested = { model_type: 'gemma3', text_config: { ...text, clip_qkv: 3 } };
    expect(read(nested, gemmaRecipe)).toThrow(errorWith('unsupported-model', { key: 'text_config.clip_qkv' }));
  });

  it('is read by the recipes that compute it', () => {
    const rotary = { hidden_size: 16, rotary_pct: 0.5, attention_bias: true, use_parallel_residual: false };
    expect(read({ ...NEOX, ...rotary }, neoxRecipe)).not.toThrow();
    const caps = { attn_logit_softcapping: 50, query_pre_attn_scalar: 12, sliding_window: 3 };
    expect(read({ ...GEMMA, ...caps }, gemmaRecipe)).not.toThrow();
    expect(read({ ...GPT2, scale_attn_weights: true }, gpt2Recipe)).not.toThrow();
    expect(read({ ...GPT2, alibi: true }, gpt2Recipe)).toThrow(errorWith('unsupported-model', { key: 'alibi' }));
  });

  it('may have a name that every object has', () => {
    expect(() => refuseKeys({ model_type: 'x', constructor: 1, toString: 2 }, 'config')).not.toThrow();
  });
});
