/**
 * @file Writes a Hugging Face folder with seeded random weights, streamed: no more than a piece of a tensor is in memory.
 *
 *   node bench/random-checkpoint.mjs gpt2-small DIR     12 layers, d_model 768, float32 (0.5 GB)
 *   node bench/random-checkpoint.mjs one-billion DIR    Llama: 16 layers, d_model 2048, 32 heads, 8 KV heads, bfloat16 (2.5 GB)
 *   node bench/random-checkpoint.mjs smollm2 DIR        Llama: 30 layers, d_model 576, 9 heads, 3 KV heads, bfloat16 (0.27 GB)
 *   node bench/random-checkpoint.mjs eight-billion DIR  Llama 3.1 8B's shape, bfloat16 (16 GB)
 */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeSafetensors } from '@auto-circuit/core/run';

const GPT2 = (layers) => ({
  dtype: 'F32',
  config: {
    model_type: 'gpt2',
    architectures: ['GPT2LMHeadModel'],
    n_layer: layers,
    n_head: 12,
    n_embd: 768,
    n_positions: 1024,
    vocab_size: 50257,
  },
  shapes: gpt2Shapes,
});
const LLAMA = (config) => ({
  dtype: 'BF16',
  config: { model_type: 'llama', architectures: ['LlamaForCausalLM'], rms_norm_eps: 1e-5, ...config },
  shapes: llamaShapes,
});
export const CHECKPOINTS = {
  'gpt2-small': GPT2(12),
  smollm2: LLAMA({
    num_hidden_layers: 30,
    hidden_size: 576,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    head_dim: 64,
    intermediate_size: 1536,
    vocab_size: 49_152,
    max_position_embeddings: 8192,
    rope_theta: 100_000,
    tie_word_embeddings: true,
  }),
  'one-billion': LLAMA({
    num_hidden_layers: 16,
    hidden_size: 2048,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    head_dim: 64,
    intermediate_size: 8192,
    vocab_size: 128_256,
    max_position_embeddings: 2048,
    rope_theta: 500_000,
    tie_word_embeddings: true,
  }),
  'eight-billion': LLAMA({
    num_hidden_layers: 32,
    hidden_size: 4096,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    head_dim: 128,
    intermediate_size: 14_336,
    vocab_size: 128_256,
    max_position_embeddings: 2048,
    rope_theta: 500_000,
    tie_word_embeddings: false,
  }),
};

/** Writes config.json and model.safetensors, unless they are there. Gives the number of parameters. @param layers of a Llama, where fewer */
export async function writeRandomCheckpoint(name, folder, layers) {
  const whole = CHECKPOINTS[name];
  const checkpoint = layers ? { ...whole, config: { ...whole.config, num_hidden_layers: layers } } : whole;
  if (!whole) throw new Error(`unknown checkpoint "${name}"; known: ${Object.keys(CHECKPOINTS).join(', ')}`);
  const { dtype, config, shapes } = checkpoint;
  const tensors = Object.entries(shapes(config));
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'model.safetensors');
  if (!existsSync(file)) {
    await writeFile(join(folder, 'config.json'), JSON.stringify(config, null, 1));
    await writeSafetensors(
      file,
      tensors.map(([tensor, shape], i) => ({
        name: tensor,
        dtype,
        shape,
        data: () => numbers(dtype, tensor, shape, i),
      })),
    );
  }
  return tensors.reduce((sum, [, shape]) => sum + count(shape), 0);
}

const count = (shape) => shape.reduce((a, d) => a * d, 1);

/** As many numbers are drawn; every tensor goes round them from a place of its own. A prime, so that no two rows are alike. */
const POOL = 4_194_301;
const pools = new Map();
const POOL_OF = {
  F32: () => {
    const values = new Float32Array(POOL);
    let state = 0x9e3779b9;
    for (let i = 0; i < POOL; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      values[i] = (state / 2 ** 31) * 0.035; // uniform, with a standard deviation of 0.02
    }
    return values;
  },
  // the upper half of a float32 is a bfloat16
  BF16: () => Uint16Array.from(new Uint32Array(POOL_OF.F32().buffer), (bits) => bits >>> 16),
};
const ONE = { F32: 1, BF16: 0x3f80 };

/** Norms are 1, all else is drawn. */
function* numbers(dtype, name, shape, seed) {
  if (!pools.has(dtype)) pools.set(dtype, POOL_OF[dtype]());
  const pool = pools.get(dtype);
  if (/(ln_.|layernorm|^model\.norm)\.weight$/.test(name)) {
    yield pool.slice(0, count(shape)).fill(ONE[dtype]);
    return;
  }
  let at = (seed * 104_729) % POOL;
  for (let left = count(shape); left > 0; at = 0) {
    const piece = pool.subarray(at, at + Math.min(left, POOL - at));
    left -= piece.length;
    yield piece;
  }
}

function gpt2Shapes({ n_layer, n_embd: d, n_positions, vocab_size }) {
  const shapes = {
    'transformer.wte.weight': [vocab_size, d],
    'transformer.wpe.weight': [n_positions, d],
    'transformer.ln_f.weight': [d],
    'transformer.ln_f.bias': [d],
  };
  for (let l = 0; l < n_layer; l++) {
    const h = `transformer.h.${l}.`;
    for (const ln of ['ln_1', 'ln_2']) Object.assign(shapes, { [`${h}${ln}.weight`]: [d], [`${h}${ln}.bias`]: [d] });
    for (const [part, [from, to]] of Object.entries({
      'attn.c_attn': [d, 3 * d],
      'attn.c_proj': [d, d],
      'mlp.c_fc': [d, 4 * d],
      'mlp.c_proj': [4 * d, d],
    })) {
      Object.assign(shapes, { [`${h}${part}.weight`]: [from, to], [`${h}${part}.bias`]: [to] });
    }
  }
  return shapes;
}

function llamaShapes(config) {
  const { hidden_size: d, intermediate_size: f, head_dim, num_attention_heads, num_key_value_heads } = config;
  const kv = num_key_value_heads * head_dim;
  const shapes = { 'model.embed_tokens.weight': [config.vocab_size, d], 'model.norm.weight': [d] };
  if (!config.tie_word_embeddings) shapes['lm_head.weight'] = [config.vocab_size, d];
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const layer = `model.layers.${l}.`;
    Object.assign(shapes, {
      [`${layer}input_layernorm.weight`]: [d],
      [`${layer}post_attention_layernorm.weight`]: [d],
      [`${layer}self_attn.q_proj.weight`]: [num_attention_heads * head_dim, d],
      [`${layer}self_attn.k_proj.weight`]: [kv, d],
      [`${layer}self_attn.v_proj.weight`]: [kv, d],
      [`${layer}self_attn.o_proj.weight`]: [d, num_attention_heads * head_dim],
      [`${layer}mlp.gate_proj.weight`]: [f, d],
      [`${layer}mlp.up_proj.weight`]: [f, d],
      [`${layer}mlp.down_proj.weight`]: [d, f],
    });
  }
  return shapes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , name, folder] = process.argv;
  console.log(`${await writeRandomCheckpoint(name, folder)} parameters in ${folder}`);
}
