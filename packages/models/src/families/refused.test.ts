/** @file What families refuse: keys that change numbers and are not computed, and models that are no decoders with heads. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryWeights } from '@auto-circuit/core/backend';
import { describe, expect, it } from 'vitest';
import { memoryCheckpoint } from '../checkpoint/hf-folder.js';
import { loadModel } from '../load-model.js';
import { errorWith } from '../testing/error-matcher.js';
import { alibiSlopes } from './decoder-config.js';
import { FAMILIES } from './families.js';
import { UNREAD_MODEL_TYPES } from './unread.js';

/** Reads a config as its family does. */
function read(config: Record<string, unknown> & { readonly model_type: string }): () => void {
  const family = FAMILIES.find(({ modelTypes }) => modelTypes.includes(config.model_type))!;
  return () => family.ofCheckpoint('x', memoryCheckpoint('x', config, {}), 'none', () => memoryWeights({}));
}
const SIZES = {
  ...{ num_hidden_layers: 2, num_attention_heads: 2, hidden_size: 8, intermediate_size: 12, vocab_size: 5 },
  max_position_embeddings: 8,
};

describe('keys of config.json that are not computed', () => {
  it.each([
    ['opt', { ...SIZES, ffn_dim: 12, do_layer_norm_before: false }, 'do_layer_norm_before'],
    ['opt', { ...SIZES, ffn_dim: 12, word_embed_proj_dim: 4 }, 'word_embed_proj_dim'],
    ['opt', { ...SIZES, ffn_dim: 12, _remove_final_layer_norm: true }, '_remove_final_layer_norm'],
    [
      'bloom',
      { n_layer: 1, n_head: 2, hidden_size: 8, vocab_size: 5, apply_residual_connection_post_layernorm: true },
      'apply_residual_connection_post_layernorm',
    ],
    ['mixtral', { ...SIZES, num_local_experts: 2, num_experts_per_tok: 3 }, 'num_experts_per_tok'],
    ['gpt_oss', { ...SIZES, head_dim: 4 }, 'num_local_experts'],
    ['falcon', { ...SIZES, new_decoder_architecture: true, parallel_attn: false }, 'parallel_attn'],
    ['olmo', { ...SIZES, clip_qkv: 8, attention_bias: true }, 'clip_qkv'],
    ['olmo2', { ...SIZES, attention_bias: true }, 'attention_bias'],
    ['gemma', { ...SIZES, use_bidirectional_attention: true }, 'use_bidirectional_attention'],
    ['smollm3', { ...SIZES, no_rope_layers: [1] }, 'no_rope_layers'],
    ['gpt_neo', { ...SIZES, num_layers: 2, num_heads: 2, attention_types: [[['global'], 1]] }, 'attention_types'],
  ])('%s refuses %j by name', (model_type, config, key) => {
    expect(read({ model_type, ...config })).toThrow(errorWith('invalid-file', { key }));
  });

  it('sizes that do not divide are refused', () => {
    expect(read({ model_type: 'phi3', ...SIZES, hidden_size: 9 })).toThrow(
      errorWith('invalid-file', { key: 'hidden_size' }),
    );
    expect(read({ model_type: 'granite', ...SIZES, num_attention_heads: 4, num_key_value_heads: 3 })).toThrow(
      errorWith('invalid-file', { key: 'num_attention_heads' }),
    );
    expect(read({ model_type: 'qwen3', ...SIZES, hidden_act: 'mish' })).toThrow(
      errorWith('unsupported-model', { key: 'hidden_act' }),
    );
  });
});

describe('models of other kinds', () => {
  it.each(['qwen2_moe', 'llama4', 'dbrx', 't5', 'bart', 'whisper', 'mamba', 'jamba', 'rwkv', 'bert'])(
    '%s is refused with the reason',
    async (model_type) => {
      const folder = mkdtempSync(join(tmpdir(), 'unread-'));
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ model_type }));
      await expect(loadModel(folder)).rejects.toThrow(
        errorWith('unsupported-model', { key: 'model_type', name: model_type }),
      );
      rmSync(folder, { recursive: true });
    },
  );

  it('and no family reads one of them', () => {
    const types = FAMILIES.flatMap(({ modelTypes }) => modelTypes);
    expect(types.filter((type) => Object.hasOwn(UNREAD_MODEL_TYPES, type))).toEqual([]);
    expect(new Set(types).size).toBe(types.length);
  });
});

it('slopes of linear biases are powers of 2^(-8/n), and of its double for what is left over', () => {
  expect(alibiSlopes(8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((i) => 2 ** -i));
  expect(alibiSlopes(3)).toEqual([2 ** -4, 2 ** -8, 2 ** -2]);
  expect(alibiSlopes(1)).toEqual([2 ** -8]);
});
