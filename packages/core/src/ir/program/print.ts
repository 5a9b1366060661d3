/** @file Programs as stable text, for people and for golden files: one line a value. */
import { dimKey, shapeKey } from './dims.js';
import type { AnyValue, OpAttributes, OpName, Program } from './program.js';

const list = (entries: readonly (number | string)[]): string => `[${entries.join(', ')}]`;
const shortList = (data: readonly number[]): string =>
  data.length <= 8 ? data.join(', ') : `${data.slice(0, 4).join(', ')}, … ${data.length} numbers`;
const nothing = (): string => '';
const reduction = ({ axes, keepDims }: OpAttributes['sum']): string => `${list(axes)}${keepDims ? ', keepDims' : ''}`;
const along = ({ axis }: { readonly axis: number }): string => `axis ${axis}`;

/** The attributes of each op as text. */
const ATTRIBUTES: { readonly [K in OpName]: (attributes: OpAttributes[K]) => string } = {
  input: ({ name }) => name,
  weight: ({ name }) => name,
  constant: ({ data }) => shortList(data),
  iota: along,
  dimSize: ({ dim }) => dimKey(dim),
  neg: nothing,
  abs: nothing,
  exp: nothing,
  log: nothing,
  sqrt: nothing,
  rsqrt: nothing,
  tanh: nothing,
  erf: nothing,
  sigmoid: nothing,
  relu: nothing,
  not: nothing,
  cast: ({ to }) => to,
  add: nothing,
  sub: nothing,
  mul: nothing,
  div: nothing,
  pow: nothing,
  maximum: nothing,
  minimum: nothing,
  equal: nothing,
  less: nothing,
  lessEqual: nothing,
  and: nothing,
  or: nothing,
  where: nothing,
  matmul: ({ transposeA, transposeB }) =>
    [transposeA && 'transposeA', transposeB && 'transposeB'].filter(Boolean).join(', '),
  transpose: ({ permutation }) => list(permutation),
  reshape: nothing,
  broadcast: nothing,
  slice: ({ axis, start, end }) => `axis ${axis}, ${dimKey(start)} to ${dimKey(end)}`,
  concat: along,
  pad: ({ axis, before, after }) => `axis ${axis}, ${dimKey(before)} before, ${dimKey(after)} after`,
  gather: along,
  scatterAdd: ({ axis, size }) => `axis ${axis} of ${dimKey(size)}`,
  sum: reduction,
  max: reduction,
  mean: reduction,
  softmax: along,
  logSoftmax: along,
  stopGradient: nothing,
};

function printValue(value: AnyValue): string {
  const refer = (ids: readonly number[]): string => ids.map((id) => `%${id}`).join(', ');
  // The table's type pairs each op with its own attributes.
  const attributes = (ATTRIBUTES[value.op] as (attributes: OpAttributes[OpName]) => string)(value.attributes);
  const call = `${value.op}(${[refer(value.inputs), attributes].filter(Boolean).join('; ')})`;
  const { composite, role } = value;
  const settings = composite ? Object.entries(composite.attributes).map(([name, x]) => `${name} ${x}`) : [];
  const notes = [role, composite && `{${composite.kind}(${[refer(composite.inputs), ...settings].join('; ')})}`].filter(
    Boolean,
  );
  return `%${value.id} = ${call} : ${value.dtype}${shapeKey(value.shape)}${notes.length > 0 ? ` # ${notes.join(' ')}` : ''}`;
}

/**
 * One line a value, `%12 = matmul(%3, %11; transposeB) : float[batch, 12] # L0.attn.q`, a composite as
 * `{layerNorm(%3; epsilon 0.00001)}` after the role, and the outputs last.
 */
export function printProgram(program: Program): string {
  const outputs = program.outputs.map(({ name, id }) => `output ${name} = %${id}`);
  return [`program ${program.name}`, ...program.values.map(printValue), ...outputs, ''].join('\n');
}
