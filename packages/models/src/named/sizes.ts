/**
 * @file The named sizes of each family: the keys of `config.json` that their shape follows from, and where their weights are. Keys
 * that equal a family's defaults are left out, as in the files themselves.
 */
import type { RawConfig } from '../checkpoint/config.js';
import { DECODER_SIZES } from './decoder-sizes.js';
import type { NamedSize } from './named-size.js';

type Entry = readonly [name: string, hub: string | null, ...sizes: number[]];

const gpt2 = ([name, hub, n_layer, n_head, n_embd]: Entry): Named => [
  name,
  { hub, config: { model_type: 'gpt2', n_layer, n_head, n_embd, n_positions: 1024, vocab_size: 50_257 } },
];
/** The small models of "A Mathematical Framework for Transformer Circuits" (Elhage et al. 2021), as TransformerLens names them. */
const attentionOnly = ([name, hub, n_layer]: Entry): Named => [
  name,
  {
    hub,
    config: {
      ...{ model_type: 'gpt2', attn_only: true, tie_word_embeddings: false },
      ...{ n_layer, n_head: 8, n_embd: 512, n_positions: 1024, vocab_size: 48_262 },
    },
  },
];
const pythia = ([name, hub, layers, heads, hidden_size, vocab_size]: Entry): Named => [
  name,
  {
    hub,
    config: {
      ...{ model_type: 'gpt_neox', num_hidden_layers: layers, num_attention_heads: heads, hidden_size, vocab_size },
      ...{ intermediate_size: 4 * hidden_size!, max_position_embeddings: 2048 },
    },
  },
];
const grouped =
  (config: RawConfig) =>
  ([name, hub, layers, heads, kvHeads, hidden_size, intermediate_size, head_dim]: Entry): Named => [
    name,
    {
      hub,
      config: {
        ...config,
        ...{ num_hidden_layers: layers, num_attention_heads: heads, num_key_value_heads: kvHeads, hidden_size },
        ...{ intermediate_size, head_dim: head_dim ?? null },
      },
    },
  ];
const llama3: RawConfig = { model_type: 'llama', vocab_size: 128_256, max_position_embeddings: 131_072 };
const smollm2: RawConfig = {
  ...{ model_type: 'llama', vocab_size: 49_152, max_position_embeddings: 8192, tie_word_embeddings: true },
};
const qwen2: RawConfig = { model_type: 'qwen2', vocab_size: 151_936, max_position_embeddings: 32_768 };
const mistral: RawConfig = { model_type: 'mistral', vocab_size: 32_000, max_position_embeddings: 32_768 };
const gemma2: RawConfig = { model_type: 'gemma2' };
const gemma3: RawConfig = { model_type: 'gemma3_text' };
const gemma3Small: RawConfig = {
  ...{ model_type: 'gemma3_text', vocab_size: 262_144, max_position_embeddings: 32_768, sliding_window: 512 },
};
const tied = { tie_word_embeddings: true };

type Named = readonly [name: string, size: NamedSize];
const entries: readonly Named[] = [
  ...(
    [
      ['distilgpt2', 'distilbert/distilgpt2', 6, 12, 768],
      ['gpt2', 'openai-community/gpt2', 12, 12, 768],
      ['gpt2-medium', 'openai-community/gpt2-medium', 24, 16, 1024],
      ['gpt2-large', 'openai-community/gpt2-large', 36, 20, 1280],
      ['gpt2-xl', 'openai-community/gpt2-xl', 48, 25, 1600],
    ] as const
  ).map(gpt2),
  ...(
    [
      ['attn-only-1l', null, 1],
      ['attn-only-2l', null, 2],
      ['attn-only-3l', null, 3],
      ['attn-only-4l', null, 4],
    ] as const
  ).map(attentionOnly),
  ...(
    [
      ['pythia-14m', 'EleutherAI/pythia-14m', 6, 4, 128, 50_304],
      ['pythia-31m', 'EleutherAI/pythia-31m', 6, 8, 256, 50_304],
      ['pythia-70m', 'EleutherAI/pythia-70m', 6, 8, 512, 50_304],
      ['pythia-160m', 'EleutherAI/pythia-160m', 12, 12, 768, 50_304],
      ['pythia-410m', 'EleutherAI/pythia-410m', 24, 16, 1024, 50_304],
      ['pythia-1b', 'EleutherAI/pythia-1b', 16, 8, 2048, 50_304],
      ['pythia-1.4b', 'EleutherAI/pythia-1.4b', 24, 16, 2048, 50_304],
      ['pythia-2.8b', 'EleutherAI/pythia-2.8b', 32, 32, 2560, 50_304],
      ['pythia-6.9b', 'EleutherAI/pythia-6.9b', 32, 32, 4096, 50_432],
      ['pythia-12b', 'EleutherAI/pythia-12b', 36, 40, 5120, 50_688],
      ['gpt-neox-20b', 'EleutherAI/gpt-neox-20b', 44, 64, 6144, 50_432],
    ] as const
  ).map(pythia),
  ...(
    [
      ['smollm2-135m', 'HuggingFaceTB/SmolLM2-135M', 30, 9, 3, 576, 1536],
      ['smollm2-360m', 'HuggingFaceTB/SmolLM2-360M', 32, 15, 5, 960, 2560],
      ['smollm2-1.7b', 'HuggingFaceTB/SmolLM2-1.7B', 24, 32, 32, 2048, 8192],
    ] as const
  ).map(grouped(smollm2)),
  ...(
    [
      ['llama-3.2-1b', 'meta-llama/Llama-3.2-1B', 16, 32, 8, 2048, 8192, 64],
      ['llama-3.2-3b', 'meta-llama/Llama-3.2-3B', 28, 24, 8, 3072, 8192, 128],
    ] as const
  ).map(grouped({ ...llama3, ...tied })),
  ...([['llama-3.1-8b', 'meta-llama/Llama-3.1-8B', 32, 32, 8, 4096, 14_336]] as const).map(grouped(llama3)),
  ...(
    [
      ['qwen2.5-0.5b', 'Qwen/Qwen2.5-0.5B', 24, 14, 2, 896, 4864],
      ['qwen2.5-1.5b', 'Qwen/Qwen2.5-1.5B', 28, 12, 2, 1536, 8960],
      ['qwen2.5-3b', 'Qwen/Qwen2.5-3B', 36, 16, 2, 2048, 11_008],
    ] as const
  ).map(grouped({ ...qwen2, ...tied })),
  ...(
    [
      ['qwen2.5-7b', 'Qwen/Qwen2.5-7B', 28, 28, 4, 3584, 18_944],
      ['qwen2.5-14b', 'Qwen/Qwen2.5-14B', 48, 40, 8, 5120, 13_824],
    ] as const
  ).map(grouped({ ...qwen2, vocab_size: 152_064, max_position_embeddings: 131_072 })),
  ...([['llama-2-7b', 'meta-llama/Llama-2-7b-hf', 32, 32, 32, 4096, 11_008]] as const).map(
    grouped({ model_type: 'llama', vocab_size: 32_000, max_position_embeddings: 4096 }),
  ),
  ...([['tinyllama-1.1b', 'TinyLlama/TinyLlama-1.1B-Chat-v1.0', 22, 32, 4, 2048, 5632]] as const).map(
    grouped({ model_type: 'llama', vocab_size: 32_000, max_position_embeddings: 2048 }),
  ),
  ...([['mistral-nemo-12b', 'mistralai/Mistral-Nemo-Base-2407', 40, 32, 8, 5120, 14_336, 128]] as const).map(
    grouped({ ...mistral, vocab_size: 131_072, max_position_embeddings: 128_000, sliding_window: null }),
  ),
  ...([['mistral-7b', 'mistralai/Mistral-7B-v0.1', 32, 32, 8, 4096, 14_336]] as const).map(grouped(mistral)),
  ...(
    [
      ['gemma-2-2b', 'google/gemma-2-2b', 26, 8, 4, 2304, 9216, 256],
      ['gemma-2-9b', 'google/gemma-2-9b', 42, 16, 8, 3584, 14_336, 256],
      ['gemma-2-27b', 'google/gemma-2-27b', 46, 32, 16, 4608, 36_864, 128],
    ] as const
  ).map(grouped(gemma2)),
  ...(
    [
      ['gemma-3-270m', 'google/gemma-3-270m', 18, 4, 1, 640, 2048, 256],
      ['gemma-3-1b', 'google/gemma-3-1b-pt', 26, 4, 1, 1152, 6912, 256],
    ] as const
  ).map(grouped(gemma3Small)),
  ...(
    [
      ['gemma-3-4b', 'google/gemma-3-4b-pt', 34, 8, 4, 2560, 10_240, 256],
      ['gemma-3-12b', 'google/gemma-3-12b-pt', 48, 16, 8, 3840, 15_360, 256],
      ['gemma-3-27b', 'google/gemma-3-27b-pt', 62, 32, 16, 5376, 21_504, 128],
    ] as const
  ).map(grouped(gemma3)),
  ...DECODER_SIZES,
];

/** The named sizes: `gpt2`, `pythia-70m`, … */
export const NAMED_SIZES: Readonly<Record<string, NamedSize>> = Object.freeze(Object.fromEntries(entries));

/** Names that other tools have for some of them. */
const ALIASES: Readonly<Record<string, string>> = { 'gpt2-small': 'gpt2' };

/** The named size, by its name in upper or lower case; undefined where there is none. */
export function namedSize(name: string): (NamedSize & { readonly name: string }) | undefined {
  const key = name.toLowerCase();
  const known = Object.hasOwn(ALIASES, key) ? ALIASES[key]! : key;
  const size = Object.hasOwn(NAMED_SIZES, known) ? NAMED_SIZES[known] : undefined;
  return size && { ...size, name: known };
}
