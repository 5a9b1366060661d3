/** @file Composites that onnxruntime computes in one node. */
import type { AnyValue, Composite, CompositeKind } from '@auto-circuit/core/backend';
import type { LowerContext } from './context.js';

type CompositeLowering = (composite: Composite, x: string, value: AnyValue, context: LowerContext) => string;

/** The norms take a scale, which ours do not have. */
const ones = (value: AnyValue, { writer }: LowerContext): string => {
  const size = value.shape.at(-1) as number;
  return writer.constant('float', [size], new Array<number>(size).fill(1));
};
const norm =
  (opType: string): CompositeLowering =>
  ({ attributes }, x, value, context) =>
    context.writer.node(opType, [x, ones(value, context)], {
      axis: { int: -1 },
      epsilon: { float: attributes.epsilon! },
    });
const gelu =
  (approximate: 'none' | 'tanh'): CompositeLowering =>
  (_composite, x, _value, { writer }) =>
    writer.node('Gelu', [x], { approximate: { text: approximate } });

/** undefined: onnxruntime finds it by itself (x·Sigmoid(x) becomes QuickGelu). */
const COMPOSITES: Readonly<Record<CompositeKind, CompositeLowering | undefined>> = Object.freeze({
  layerNorm: norm('LayerNormalization'),
  // Not of the ONNX standard; onnxruntime keeps it in the standard's own domain.
  rmsNorm: norm('SimplifiedLayerNormalization'),
  gelu: gelu('none'),
  geluTanh: gelu('tanh'),
  silu: undefined,
});
const NORMS: readonly CompositeKind[] = ['layerNorm', 'rmsNorm'];

/** Whether a value's composite can be one node: a norm needs a last axis of known size and its epsilon. */
export function canFuse(value: AnyValue): boolean {
  const { composite } = value;
  if (!composite || !COMPOSITES[composite.kind]) return false;
  if (!NORMS.includes(composite.kind)) return true;
  return typeof value.shape.at(-1) === 'number' && composite.attributes.epsilon !== undefined;
}

/** Writes a composite as one node; returns the ONNX name of the result. Only where `canFuse`. */
export const lowerComposite = (value: AnyValue, context: LowerContext): string => {
  const composite = value.composite!;
  return COMPOSITES[composite.kind]!(composite, context.names.get(composite.inputs[0]!)!, value, context);
};
