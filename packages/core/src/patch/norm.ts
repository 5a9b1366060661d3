/**
 * @file The norm before a module, as data: a mode may apply it to one row or to many, or take gradients behind it.
 */
import type { ProgramBuilder } from '../ir/builder.js';
import type { AnyValue } from '../ir/types.js';

export interface Norm {
  readonly kind: 'layerNorm' | 'rmsNorm';
  readonly epsilon: number;
  /** [dModel]; null where folded into the next matrix. */
  readonly weight: AnyValue | null;
  /** [dModel]. */
  readonly bias: AnyValue | null;
  /** `L3.ln1`: the scale has the role `L3.ln1.scale`. */
  readonly role: string;
}

/** What a norm without weights gives: y = centred(x) · scale. */
export interface Normalized {
  readonly value: AnyValue;
  /** 1/σ, [..., 1]. */
  readonly scale: AnyValue;
}

type NormKind = (b: ProgramBuilder, x: AnyValue, epsilon: number, role: string) => Normalized;

/** (x − mean) · rsqrt(var + epsilon), or x · rsqrt(mean(x²) + epsilon), over the last axis. */
const NORMS: Readonly<Record<Norm['kind'], NormKind>> = {
  layerNorm(b, x, epsilon, role) {
    const centred = b.sub(x, b.mean(x, -1, true));
    const variance = b.mean(b.mul(centred, centred), -1, true);
    const scale = b.role(b.rsqrt(b.add(variance, epsilon)), `${role}.scale`);
    const value = b.composite(b.role(b.mul(centred, scale), `${role}.normalized`), 'layerNorm', [x], { epsilon });
    return { value, scale };
  },
  rmsNorm(b, x, epsilon, role) {
    const scale = b.role(b.rsqrt(b.add(b.mean(b.mul(x, x), -1, true), epsilon)), `${role}.scale`);
    const value = b.composite(b.role(b.mul(x, scale), `${role}.normalized`), 'rmsNorm', [x], { epsilon });
    return { value, scale };
  },
};

/** Without weights: x [..., dModel] → the same shape. */
export const normalize = (b: ProgramBuilder, x: AnyValue, norm: Pick<Norm, 'kind' | 'epsilon' | 'role'>): Normalized =>
  NORMS[norm.kind](b, x, norm.epsilon, norm.role);

/** y · weight + bias, as far as there are any. */
export function withNormWeights(b: ProgramBuilder, y: AnyValue, { weight, bias }: Norm): AnyValue {
  const scaled = weight ? b.mul(y, weight) : y;
  return bias ? b.add(scaled, bias) : scaled;
}

/** The whole norm, or x itself where there is none: [..., dModel]. */
export const normed = (b: ProgramBuilder, x: AnyValue, norm: Norm | null | undefined): AnyValue =>
  norm ? withNormWeights(b, normalize(b, x, norm).value, norm) : x;
