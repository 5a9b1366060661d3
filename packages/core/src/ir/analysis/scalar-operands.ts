/** @file Operands that are one number all over: a backend gives them to an elementwise op as a scalar, not spread out in memory. */
import { broadcastsOperands } from '../ops/op-traits.js';
import { broadcastShapes, shapesEqual } from '../program/dims.js';
import type { AnyValue, Program, Value } from '../program/program.js';

/** Whether a value is a constant given by a single number, whatever its shape. */
export const isFilled = (value: AnyValue): value is Value<'constant'> =>
  value.op === 'constant' && value.attributes.data.length === 1;

/**
 * For each operand whether it can be given as a scalar: it is filled with one number, and the other operands have the
 * result's shape without it. False for all operands of an op that does not broadcast them.
 */
export function scalarOperands({ values }: Program, { op, inputs, shape }: AnyValue): readonly boolean[] {
  const operands = inputs.map((id) => values[id]!);
  const others = operands.filter((operand) => !isFilled(operand)).map((operand) => operand.shape);
  const fits = broadcastsOperands(op) && others.length > 0 && shapesEqual(others.reduce(broadcastShapes), shape);
  return operands.map((operand) => fits && isFilled(operand));
}
