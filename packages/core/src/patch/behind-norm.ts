/**
 * @file Scores from gradients behind the norm. All rows of a site read one normed residual y = c·s, so the norm's backward
 * pass is taken once, on what they have together, and the scores of single rows follow from inner products: for a layer norm
 *   ∂M/∂in · D = s·(g·D − mean(g)·ΣD − mean(g⊙y)·(y·D))   by token, g = ∂M/∂y of the row,
 * and without the middle term for an RMS norm.
 */
import type { ProgramBuilder } from '../ir/builder.js';
import { addDims, type Dim, multiplyDims } from '../ir/dims.js';
import type { AnyValue } from '../ir/types.js';
import type { DifferenceBlock } from './differences.js';
import type { Norm, Normalized } from './norm.js';

/** The norm that some rows were read behind. */
export interface ReadBehind extends Normalized {
  readonly kind: Norm['kind'];
}

/**
 * @param gradient ∂M/∂y of each row [rows, batch, pos, dModel]
 * @param behind y [1, batch, pos, dModel] and s [1, batch, pos, 1]
 * @returns [batch, rows, sources], or [batch, pos, rows, sources] with positions kept
 */
export function contractBehindNorm(
  b: ProgramBuilder,
  keepPositions: boolean,
  gradient: AnyValue,
  behind: ReadBehind,
  blocks: readonly DifferenceBlock[],
): AnyValue {
  const [rows, batch, pos, dModel] = gradient.shape as [Dim, Dim, Dim, number];
  const tokens = multiplyDims(batch, pos);
  const byToken = (x: AnyValue): AnyValue => b.transpose(b.reshape(x, [x.shape[0]!, tokens, dModel]), [1, 0, 2]); // [tokens, rows of x, dModel]
  const left = byToken(b.concat([gradient, behind.value], 0)); // [tokens, rows + 1, dModel]
  const products = joined(
    b,
    blocks.map((block) => b.matmul(left, byToken(block.value), { transposeB: true })),
    2,
  ); // [tokens, rows + 1, sources]
  const sources = products.shape[2]!;
  const scale = b.reshape(behind.scale, [tokens, 1, 1]);
  const direct = b.slice(products, 1, 0, rows); // g·D [tokens, rows, sources]
  const alongY = b.slice(products, 1, rows, addDims(rows, 1)); // y·D [tokens, 1, sources]
  const projected = b.matmul(byToken(gradient), byToken(behind.value), { transposeB: true }); // g·y [tokens, rows, 1]
  // What is taken away again, as pairs of a factor of the row and one of the source.
  const pairs: [AnyValue, AnyValue][] = [[b.mul(projected, 1 / dModel), alongY]];
  if (behind.kind === 'layerNorm') {
    const means = b.transpose(b.reshape(b.mean(gradient, 3, true), [rows, tokens, 1]), [1, 0, 2]); // [tokens, rows, 1]
    const sums = blocks.map(({ value }) => b.reshape(b.sum(value, 3), [value.shape[0]!, tokens])); // [k, tokens]
    pairs.push([means, b.reshape(b.transpose(joined(b, sums, 0), [1, 0]), [tokens, 1, sources])]);
  }
  if (keepPositions) {
    const taken = pairs.map(([row, source]) => b.mul(row, source)).reduce((x, y) => b.add(x, y));
    return b.reshape(b.mul(b.sub(direct, taken), scale), [batch, pos, rows, sources]);
  }
  const byPrompt = (x: AnyValue, width: Dim): AnyValue => b.reshape(x, [batch, pos, width]);
  const weights = byPrompt(scale, 1); // [batch, pos, 1]
  const summed = b.matmul(weights, byPrompt(direct, multiplyDims(rows, sources)), { transposeA: true }); // [batch, 1, rows·sources]
  return pairs.reduce(
    (scores, [row, source]) =>
      b.sub(
        scores,
        b.matmul(byPrompt(b.mul(row, scale), rows), byPrompt(source, sources), { transposeA: true }), // [batch, rows, sources]
      ),
    b.reshape(summed, [batch, rows, sources]),
  );
}

const joined = (b: ProgramBuilder, values: readonly AnyValue[], axis: number): AnyValue =>
  values.length === 1 ? values[0]! : b.concat(values, axis);
