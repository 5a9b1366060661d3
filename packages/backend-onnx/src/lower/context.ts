/** @file What the lowering of one value sees of the graph being written. */
import {
  type AnyValue,
  broadcastShapes,
  elementCount,
  type OpName,
  type Program,
  shapesEqual,
  type Value,
} from '@auto-circuit/core/backend';
import { type GraphWriter, ONNX_DTYPE } from './graph-writer.js';
import { isStatic, type RuntimeDims } from './runtime-dims.js';

export interface LowerContext {
  readonly writer: GraphWriter;
  readonly dims: RuntimeDims;
  readonly program: Program;
  /** onnxruntime's own FusedMatMul may be used. */
  readonly fusedMatmul: boolean;
  /** ONNX names by value id. */
  readonly names: Map<number, string>;
}

/** Writes the nodes of one value; returns the ONNX name of the result. */
export type OpLowering<K extends OpName> = (
  value: Value<K>,
  inputs: readonly string[],
  context: LowerContext,
) => string;

export const inputShape = (value: AnyValue, index: number, { program }: LowerContext): AnyValue['shape'] =>
  program.values[value.inputs[index]!]!.shape;

/** Up to this many numbers a filled constant is stored; beyond it is made when the program runs. */
const STORED = 4096;

/** A constant of any shape. */
export function lowerConstant(value: Value<'constant'>, { writer, dims }: LowerContext): string {
  const { data } = value.attributes;
  const type = ONNX_DTYPE[value.dtype];
  if (isStatic(value.shape) && (data.length > 1 || elementCount(value.shape) <= STORED)) {
    const count = elementCount(value.shape);
    return writer.constant(type, value.shape, data.length === count ? data : new Array<number>(count).fill(data[0]!));
  }
  const fill = writer.tensor(type, [1], data);
  return writer.node('ConstantOfShape', [dims.shape(value.shape)], { value: { tensor: fill } });
}

/**
 * The operands of an elementwise op. A constant that is one number is given as a scalar when the operands that are not
 * have the result's shape without it, so that it is not spread out in memory.
 */
export function elementwiseOperands(
  value: AnyValue,
  inputs: readonly string[],
  context: LowerContext,
): readonly string[] {
  const operands = value.inputs.map((id) => context.program.values[id]!);
  const others = operands.filter((o) => !isFilled(o)).map((o) => o.shape);
  if (others.length === 0 || !shapesEqual(others.reduce(broadcastShapes), value.shape)) return inputs;
  return operands.map((o, i) =>
    isFilled(o) ? context.writer.constant(ONNX_DTYPE[o.dtype], [], o.attributes.data) : inputs[i]!,
  );
}
const isFilled = (value: AnyValue): value is Value<'constant'> =>
  value.op === 'constant' && value.attributes.data.length === 1;
