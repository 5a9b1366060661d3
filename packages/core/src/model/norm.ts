/** @file The norm before a module, as data: a mode may apply it to one row or to many, or take gradients between its factors. */
import type { ProgramBuilder } from '../ir/builder/builder.js';
import type { AnyValue } from '../ir/program/program.js';

/** A norm over the last axis: layer norm (Ba et al. 2016, arXiv:1607.06450) or RMS norm (Zhang and Sennrich 2019, arXiv:1910.07467). */
export interface Norm {
  readonly kind: 'layerNorm' | 'rmsNorm';
  readonly epsilon: number;
  /** [dModel]; null where folded into the next matrix. */
  readonly weight: AnyValue | null;
  /** [dModel]; null where there is none. */
  readonly bias: AnyValue | null;
  /** `L3.ln1`: the scale has the role `L3.ln1.scale`. */
  readonly role: string;
}

/** The two factors of a norm without weights: y = centred · scale. */
export interface NormFactors {
  /** x − mean(x) for a layer norm, x itself for an RMS norm. */
  readonly centred: AnyValue;
  /** rsqrt(mean(centred²) + epsilon), [..., 1]. */
  readonly scale: AnyValue;
}

/** What a norm does to x before it scales it, over the last axis. */
const CENTRED: Readonly<Record<Norm['kind'], (b: ProgramBuilder, x: AnyValue) => AnyValue>> = {
  layerNorm: (b, x) => b.sub(x, b.mean(x, -1, true)),
  rmsNorm: (_, x) => x,
};

/** The factors of a norm of x [..., dModel]; the scale gets the role `ROLE.scale`. */
export function normFactors(
  b: ProgramBuilder,
  x: AnyValue,
  { kind, epsilon, role }: Pick<Norm, 'kind' | 'epsilon' | 'role'>,
): NormFactors {
  const centred = CENTRED[kind](b, x);
  const meanSquare = b.mean(b.mul(centred, centred), -1, true);
  return { centred, scale: b.role(b.rsqrt(b.add(meanSquare, epsilon)), `${role}.scale`) };
}

/** A norm without weights: x [..., dModel] → `value` of the same shape, and the scale that it was made with. */
export function normalize(
  b: ProgramBuilder,
  x: AnyValue,
  norm: Pick<Norm, 'kind' | 'epsilon' | 'role'>,
): { readonly value: AnyValue; readonly scale: AnyValue } {
  const { centred, scale } = normFactors(b, x, norm);
  const value = b.role(b.mul(centred, scale), `${norm.role}.normalized`);
  return { value: b.composite(value, norm.kind, [x], { epsilon: norm.epsilon }), scale };
}

/** y · weight + bias, as far as there are any: [..., dModel]. */
export function withNormWeights(b: ProgramBuilder, y: AnyValue, { weight, bias }: Norm): AnyValue {
  const scaled = weight ? b.mul(y, weight) : y;
  return bias ? b.add(scaled, bias) : scaled;
}

/** The whole norm, or x itself where there is none: [..., dModel]. */
export const normed = (b: ProgramBuilder, x: AnyValue, norm: Norm | null | undefined): AnyValue =>
  norm ? withNormWeights(b, normalize(b, x, norm).value, norm) : x;
