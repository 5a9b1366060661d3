/** @file Weights that tracr compiled, under TransformerLens' per-head names, for our architecture. */

import { type MemoryWeight, memoryWeights } from '@auto-circuit/core/backend';
import { AutoCircuitError, type ModelObject } from '@auto-circuit/core/plugin';
import { z } from 'zod';
import { count, parseConfig, partCount } from '../checkpoint/config.js';
import { missingTensor } from '../checkpoint/errors.js';
import { compiledModel } from './compiled-model.js';
import type { CompiledShape } from './weight-shapes.js';

const configSchema = z.looseObject({
  n_layers: partCount,
  n_heads: partCount,
  d_model: count,
  d_head: count,
  d_mlp: count,
  n_ctx: count,
  d_vocab: count,
  d_vocab_out: count,
  act_fn: z.literal('relu'),
  normalization: z.null(),
  causal: z.literal(false),
});

/** Their name of each of our weights; `transposed` swaps the last two axes. */
const NAMES = {
  'embed.W': { theirs: 'embed.W_E' },
  'pos.W': { theirs: 'pos_embed.W_pos' },
  'unembed.W': { theirs: 'unembed.W_U', transposed: true },
} satisfies Record<string, NamedWeight>;
const LAYER_NAMES = {
  'attn.q.W': { theirs: 'attn.W_Q', transposed: true },
  'attn.k.W': { theirs: 'attn.W_K', transposed: true },
  'attn.v.W': { theirs: 'attn.W_V', transposed: true },
  'attn.q.b': { theirs: 'attn.b_Q' },
  'attn.k.b': { theirs: 'attn.b_K' },
  'attn.v.b': { theirs: 'attn.b_V' },
  'attn.o.W': { theirs: 'attn.W_O' },
  'attn.o.b': { theirs: 'attn.b_O' },
  'mlp.in.W': { theirs: 'mlp.W_in' },
  'mlp.in.b': { theirs: 'mlp.b_in' },
  'mlp.out.W': { theirs: 'mlp.W_out' },
  'mlp.out.b': { theirs: 'mlp.b_out' },
} satisfies Record<string, NamedWeight>;
interface NamedWeight {
  readonly theirs: string;
  readonly transposed?: boolean;
}

/**
 * A model of tracr's weights.
 * @param config sizes under TransformerLens' names: `n_layers`, `d_model`, `d_vocab_out`, …
 * @param tensors `embed.W_E`, `blocks.0.attn.W_Q` [heads, dModel, dHead], …
 * @throws AutoCircuitError for another kind of model, and for a tensor that is missing or has another shape
 */
export function tracrModel(
  name: string,
  config: unknown,
  tensors: Readonly<Record<string, MemoryWeight>>,
): ModelObject {
  const read = parseConfig(configSchema, config, `the config of ${name}`);
  const shape: CompiledShape = {
    layers: read.n_layers,
    heads: read.n_heads,
    dModel: read.d_model,
    dHead: read.d_head,
    dMlp: read.d_mlp,
    vocabulary: read.d_vocab,
    positions: read.n_ctx,
    outputs: read.d_vocab_out,
  };
  const weights: Record<string, MemoryWeight> = {};
  const take = (ours: string, theirs: string, isTransposed = false): void => {
    const tensor = tensors[theirs];
    if (!tensor) throw missingTensor('compiled', `tensor of ${name}`, theirs, Object.keys(tensors));
    weights[ours] = isTransposed ? transpose(tensor, theirs) : tensor;
  };
  for (const [ours, { theirs, transposed }] of Object.entries<NamedWeight>(NAMES)) take(ours, theirs, transposed);
  for (let l = 0; l < shape.layers; l++) {
    for (const [ours, { theirs, transposed }] of Object.entries<NamedWeight>(LAYER_NAMES)) {
      take(`L${l}.${ours}`, `blocks.${l}.${theirs}`, transposed);
    }
  }
  return compiledModel(name, shape, memoryWeights(weights));
}

/** [..., rows, columns] → [..., columns, rows]. */
function transpose({ shape, data }: MemoryWeight, name: string): MemoryWeight {
  const [rows, columns] = shape.slice(-2);
  if (rows === undefined || columns === undefined) {
    throw new AutoCircuitError({
      code: 'wrong-tensor',
      fields: { tensor: name, shape },
      where: 'compiled',
      what: `tensor "${name}" has fewer than two axes`,
    });
  }
  const out = new Float32Array(data.length);
  const size = rows * columns;
  for (let i = 0; i < data.length; i++) {
    const [matrix, row, column] = [Math.floor(i / size), Math.floor((i % size) / columns), i % columns];
    out[matrix * size + column * rows + row] = data[i]!;
  }
  return { shape: [...shape.slice(0, -2), columns, rows], data: out };
}
