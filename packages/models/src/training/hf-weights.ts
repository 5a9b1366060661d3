/** @file Writes a trained GPT-2 as a Hugging Face folder: config.json and model.safetensors under GPT-2's names. */
import { join } from 'node:path';
import { safetensorsSource, writeFileAtomic, writeSafetensors } from '@auto-circuit/core/run';
import type { Gpt2Shape } from '../architectures/gpt2.js';
import type { Weights } from './weights.js';

/** Canonical name without `L{l}.` → GPT-2's name within a block, for weights that need no change but their shape. */
const IN_BLOCK: Readonly<Record<string, string>> = {
  'ln1.w': 'ln_1.weight',
  'ln1.b': 'ln_1.bias',
  'ln2.w': 'ln_2.weight',
  'ln2.b': 'ln_2.bias',
  'attn.o.W': 'attn.c_proj.weight',
  'attn.o.b': 'attn.c_proj.bias',
  'mlp.in.W': 'mlp.c_fc.weight',
  'mlp.in.b': 'mlp.c_fc.bias',
  'mlp.out.W': 'mlp.c_proj.weight',
  'mlp.out.b': 'mlp.c_proj.bias',
};
const OUTSIDE: Readonly<Record<string, string>> = {
  'embed.W': 'transformer.wte.weight',
  'pos.W': 'transformer.wpe.weight',
  'final.ln.w': 'transformer.ln_f.weight',
  'final.ln.b': 'transformer.ln_f.bias',
};

/** The tensors of a checkpoint. Q, K and V of all heads are one matrix [dModel, 3·dModel], as GPT-2 stores them. */
export function hfTensors(shape: Gpt2Shape, weights: Weights): Record<string, { shape: number[]; data: Float32Array }> {
  const { layers, heads, dModel, dHead } = shape;
  const out: Record<string, { shape: number[]; data: Float32Array }> = {};
  for (const [name, hfName] of Object.entries(OUTSIDE)) out[hfName] = copied(weights, name);
  for (let l = 0; l < layers; l++) {
    for (const [name, hfName] of Object.entries(IN_BLOCK)) {
      const full = `L${l}.${name}`;
      if (!weights[full]) continue;
      const tensor = copied(weights, full);
      out[`transformer.h.${l}.${hfName}`] =
        name === 'attn.o.W' ? { ...tensor, shape: [heads * dHead, dModel] } : tensor;
    }
    const width = heads * dHead;
    const matrix = new Float32Array(dModel * 3 * width);
    const bias = new Float32Array(3 * width);
    ['q', 'k', 'v'].forEach((input, third) => {
      bias.set(weights[`L${l}.attn.${input}.b`]!.data, third * width);
      const { data } = weights[`L${l}.attn.${input}.W`]!; // [heads, dHead, dModel]
      for (let row = 0; row < width; row++) {
        for (let m = 0; m < dModel; m++) matrix[m * 3 * width + third * width + row] = data[row * dModel + m]!;
      }
    });
    out[`transformer.h.${l}.attn.c_attn.weight`] = { shape: [dModel, 3 * width], data: matrix };
    out[`transformer.h.${l}.attn.c_attn.bias`] = { shape: [3 * width], data: bias };
  }
  return out;
}

function copied(weights: Weights, name: string): { shape: number[]; data: Float32Array } {
  const { shape, data } = weights[name]!;
  return { shape: [...shape], data };
}

/** config.json of a model with this shape. `bos` is the token put before every text. */
export function hfConfig(shape: Gpt2Shape, bos: number): Record<string, unknown> {
  return {
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    vocab_size: shape.vocabulary,
    n_positions: shape.positions,
    n_ctx: shape.positions,
    n_embd: shape.dModel,
    n_layer: shape.layers,
    n_head: shape.heads,
    n_inner: shape.dMlp,
    activation_function: shape.activation,
    layer_norm_epsilon: shape.epsilon,
    attn_pdrop: 0,
    embd_pdrop: 0,
    resid_pdrop: 0,
    tie_word_embeddings: true,
    bos_token_id: bos,
    eos_token_id: bos,
  };
}

/** Writes both files into an existing folder, each at once or not at all. */
export async function writeHfFolder(folder: string, shape: Gpt2Shape, weights: Weights, bos: number): Promise<void> {
  await writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify(hfConfig(shape, bos), null, 2)}\n`);
  const tensors = Object.entries(hfTensors(shape, weights)).map(([name, t]) =>
    safetensorsSource(name, t.shape, t.data),
  );
  await writeSafetensors(join(folder, 'model.safetensors'), tensors, { format: 'pt' });
}
