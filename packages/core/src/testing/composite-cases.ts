/** @file The composites as traces write them, by kind (a total table): a backend may compute each in one step. */
import type { ProgramBuilder } from '../ir/builder/builder.js';
import type { AnyValue, CompositeKind } from '../ir/program/program.js';
import type { OpCase } from './op-cases.js';

type B = ProgramBuilder;
const EPSILON = 1e-6;

function layerNorm(b: B, x: AnyValue): AnyValue {
  const centred = b.sub(x, b.mean(x, -1, true));
  const scale = b.rsqrt(b.add(b.mean(b.mul(centred, centred), -1, true), EPSILON));
  return b.composite(b.mul(centred, scale), 'layerNorm', [x], { epsilon: EPSILON });
}
function rmsNorm(b: B, x: AnyValue): AnyValue {
  const scale = b.rsqrt(b.add(b.mean(b.mul(x, x), -1, true), EPSILON));
  return b.composite(b.mul(x, scale), 'rmsNorm', [x], { epsilon: EPSILON });
}
const gelu = (b: B, x: AnyValue): AnyValue =>
  b.composite(b.mul(b.mul(x, 0.5), b.add(1, b.erf(b.mul(x, Math.SQRT1_2)))), 'gelu', [x]);
function geluTanh(b: B, x: AnyValue): AnyValue {
  const inner = b.mul(b.add(x, b.mul(b.pow(x, 3), 0.044715)), Math.sqrt(2 / Math.PI));
  return b.composite(b.mul(b.mul(x, 0.5), b.add(1, b.tanh(inner))), 'geluTanh', [x]);
}
const silu = (b: B, x: AnyValue): AnyValue => b.composite(b.mul(x, b.sigmoid(x)), 'silu', [x]);

/** Appends the composite's values over the last axis of `x` and marks the last of them. */
export const COMPOSITES: { readonly [K in CompositeKind]: (b: B, x: AnyValue) => AnyValue } = Object.freeze({
  layerNorm,
  rmsNorm,
  gelu,
  geluTanh,
  silu,
});

/** Each composite alone, over an axis of unknown size, and with one of its inner values read by something else. */
export const COMPOSITE_CASES: readonly OpCase[] = Object.entries(COMPOSITES).flatMap(([kind, make]) => {
  const input = (b: B, last: string | number = 16): AnyValue => b.input('x', 'float', ['batch', 'pos', last]);
  return [
    { title: kind, build: (b: B) => b.output('y', b.mul(make(b, input(b)), 3)) },
    { title: `${kind} over a symbol`, build: (b: B) => b.output('y', make(b, b.transpose(input(b, 6), [0, 2, 1]))) },
    {
      title: `${kind}, looked into`,
      build: (b: B) => {
        const y = make(b, input(b));
        b.output('y', y);
        b.output('inner', b.value(y.inputs[1]!));
      },
    },
  ];
});
