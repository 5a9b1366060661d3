/**
 * @file VJPs of activations as a whole. Each is y = x · slope(x), and from x, y and slope its derivative takes fewer steps over
 * [tokens, dMlp] than the chain rule through every step of the slope.
 */
import type { ProgramBuilder } from '../builder/builder.js';
import type { AnyValue, CompositeKind } from '../program/program.js';

/** What tanh GELU is made of: x · σ(2·√(2/π)·(x + 0.044715·x³)), which equals x/2 · (1 + tanh(…)). */
const LINEAR = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715 * LINEAR;

interface Sloped {
  readonly b: ProgramBuilder;
  readonly x: AnyValue;
  readonly y: AnyValue;
  readonly slope: AnyValue;
}
/** dy/dx = slope + x · slope′. */
const DERIVATIVES: Partial<Record<CompositeKind, (at: Sloped) => AnyValue>> = {
  silu: ({ b, y, slope }) => b.add(slope, b.sub(y, b.mul(y, slope))),
  geluTanh({ b, x, y, slope }) {
    const inner = b.add(b.mul(b.mul(x, x), 3 * CUBIC), LINEAR);
    return b.add(slope, b.mul(b.sub(y, b.mul(y, slope)), inner));
  },
  gelu({ b, x, slope }) {
    const density = b.exp(b.mul(b.mul(x, x), -0.5)); // times 1/√(2π)
    return b.add(slope, b.mul(b.mul(x, 1 / Math.sqrt(2 * Math.PI)), density));
  },
};

/** tanh GELU's slope at x. */
export function geluTanhSlope(b: ProgramBuilder, x: AnyValue): AnyValue {
  return b.sigmoid(b.mul(x, b.add(b.mul(b.mul(x, x), CUBIC), LINEAR)));
}

/** A composite that is differentiated as a whole. */
export interface WholeComposite {
  readonly x: AnyValue;
  /** ∂M/∂x through this value, from ∂M/∂y. */
  contribution(gradient: AnyValue): AnyValue;
}

/**
 * How a value passes its gradient on to its composite's input; undefined where it has to go step by step: the composite is not
 * written as x · slope, or the gradient of a value between is `wanted`.
 */
export function wholeComposite(
  b: ProgramBuilder,
  value: AnyValue,
  wanted: ReadonlySet<number>,
): WholeComposite | undefined {
  const { composite, op, inputs } = value;
  const derivative = composite && DERIVATIVES[composite.kind];
  if (!derivative || op !== 'mul' || inputs[0] !== composite.inputs[0]) return undefined;
  const [x, slope] = inputs.map((id) => b.value(id)) as [AnyValue, AnyValue];
  if (hasWanted(b, slope, x.id, wanted)) return undefined;
  return { x, contribution: (gradient) => b.mul(gradient, derivative({ b, x, y: value, slope })) };
}

/** Whether a value on the way from x to `from` is wanted. */
function hasWanted(b: ProgramBuilder, from: AnyValue, x: number, wanted: ReadonlySet<number>): boolean {
  if (from.id <= x) return false;
  return wanted.has(from.id) || from.inputs.some((id) => hasWanted(b, b.value(id), x, wanted));
}
