/**
 * @file The patch points: where a trace says that a module reads the residual stream or writes to it. That is where
 * AutoCircuit has its PatchWrapper. What a point does is the mode (plain, capture, patched, …); a trace never asks which,
 * and never how many heads or rows there are: a mode may compute only some.
 *
 * @example
 * const { q, k, v } = points.intoHeads('L0.attn', residual, ln1, { q: { weight: wQ, bias: null }, …, stacked: null });
 * residual = b.add(residual, points.outOf('L0.attn', z, wO));  // z [heads, batch, pos, dHead], wO [heads, dHead, dModel]
 * residual = points.stream('L0.mid', residual);
 * const x = points.into('L0.mlp', residual, ln2).mlp;          // [rows, batch, pos, dModel]
 */
import type { ProgramBuilder } from '../ir/builder/builder.js';
import type { AnyValue } from '../ir/program/program.js';
import type { HeadInputs, HeadProjections } from './head-projections.js';
import type { Norm } from './norm.js';

/** Where a model's trace reads the residual stream and writes to it. Sites are named by their text (`graph/sites.ts`). */
export interface PatchPoints {
  readonly builder: ProgramBuilder;
  /** The model's input: tokens int [batch, pos], or features float [batch, pos, …]. */
  readonly input: AnyValue;
  /** A weight of the model, by its name in the checkpoint's canonical form. */
  weight(name: string, shape: readonly number[]): AnyValue;
  /** How many tokens come before the input's first and have been run already: where positions start. */
  readonly prefix: number;
  /**
   * Where attention has its keys and values, [groups, heads per group or 1, batch, pos, width]: gives those of the prefix
   * followed by them, [groups, heads per group or 1, batch, prefix + pos, width].
   */
  withPrefix(site: string, k: AnyValue, v: AnyValue): { readonly k: AnyValue; readonly v: AnyValue };
  /**
   * What a module reads, after its norm. By input name (`q`, `k`, `v` · `mlp` · `experts`, `router` · `end` · `attn`), each
   * [rows, batch, pos, dModel]; rows are the heads or experts, or 1. `k` and `v` have one row for each query head, or for each KV head with `kvInputs: 'kv-head'`.
   */
  into(site: string, residual: AnyValue, norm?: Norm | null): Readonly<Record<string, AnyValue>>;
  /**
   * What attention reads, after its norm and its projections: queries, keys and values, each [groups, heads per group or 1,
   * batch, pos, width], where a mode may give every query head keys of its own.
   */
  intoHeads(site: string, residual: AnyValue, norm: Norm | null, projections: HeadProjections): HeadInputs;
  /**
   * Where a module writes: `value` [rows, batch, pos, width], or [batch, pos, dModel]; `projection` [heads, width, dModel]
   * turns each head's value into what it writes. Gives the sum over heads [batch, pos, dModel] to add to the residual.
   * @param sum that sum, where the trace has made it already (a norm that follows it needs it); saves making it twice
   */
  outOf(site: string, value: AnyValue, projection?: AnyValue, sum?: AnyValue): AnyValue;
  /** After attention (`L{l}.mid`) and after the MLP (`L{l}.post`): the identity, unless the graph is the residual one. */
  stream(site: string, residual: AnyValue): AnyValue;
}
