/** @file For our own tests: the composites, as a trace writes them. */
import type { AnyValue, ProgramBuilder } from '@auto-circuit/core';
import { layerNorm } from './attention-layer.js';

type B = ProgramBuilder;
const EPSILON = 1e-6;

/** Over the last of three axes. */
function rmsNorm(b: B, x: AnyValue): AnyValue {
  const scale = b.rsqrt(b.add(b.mean(b.mul(x, x), 2, true), EPSILON));
  return b.composite(b.mul(x, scale), 'rmsNorm', [x], { epsilon: EPSILON });
}
export const gelu = (b: B, x: AnyValue): AnyValue =>
  b.composite(b.mul(b.mul(x, 0.5), b.add(1, b.erf(b.mul(x, Math.SQRT1_2)))), 'gelu', [x]);
function geluTanh(b: B, x: AnyValue): AnyValue {
  const inner = b.mul(b.add(x, b.mul(b.pow(x, 3), 0.044715)), Math.sqrt(2 / Math.PI));
  return b.composite(b.mul(b.mul(x, 0.5), b.add(1, b.tanh(inner))), 'geluTanh', [x]);
}
export const silu = (b: B, x: AnyValue): AnyValue => b.composite(b.mul(x, b.sigmoid(x)), 'silu', [x]);

/** Those that become one node: kind, trace, operator. */
export const FUSED_COMPOSITES = [
  ['layerNorm', (b: B, x: AnyValue) => layerNorm(b, x, EPSILON), 'LayerNormalization'],
  ['rmsNorm', rmsNorm, 'SimplifiedLayerNormalization'],
  ['gelu', gelu, 'Gelu'],
  ['geluTanh', geluTanh, 'Gelu'],
] as const;
