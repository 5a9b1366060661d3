/** @file What the lowering of one value sees of the graph being written. */
import {
  type AnyValue,
  elementCount,
  isFilled,
  type OpName,
  type Program,
  scalarOperands,
  type Value,
} from '@auto-circuit/core/backend';
import { type GraphWriter, ONNX_DTYPE } from './graph-writer.js';
import { isStatic, type RuntimeDims } from './runtime-dims.js';

/** The graph being written, and what is known of the program. */
export interface LowerContext {
  readonly writer: GraphWriter;
  readonly dims: RuntimeDims;
  readonly program: Program;
  /** onnxruntime's own FusedMatMul may be used. */
  readonly fusedMatmul: boolean;
  /** ONNX names by value id. */
  readonly names: Map<number, string>;
  /** By value id, weights as they lie where their numbers have 16 bits; `names` has them widened. */
  readonly halves: Map<number, string>;
}

/** Writes the nodes of one value; returns the ONNX name of the result. */
export type OpLowering<K extends OpName> = (
  value: Value<K>,
  inputs: readonly string[],
  context: LowerContext,
) => string;

/** The shape of an operand. */
export const inputShape = (value: AnyValue, index: number, { program }: LowerContext): AnyValue['shape'] =>
  program.values[value.inputs[index]!]!.shape;

/** A filled constant of up to this many numbers is stored; a larger one is made when the program runs. */
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

/** The operands of an elementwise op; a constant that is one number all over is given as a scalar where it can be. */
export function elementwiseOperands(
  value: AnyValue,
  inputs: readonly string[],
  { program, writer }: LowerContext,
): readonly string[] {
  const asScalar = scalarOperands(program, value);
  return value.inputs.map((id, i) => {
    const operand = program.values[id]!;
    return asScalar[i] && isFilled(operand)
      ? writer.constant(ONNX_DTYPE[operand.dtype], [], operand.attributes.data)
      : inputs[i]!;
  });
}
