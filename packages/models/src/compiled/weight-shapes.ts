/** @file The sizes of a compiled model, and the shapes of its weights. */
import { outputShapes, plainMlpShapes, projectionShapes, type WeightShapes } from '../architectures/weight-shapes.js';

/** The sizes of a compiled model. */
export interface CompiledShape {
  readonly layers: number;
  readonly heads: number;
  readonly dModel: number;
  readonly dHead: number;
  readonly dMlp: number;
  /** Tokens, with BOS (and tracr's padding). */
  readonly vocabulary: number;
  /** The longest prompt, BOS counted. */
  readonly positions: number;
  /** Numbers at every position: one for each token, or one in all. */
  readonly outputs: number;
}

/** The shapes of all weights, by canonical name. */
export function weightShapes(shape: CompiledShape): Readonly<WeightShapes> {
  const { layers, dModel, vocabulary, positions, outputs } = shape;
  const layer = (l: number): WeightShapes => ({
    ...projectionShapes(`L${l}.attn`, shape, true),
    ...outputShapes(`L${l}.attn`, shape, true),
    ...plainMlpShapes(`L${l}.mlp`, shape),
  });
  return Object.assign(
    { 'embed.W': [vocabulary, dModel], 'pos.W': [positions, dModel], 'unembed.W': [outputs, dModel] },
    ...Array.from({ length: layers }, (_, l) => layer(l)),
  );
}
