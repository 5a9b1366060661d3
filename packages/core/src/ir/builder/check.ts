/** @file Whether a program is well formed: shapes, ids and names agree with each other. For tests of passes and for authors of them. */
import { AutoCircuitError } from '../../errors/error.js';
import { isLeaf, type LeafOp } from '../ops/op-traits.js';
import { SHAPE_RULES, type ShapeRule } from '../ops/shape-rules.js';
import { shapeKey, shapesEqual, sizeOf } from '../program/dims.js';
import type { AnyValue, OpName, Program } from '../program/program.js';

/**
 * Recomputes every shape and dtype and checks ids, the order of inputs, composite inputs, output ids, and that names of
 * inputs, weights and outputs are unique.
 *
 * @throws AutoCircuitError `invalid-program` (kind internal) with the name of the program and the id of the value
 */
export function checkProgram(program: Program): void {
  const names = new Set<string>();
  const claim = (name: string, id: number): void => {
    if (names.has(name)) refuse(program, id, `${name} is defined twice`);
    names.add(name);
  };
  program.values.forEach((value, index) => {
    const { id, op } = value;
    if (id !== index) refuse(program, index, 'id is not its place', `${index}`, `${id}`);
    checkInputs(program, value);
    if (value.op === 'input' || value.op === 'weight') claim(`${op} "${value.attributes.name}"`, id);
    if (isLeaf(op)) checkLeaf(program, value);
    else checkType(program, value);
  });
  for (const { name, id } of program.outputs) {
    claim(`output "${name}"`, id);
    if (!program.values[id]) refuse(program, id, `output "${name}" is not a value`);
  }
}

function refuse(program: Program, id: number, what: string, expected?: string, got?: string): never {
  const value = program.values[id];
  const where = `program "${program.name}", value %${id}${value ? ` = ${value.op}` : ''}`;
  throw new AutoCircuitError({
    code: 'invalid-program',
    where,
    what,
    fields: { program: program.name, value: id },
    kind: 'internal',
    ...(expected ? { expected } : {}),
    ...(got ? { got } : {}),
  });
}

function checkInputs(program: Program, { id, inputs, composite }: AnyValue): void {
  for (const input of inputs) {
    if (!(Number.isInteger(input) && input >= 0 && input < id))
      refuse(program, id, 'an input is not an earlier value', `less than ${id}`, `${input}`);
  }
  for (const input of composite?.inputs ?? []) {
    if (!(Number.isInteger(input) && input >= 0 && input < id))
      refuse(program, id, 'a composite input is not an earlier value', `less than ${id}`, `${input}`);
  }
}

function checkLeaf(program: Program, value: AnyValue): void {
  const { id, op, inputs, shape } = value;
  if (inputs.length > 0) refuse(program, id, 'a leaf has inputs');
  if (op === 'weight' && (value.dtype !== 'float' || shape.some((d) => typeof d !== 'number'))) {
    refuse(program, id, 'a weight is not float of a fixed shape', undefined, `${value.dtype}${shapeKey(shape)}`);
  }
  if (op === 'constant' && value.attributes.data.length !== 1 && value.attributes.data.length !== sizeOf(shape)) {
    refuse(
      program,
      id,
      'constant data do not fill the shape',
      shapeKey(shape),
      `${value.attributes.data.length} numbers`,
    );
  }
  if (op === 'iota' && (value.dtype !== 'int' || shape[value.attributes.axis] === undefined)) {
    refuse(program, id, 'iota is not int along one of its axes');
  }
}

function checkType(program: Program, value: AnyValue): void {
  const inputs = value.inputs.map((id) => program.values[id]!);
  const rule = SHAPE_RULES[value.op as Exclude<OpName, LeafOp>] as ShapeRule<OpName>;
  const { dtype, shape } = rule(inputs, value.attributes);
  if (dtype !== value.dtype || !shapesEqual(shape, value.shape)) {
    refuse(
      program,
      value.id,
      'type is not what its inputs give',
      `${dtype}${shapeKey(shape)}`,
      `${value.dtype}${shapeKey(value.shape)}`,
    );
  }
}
