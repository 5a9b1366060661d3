/**
 * @file The frame that all families share: a residual stream that begins with the embeddings, and in every layer attention
 * and an MLP, which read it and add to it. A family says what its attention and its MLP do.
 */
import type { AnyValue, Norm, PatchPoints } from '@auto-circuit/core/plugin';
import { contribution, normalize, withNormWeights } from '@auto-circuit/core/plugin';

/** Sizes and settings that every family has. */
export interface DecoderShape {
  readonly layers: number;
  /** Query heads of each layer. */
  readonly heads: number;
  readonly dModel: number;
  readonly dHead: number;
  readonly dMlp: number;
  readonly vocabulary: number;
  /** Tokens of the longest prompt. */
  readonly positions: number;
  /** Added to the variance (layer norm) or the mean square (RMS norm). */
  readonly epsilon: number;
  /** The MLP's activation, by its name in config.json: a key of `ACTIVATIONS`. */
  readonly activation: string;
}

/** What a layer does. Both get the residual [batch, pos, dModel] and give it with what they added. */
export interface Block {
  attention(layer: number, residual: AnyValue): AnyValue;
  /** @param before the residual before the layer's attention: what the MLP reads where the two are parallel */
  mlp(layer: number, residual: AnyValue, before: AnyValue): AnyValue;
}

/**
 * All layers in turn, with the points where the residual stream starts, passes and ends.
 * @param start the embeddings [batch, pos, dModel]
 * @returns the residual [batch, pos, dModel] that the final norm reads
 */
export function traceBlocks(
  points: PatchPoints,
  { layers, dModel }: Pick<DecoderShape, 'layers' | 'dModel'>,
  start: AnyValue,
  { attention, mlp }: Block,
): AnyValue {
  const [batch, pos] = points.input.shape;
  let residual = points.outOf('start', start); // [batch, pos, dModel]
  for (let l = 0; l < layers; l++) {
    const before = residual;
    residual = points.stream(`L${l}.mid`, attention(l, residual));
    residual = points.stream(`L${l}.post`, mlp(l, residual, before));
  }
  return points.builder.reshape(points.into('end', residual).end!, [batch!, pos!, dModel]);
}

/**
 * The residual [batch, pos, dModel] with what the heads write, z · `SITE.o.W`, and the bias `SITE.o.b` where there is one.
 * @param z every head's weighted values [heads, batch, pos, dHead]
 * @param biasScale what the bias is multiplied by, where z was
 */
export function addHeads(
  points: PatchPoints,
  site: string,
  residual: AnyValue,
  z: AnyValue,
  { heads, dHead, dModel }: Pick<DecoderShape, 'heads' | 'dHead' | 'dModel'>,
  hasBias: boolean,
  biasScale = 1,
): AnyValue {
  const { builder: b, weight } = points;
  const sum = b.add(residual, points.outOf(site, z, weight(`${site}.o.W`, [heads, dHead, dModel])));
  if (!hasBias) return sum;
  const bias = weight(`${site}.o.b`, [dModel]);
  return b.add(sum, biasScale === 1 ? bias : b.mul(bias, biasScale));
}

/**
 * What attention writes, where a norm follows the sum over heads: a head's share of the residual is what it writes times the
 * norm's factor in this run, so the factor goes into `z` and the norm's weight into the projection.
 * @param z [heads, batch, pos, dHead]
 * @param projection [heads, dHead, dModel]
 * @returns the sum of all shares [batch, pos, dModel]: the normed sum
 */
export function writeNormed(
  points: PatchPoints,
  site: string,
  z: AnyValue,
  projection: AnyValue,
  norm: Norm,
): AnyValue {
  const { builder: b } = points;
  const sum = contribution(b, { value: z, projection }); // [batch, pos, dModel]
  const { value, scale } = normalize(b, sum, norm); // scale [batch, pos, 1]
  const scaled = norm.weight ? b.mul(projection, norm.weight) : projection; // [heads, dHead, dModel]
  return points.outOf(site, b.mul(z, scale), scaled, withNormWeights(b, value, norm));
}
