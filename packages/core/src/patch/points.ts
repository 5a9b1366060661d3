/**
 * @file The patch points: where a trace says that a module reads the residual stream or writes to it. That is where
 * AutoCircuit's PatchWrapper stands. What a point does is the mode (plain, capture, patched, …); a trace never asks which.
 *
 * @example
 * const { q, k, v } = points.into('L0.attn', residual);        // each [heads, batch, pos, dModel]
 * residual = b.add(residual, points.outOf('L0.attn', z, wO));  // z [heads, batch, pos, dHead], wO [heads, dHead, dModel]
 * residual = points.stream('L0.mid', residual);
 */
import type { ProgramBuilder } from '../ir/builder.js';
import type { AnyValue } from '../ir/types.js';

export interface PatchPoints {
  readonly builder: ProgramBuilder;
  /** The model's input: tokens int [batch, pos], or features float [batch, pos, …]. */
  readonly input: AnyValue;
  weight(name: string, shape: readonly number[]): AnyValue;
  /** Where a module reads. By input name (`q`, `k`, `v` · `mlp` · `end` · `attn`), each [heads or 1, batch, pos, dModel].
   * `k` and `v` have one row for each query head, or for each KV head with `kvInputs: 'kv-head'`. */
  into(site: string, residual: AnyValue): Readonly<Record<string, AnyValue>>;
  /**
   * Q, K and V at once: [3 · heads, batch, pos, dModel] in this order, or one row where all read the same. null when they
   * have no rows of their own each (joint inputs, grouped K and V); then use `into`.
   */
  intoStacked(site: string, residual: AnyValue): AnyValue | null;
  /**
   * Where a module writes: `value` [heads or 1, batch, pos, width], or [batch, pos, dModel]; `projection` [heads, width, dModel]
   * turns each head's value into what it writes. Gives the sum over heads [batch, pos, dModel] to add to the residual.
   */
  outOf(site: string, value: AnyValue, projection?: AnyValue): AnyValue;
  /** After attention (`L{l}.mid`) and after the MLP (`L{l}.post`): the identity, unless the graph is the residual one. */
  stream(site: string, residual: AnyValue): AnyValue;
}
