/** @file The shapes of canonical weights, group by group: for models that are made here, not read from a checkpoint. */

/** Shapes by canonical name. Their order is the order in which random weights are drawn. */
export type WeightShapes = Record<string, readonly number[]>;

/** What the shapes of a layer follow from. */
export interface LayerSizes {
  readonly heads: number;
  /** Default: as many as `heads`. */
  readonly kvHeads?: number;
  readonly dModel: number;
  readonly dHead: number;
  readonly dMlp: number;
}

/** `SITE.q.W`, `.k.W`, `.v.W` [heads, dHead, dModel], then, with biases, `SITE.q.b`, `.k.b`, `.v.b` [heads, dHead]. */
export function projectionShapes(
  site: string,
  { heads, kvHeads = heads, dModel, dHead }: LayerSizes,
  biases: boolean,
): WeightShapes {
  const counts = { q: heads, k: kvHeads, v: kvHeads };
  const shapes: WeightShapes = {};
  for (const [input, n] of Object.entries(counts)) shapes[`${site}.${input}.W`] = [n, dHead, dModel];
  if (biases) for (const [input, n] of Object.entries(counts)) shapes[`${site}.${input}.b`] = [n, dHead];
  return shapes;
}

/** `SITE.o.W` [heads, dHead, dModel] and, with a bias, `SITE.o.b` [dModel]. */
export const outputShapes = (site: string, { heads, dModel, dHead }: LayerSizes, bias: boolean): WeightShapes => ({
  [`${site}.o.W`]: [heads, dHead, dModel],
  ...(bias ? { [`${site}.o.b`]: [dModel] } : {}),
});

/** An MLP with one activation and biases: `SITE.in.W` [dModel, dMlp], `SITE.in.b`, `SITE.out.W` [dMlp, dModel], `SITE.out.b`. */
export const plainMlpShapes = (site: string, { dModel, dMlp }: Pick<LayerSizes, 'dModel' | 'dMlp'>): WeightShapes => ({
  [`${site}.in.W`]: [dModel, dMlp],
  [`${site}.in.b`]: [dMlp],
  [`${site}.out.W`]: [dMlp, dModel],
  [`${site}.out.b`]: [dModel],
});

/** A gated MLP: `SITE.gate.W` and `SITE.up.W` [dMlp, dModel], `SITE.down.W` [dModel, dMlp]. */
export const gatedMlpShapes = (site: string, { dModel, dMlp }: Pick<LayerSizes, 'dModel' | 'dMlp'>): WeightShapes => ({
  [`${site}.gate.W`]: [dMlp, dModel],
  [`${site}.up.W`]: [dMlp, dModel],
  [`${site}.down.W`]: [dModel, dMlp],
});

/**
 * Experts: `SITE.gate.W`, `SITE.up.W`, `SITE.down.W` [experts, dExpert, dModel] and `SITE.router.W` [experts, dModel], then, with
 * biases, those of each.
 */
export const expertShapes = (
  site: string,
  { count, dExpert, dModel }: { readonly count: number; readonly dExpert: number; readonly dModel: number },
  biases: boolean,
): WeightShapes => ({
  [`${site}.gate.W`]: [count, dExpert, dModel],
  [`${site}.up.W`]: [count, dExpert, dModel],
  [`${site}.down.W`]: [count, dExpert, dModel],
  [`${site}.router.W`]: [count, dModel],
  ...(biases
    ? {
        [`${site}.gate.b`]: [count, dExpert],
        [`${site}.up.b`]: [count, dExpert],
        [`${site}.down.b`]: [count, dModel],
        [`${site}.router.b`]: [count],
      }
    : {}),
});

/** `NAME.w` [size] of an RMS norm; with `NAME.b` of a layer norm. */
export const normShapes = (name: string, size: number, bias: boolean): WeightShapes => ({
  [`${name}.w`]: [size],
  ...(bias ? { [`${name}.b`]: [size] } : {}),
});
