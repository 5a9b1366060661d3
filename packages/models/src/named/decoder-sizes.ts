/**
 * @file Named sizes of the families that are put together from settings (`families/`), in the same form as those of `sizes.ts`: by
 * family the keys that all its sizes share, and by size the rest.
 */
import type { RawConfig } from '../checkpoint/config.js';
import type { NamedSize } from './named-size.js';

type Value = number | boolean;
/** A size: its name, the hub's name, and what the keys of its family are for it. */
type Row = readonly [name: string, hub: string, ...values: Value[]];

/** Sizes of a family: the config that they share, the keys that they differ in, and a row each. */
const sizesOf = (
  shared: RawConfig,
  keys: readonly string[],
  rows: readonly Row[],
): readonly (readonly [string, NamedSize])[] =>
  rows.map(([name, hub, ...values]) => [
    name,
    { hub, config: { ...shared, ...Object.fromEntries(keys.map((key, i) => [key, values[i]])) } },
  ]);

const DEPTH = ['num_hidden_layers', 'num_attention_heads'] as const;
const WIDTH = ['hidden_size', 'intermediate_size'] as const;
const GROUPED = [...DEPTH, 'num_key_value_heads', ...WIDTH] as const;
const TIED = 'tie_word_embeddings';
const alternating = (pairs: number): RawConfig => ({
  ...{ model_type: 'gpt_neo', vocab_size: 50_257, max_position_embeddings: 2048 },
  attention_types: [[['global', 'local'], pairs]],
});
const neoKeys = ['num_layers', 'num_heads', 'hidden_size'] as const;
const falcon: RawConfig = { model_type: 'falcon', vocab_size: 65_024, max_position_embeddings: 2048 };
const command: RawConfig = { model_type: 'cohere', vocab_size: 256_000, max_position_embeddings: 8192 };

/** By name. */
export const DECODER_SIZES: readonly (readonly [string, NamedSize])[] = [
  ...sizesOf(
    { model_type: 'qwen3', vocab_size: 151_936, max_position_embeddings: 32_768, head_dim: 128 },
    [...GROUPED, TIED],
    [
      ['qwen3-0.6b', 'Qwen/Qwen3-0.6B-Base', 28, 16, 8, 1024, 3072, true],
      ['qwen3-1.7b', 'Qwen/Qwen3-1.7B-Base', 28, 16, 8, 2048, 6144, true],
      ['qwen3-4b', 'Qwen/Qwen3-4B-Base', 36, 32, 8, 2560, 9728, true],
      ['qwen3-8b', 'Qwen/Qwen3-8B-Base', 36, 32, 8, 4096, 12_288, false],
      ['qwen3-14b', 'Qwen/Qwen3-14B-Base', 40, 40, 8, 5120, 17_408, false],
    ],
  ),
  ...sizesOf({ model_type: 'gemma', vocab_size: 256_000, max_position_embeddings: 8192 }, GROUPED, [
    ['gemma-2b', 'google/gemma-2b', 18, 8, 1, 2048, 16_384],
    ['gemma-7b', 'google/gemma-7b', 28, 16, 16, 3072, 24_576],
  ]),
  ...sizesOf(
    { model_type: 'phi', vocab_size: 51_200, max_position_embeddings: 2048 },
    [...DEPTH, ...WIDTH],
    [
      ['phi-1', 'microsoft/phi-1', 24, 32, 2048, 8192],
      ['phi-1.5', 'microsoft/phi-1_5', 24, 32, 2048, 8192],
      ['phi-2', 'microsoft/phi-2', 32, 32, 2560, 10_240],
    ],
  ),
  ...sizesOf(
    { model_type: 'phi3' },
    [...GROUPED, 'vocab_size', 'max_position_embeddings', TIED],
    [
      ['phi-3-mini-4k', 'microsoft/Phi-3-mini-4k-instruct', 32, 32, 32, 3072, 8192, 32_064, 4096, false],
      ['phi-4-mini', 'microsoft/Phi-4-mini-instruct', 32, 24, 8, 3072, 8192, 200_064, 4096, true],
      ['phi-4', 'microsoft/phi-4', 40, 40, 10, 5120, 17_920, 100_352, 16_384, false],
    ],
  ),
  ...sizesOf(
    { model_type: 'olmo', vocab_size: 50_304, max_position_embeddings: 2048 },
    [...GROUPED, TIED],
    [
      ['olmo-1b', 'allenai/OLMo-1B-hf', 16, 16, 16, 2048, 8192, true],
      ['olmo-7b', 'allenai/OLMo-7B-hf', 32, 32, 32, 4096, 11_008, false],
    ],
  ),
  ...sizesOf({ model_type: 'olmo2', vocab_size: 100_352, max_position_embeddings: 4096 }, GROUPED, [
    ['olmo-2-1b', 'allenai/OLMo-2-0425-1B', 16, 16, 16, 2048, 8192],
    ['olmo-2-7b', 'allenai/OLMo-2-1124-7B', 32, 32, 32, 4096, 11_008],
    ['olmo-2-13b', 'allenai/OLMo-2-1124-13B', 40, 40, 40, 5120, 13_824],
    ['olmo-2-32b', 'allenai/OLMo-2-0325-32B', 64, 40, 8, 5120, 27_648],
  ]),
  ...sizesOf({ model_type: 'olmo3', vocab_size: 100_278, max_position_embeddings: 65_536 }, GROUPED, [
    ['olmo-3-7b', 'allenai/Olmo-3-1025-7B', 32, 32, 32, 4096, 11_008],
  ]),
  ...sizesOf({ model_type: 'smollm3', vocab_size: 128_256, max_position_embeddings: 65_536 }, GROUPED, [
    ['smollm3-3b', 'HuggingFaceTB/SmolLM3-3B-Base', 36, 16, 4, 2048, 11_008],
  ]),
  ...sizesOf(
    { model_type: 'stablelm', vocab_size: 100_352, max_position_embeddings: 4096 },
    [...GROUPED, 'use_qkv_bias', 'qk_layernorm', 'use_parallel_residual'],
    [
      ['stablelm-2-1.6b', 'stabilityai/stablelm-2-1_6b', 24, 32, 32, 2048, 5632, true, false, false],
      ['stablelm-2-12b', 'stabilityai/stablelm-2-12b', 40, 32, 8, 5120, 13_824, false, true, true],
    ],
  ),
  ...sizesOf(
    { model_type: 'gptj', vocab_size: 50_400, n_positions: 2048, rotary_dim: 64 },
    ['n_layer', 'n_head', 'n_embd'],
    [['gpt-j-6b', 'EleutherAI/gpt-j-6b', 28, 16, 4096]],
  ),
  ...sizesOf(alternating(6), neoKeys, [['gpt-neo-125m', 'EleutherAI/gpt-neo-125m', 12, 12, 768]]),
  ...sizesOf(alternating(12), neoKeys, [['gpt-neo-1.3b', 'EleutherAI/gpt-neo-1.3B', 24, 16, 2048]]),
  ...sizesOf(alternating(16), neoKeys, [['gpt-neo-2.7b', 'EleutherAI/gpt-neo-2.7B', 32, 20, 2560]]),
  ...sizesOf(
    { model_type: 'opt', vocab_size: 50_272, max_position_embeddings: 2048 },
    [...DEPTH, 'hidden_size', 'ffn_dim'],
    [
      ['opt-125m', 'facebook/opt-125m', 12, 12, 768, 3072],
      ['opt-1.3b', 'facebook/opt-1.3b', 24, 32, 2048, 8192],
      ['opt-2.7b', 'facebook/opt-2.7b', 32, 32, 2560, 10_240],
      ['opt-6.7b', 'facebook/opt-6.7b', 32, 32, 4096, 16_384],
      ['opt-13b', 'facebook/opt-13b', 40, 40, 5120, 20_480],
    ],
  ),
  ...sizesOf(
    { model_type: 'bloom', vocab_size: 250_880 },
    ['n_layer', 'n_head', 'hidden_size'],
    [
      ['bloom-560m', 'bigscience/bloom-560m', 24, 16, 1024],
      ['bloom-1.1b', 'bigscience/bloom-1b1', 24, 16, 1536],
      ['bloom-1.7b', 'bigscience/bloom-1b7', 24, 16, 2048],
      ['bloom-3b', 'bigscience/bloom-3b', 30, 32, 2560],
      ['bloom-7.1b', 'bigscience/bloom-7b1', 30, 32, 4096],
    ],
  ),
  ...sizesOf(falcon, [...DEPTH, 'hidden_size'], [['falcon-7b', 'tiiuae/falcon-7b', 32, 71, 4544]]),
  ...sizesOf(
    { ...falcon, new_decoder_architecture: true },
    [...DEPTH, 'num_kv_heads', 'hidden_size'],
    [['falcon-40b', 'tiiuae/falcon-40b', 60, 128, 8, 8192]],
  ),
  ...sizesOf(
    { ...falcon, new_decoder_architecture: true, num_ln_in_parallel_attn: 1, max_position_embeddings: 8192 },
    [...DEPTH, 'num_kv_heads', 'hidden_size', TIED],
    [['falcon-2-11b', 'tiiuae/falcon-11B', 60, 32, 8, 4096, false]],
  ),
  ...sizesOf(
    { ...falcon, vocab_size: 50_304, multi_query: false, parallel_attn: false, bias: true, alibi: true },
    [...DEPTH, 'hidden_size'],
    [['falcon-rw-1b', 'tiiuae/falcon-rw-1b', 24, 32, 2048]],
  ),
  ...sizesOf(
    { model_type: 'granite', vocab_size: 49_155, max_position_embeddings: 4096 },
    [...GROUPED, TIED],
    [
      ['granite-3.1-2b', 'ibm-granite/granite-3.1-2b-base', 40, 32, 8, 2048, 8192, true],
      ['granite-3.1-8b', 'ibm-granite/granite-3.1-8b-base', 40, 32, 8, 4096, 12_800, true],
    ],
  ),
  ...sizesOf(
    { model_type: 'starcoder2', vocab_size: 49_152, max_position_embeddings: 16_384, sliding_window: 4096 },
    [...GROUPED, TIED],
    [
      ['starcoder2-3b', 'bigcode/starcoder2-3b', 30, 24, 2, 3072, 12_288, true],
      ['starcoder2-7b', 'bigcode/starcoder2-7b', 32, 36, 4, 4608, 18_432, true],
      ['starcoder2-15b', 'bigcode/starcoder2-15b', 40, 48, 4, 6144, 24_576, false],
    ],
  ),
  ...sizesOf(command, GROUPED, [
    ['aya-23-8b', 'CohereLabs/aya-23-8B', 32, 32, 8, 4096, 14_336],
    ['command-r-35b', 'CohereLabs/c4ai-command-r-v01', 40, 64, 64, 8192, 22_528],
  ]),
  ...sizesOf(
    { model_type: 'mixtral', vocab_size: 32_000, num_local_experts: 8 },
    [...GROUPED, 'max_position_embeddings'],
    [
      ['mixtral-8x7b', 'mistralai/Mixtral-8x7B-v0.1', 32, 32, 8, 4096, 14_336, 32_768],
      ['mixtral-8x22b', 'mistralai/Mixtral-8x22B-v0.1', 56, 48, 8, 6144, 16_384, 65_536],
    ],
  ),
  ...sizesOf(
    { model_type: 'qwen3_moe', vocab_size: 151_936, max_position_embeddings: 40_960, head_dim: 128, num_experts: 128 },
    [...GROUPED, 'moe_intermediate_size'],
    [
      ['qwen3-30b-a3b', 'Qwen/Qwen3-30B-A3B', 48, 32, 4, 2048, 6144, 768],
      ['qwen3-235b-a22b', 'Qwen/Qwen3-235B-A22B', 94, 64, 4, 4096, 12_288, 1536],
    ],
  ),
  ...sizesOf({ model_type: 'olmoe', vocab_size: 50_304, max_position_embeddings: 4096, num_experts: 64 }, GROUPED, [
    ['olmoe-1b-7b', 'allenai/OLMoE-1B-7B-0924', 16, 16, 16, 2048, 1024],
  ]),
  ...sizesOf(
    { model_type: 'gpt_oss', vocab_size: 201_088, max_position_embeddings: 131_072 },
    [...GROUPED, 'num_local_experts'],
    [
      ['gpt-oss-20b', 'openai/gpt-oss-20b', 24, 64, 8, 2880, 2880, 32],
      ['gpt-oss-120b', 'openai/gpt-oss-120b', 36, 64, 8, 2880, 2880, 128],
    ],
  ),
  ...sizesOf({ ...command, model_type: 'cohere2' }, GROUPED, [
    ['command-r7b', 'CohereLabs/c4ai-command-r7b-12-2024', 32, 32, 8, 4096, 14_336],
  ]),
];
