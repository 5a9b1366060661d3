/** @file The projections of attention heads, as data and as program fragments: a mode decides which heads are projected. */
import type { ProgramBuilder } from '../ir/builder/builder.js';
import { type Dim, dimsEqual, multiplyDims } from '../ir/program/dims.js';
import type { AnyValue } from '../ir/program/program.js';

/** One projection for each head (or each group of heads that share one). */
export interface HeadProjection {
  /** [groups, width, dModel]. */
  readonly weight: AnyValue;
  /** [groups, width]. */
  readonly bias: AnyValue | null;
}
/** How an attention module makes queries, keys and values. */
export interface HeadProjections {
  readonly q: HeadProjection;
  readonly k: HeadProjection;
  readonly v: HeadProjection;
  /** The three as one, [3 · heads, width, dModel], where the weights lie so. */
  readonly stacked: HeadProjection | null;
}
/** What the heads work with, each [groups, heads per group or 1, batch, pos, width]. */
export type HeadInputs = Readonly<Record<'q' | 'k' | 'v', AnyValue>>;

/** x [rows or 1, batch, pos, dModel] by one projection a group → [groups, rows per group or 1, batch, pos, width]. */
export function projectHeads(b: ProgramBuilder, x: AnyValue, { weight, bias }: HeadProjection): AnyValue {
  const [rows, batch, pos, dModel] = x.shape as [Dim, Dim, Dim, Dim];
  const [groups, width] = weight.shape as [Dim, Dim];
  const [outer, inner] =
    rows === 1 ? [1, 1] : [groups, dimsEqual(rows, groups) ? 1 : (rows as number) / (groups as number)];
  const flat = b.reshape(x, [outer, inner, multiplyDims(batch, pos), dModel]); // [groups or 1, rows per group, batch·pos, dModel]
  const out = b.matmul(flat, b.reshape(weight, [groups, 1, width, dModel]), { transposeB: true }); // [groups, rows per group, batch·pos, width]
  const biased = bias ? b.add(out, b.reshape(bias, [groups, 1, 1, width])) : out;
  return b.reshape(biased, [groups, inner, batch, pos, width]);
}

/** x [groups, rows per group, batch, pos, width] + a bias [groups, width], where there is one. */
export function withHeadBias(b: ProgramBuilder, x: AnyValue, bias: AnyValue | null): AnyValue {
  if (!bias) return x;
  const [groups, width] = bias.shape as [Dim, Dim];
  return b.add(x, b.reshape(bias, [groups, 1, 1, 1, width]));
}

/** The biases of the three projections one after another, [3 · heads, width]; null unless all have one. */
export function joinedBias(b: ProgramBuilder, { q, k, v }: Pick<HeadProjections, 'q' | 'k' | 'v'>): AnyValue | null {
  const biases = [q.bias, k.bias, v.bias];
  return biases.every((bias) => bias !== null) ? b.concat(biases, 0) : null;
}

/** What is read through the stacked projection [3 · heads, …], by head input: [heads, …] each. */
export function splitStacked(b: ProgramBuilder, all: AnyValue): HeadInputs {
  const heads = (all.shape[0] as number) / 3;
  const part = (i: number): AnyValue => b.slice(all, 0, i * heads, (i + 1) * heads);
  return { q: part(0), k: part(1), v: part(2) };
}
