/** @file For our own tests: one causal attention layer as a program, and the same in plain loops. */
import {
  type AnyValue,
  type DimSizes,
  memoryWeights,
  type ProgramBuilder,
  type WeightStore,
} from '@auto-circuit/core/backend';
import { randomFloats } from './programs.js';

const HEADS = 3;
const D_MODEL = 12;
const D_HEAD = 4;
const EPSILON = 1e-5;

/** Weights and sizes to run the program with, and its twin. */
export interface AttentionLayer {
  readonly weights: WeightStore;
  readonly sizes: readonly DimSizes[];
  /** The output [batch, pos, dModel] for an input of that shape, by loops over numbers. */
  plain(residual: Float32Array, batch: number, pos: number): Float64Array;
}

/** (x − mean)·rsqrt(variance + epsilon) over the last axis, marked as the composite that it is. */
export function layerNorm(b: ProgramBuilder, x: AnyValue, epsilon = EPSILON): AnyValue {
  const axis = x.shape.length - 1;
  const centred = b.sub(x, b.mean(x, axis, true));
  const scale = b.rsqrt(b.add(b.mean(b.mul(centred, centred), axis, true), epsilon));
  return b.composite(b.mul(centred, scale), 'layerNorm', [x], { epsilon });
}

/** Appends input "residual" [batch, pos, dModel] and output "out" of the same shape. */
export function attentionLayer(b: ProgramBuilder): AttentionLayer {
  const width = HEADS * D_HEAD;
  const data = Object.fromEntries(
    ['W_Q', 'W_K', 'W_V', 'W_O'].map((name, i) => [name, randomFloats(D_MODEL * width, 20 + i)] as const),
  );
  const weights = memoryWeights(
    Object.fromEntries(
      Object.entries(data).map(([name, numbers]) => [
        name,
        { shape: name === 'W_O' ? [width, D_MODEL] : [D_MODEL, width], data: numbers },
      ]),
    ),
  );
  const residual = b.input('residual', 'float', ['batch', 'pos', D_MODEL]);
  const x = layerNorm(b, residual);
  // [batch, head, pos, dHead]
  const project = (name: string): AnyValue =>
    b.transpose(
      b.reshape(b.matmul(x, b.weight(name, [D_MODEL, width])), ['batch', 'pos', HEADS, D_HEAD]),
      [0, 2, 1, 3],
    );
  const scores = b.div(b.matmul(project('W_Q'), project('W_K'), { transposeB: true }), Math.sqrt(D_HEAD));
  const causal = b.lessEqual(b.iota(['pos', 'pos'], 1), b.iota(['pos', 'pos'], 0));
  const pattern = b.softmax(b.where(causal, scores, -1e9)); // [batch, head, query, key]
  const z = b.transpose(b.matmul(pattern, project('W_V')), [0, 2, 1, 3]);
  b.output('out', b.add(residual, b.matmul(b.reshape(z, ['batch', 'pos', width]), b.weight('W_O', [width, D_MODEL]))));

  const plain = (input: Float32Array, batch: number, pos: number): Float64Array => {
    const out = Float64Array.from(input);
    for (let item = 0; item < batch; item++) {
      const rows = Array.from({ length: pos }, (_, p) =>
        normalised([...input.subarray((item * pos + p) * D_MODEL, (item * pos + p + 1) * D_MODEL)]),
      );
      const heads = (name: string): number[][] =>
        rows.map((row) =>
          Array.from({ length: width }, (_, j) =>
            row.reduce((sum, value, i) => sum + value * data[name]![i * width + j]!, 0),
          ),
        );
      const [q, k, v] = [heads('W_Q'), heads('W_K'), heads('W_V')];
      for (let head = 0; head < HEADS; head++) {
        for (let query = 0; query < pos; query++) {
          const places = Array.from({ length: D_HEAD }, (_, i) => head * D_HEAD + i);
          const logits = Array.from(
            { length: query + 1 },
            (_, key) => places.reduce((s, i) => s + q[query]![i]! * k[key]![i]!, 0) / Math.sqrt(D_HEAD),
          );
          const top = Math.max(...logits);
          const total = logits.reduce((s, l) => s + Math.exp(l - top), 0);
          for (const i of places) {
            const z = logits.reduce((s, l, key) => s + (Math.exp(l - top) / total) * v[key]![i]!, 0);
            for (let j = 0; j < D_MODEL; j++)
              out[(item * pos + query) * D_MODEL + j]! += z * data.W_O![i * D_MODEL + j]!;
          }
        }
      }
    }
    return out;
  };
  const sizes = [
    { batch: 2, pos: 5 },
    { batch: 3, pos: 1 },
  ];
  return { weights, sizes, plain };
}

function normalised(row: readonly number[]): number[] {
  const mean = row.reduce((a, b) => a + b, 0) / row.length;
  const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length;
  return row.map((value) => (value - mean) / Math.sqrt(variance + EPSILON));
}
