/** The shapes of all weights, by canonical name. */
export function weightShapes(shape: CompiledShape): Readonly<Record<string, readonly number[]>> {
  const { layers, heads, dModel, dHead, dMlp, vocabulary, positions, outputs } = shape;
  const layer = (l: number): Record<string, readonly number[]> => ({
    [`L${l}.attn.q.W`]: [heads, dHead, dModel],
    [`L${l}.attn.k.W`]: [heads, dHead, dModel],
    [`L${l}.attn.v.W`]: [heads, dHead, dModel],
    [`L${l}.attn.q.b`]: [heads, dHead],
    [`L${l}.attn.k.b`]: [heads, dHead],
    [`L${l}.attn.v.b`]: [heads, dHead],
    [`L${l}.attn.o.W`]: [heads, dHead, dModel],
    [`L${l}.attn.o.b`]: [dModel],
    [`L${l}.mlp.in.W`]: [dModel, dMlp],
    [`L${l}.mlp.in.b`]: [dMlp],
    [`L${l}.mlp.out.W`]: [dMlp, dModel],
    [`L${l}.mlp.out.b`]: [dModel],
  });
  return Object.assign(
    { 'embed.W': [vocabulary, dModel], 'pos.W': [positions, dModel], 'unembed.W': [outputs, dModel] },
    ...Array.from({ length: layers }, (_, l) => layer(l)),
  );
}

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
