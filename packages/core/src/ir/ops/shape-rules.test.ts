import { describe, expect, it } from 'vitest';
import type { DType } from '../../tensor/tensor.js';
import { ProgramBuilder } from '../builder/builder.js';
import { addDims, type DimLike, shapeKey } from '../program/dims.js';
import type { AnyValue, OpAttributes } from '../program/program.js';
import { checkedAxis } from './shape-rules.js';

type Make = (b: ProgramBuilder, t: (dtype: DType, ...shape: DimLike[]) => AnyValue) => AnyValue;
function typeOf(make: Make): string {
  const b = new ProgramBuilder('test');
  const { dtype, shape } = make(b, (type, ...dims) => b.input(`x${b.values.length}`, type, dims));
  return `${dtype}${shapeKey(shape)}`;
}

it.each<[string, Make]>([
  ['float[batch, 3]', (b, t) => b.matmul(t('float', 'batch', 5), t('float', 5, 3))],
  ['float[h, batch, pos, 3]', (b, t) => b.matmul(t('float', 'batch', 'pos', 5), t('float', 'h', 1, 5, 3))],
  ['float[3, pos]', (b, t) => b.matmul(t('float', 5, 3), t('float', 'pos', 5), { transposeA: true, transposeB: true })],
  ['bool[batch, pos]', (b, t) => b.less(t('int', 'batch', 1), t('int', 'pos'))],
  ['int[2]', (b, t) => b.where(t('bool', 2), t('int', 1), t('int'))],
  ['int[]', (b) => b.dimSize('pos')],
  ['bool[4]', (b, t) => b.cast(t('float', 4), 'bool')],
  ['float[5, batch]', (b, t) => b.transpose(t('float', 'batch', 5), [1, 0])],
  ['int[6*pos]', (b, t) => b.reshape(t('int', 2, 'pos', 3), [addDims('pos', 'pos', 'pos', 'pos', 'pos', 'pos')])],
  ['float[7, pos]', (b, t) => b.broadcast(t('float', 1), [7, 'pos'])],
  ['float[-1+pos]', (b, t) => b.slice(t('float', 'pos'), 0, 1, 'pos')],
  ['float[2, batch+pos]', (b, t) => b.concat([t('float', 2, 'pos'), t('float', 2, 'batch')], 1)],
  ['float[3+pos]', (b, t) => b.pad(t('float', 'pos'), 0, 1, 2)],
  ['bool[4, pos, 2, 3]', (b, t) => b.gather(t('bool', 4, 9, 3), t('int', 'pos', 2), 1)],
  ['float[4, 9, 3]', (b, t) => b.scatterAdd(t('float', 4, 'pos', 2, 3), t('int', 'pos', 2), 1, 9)],
  ['float[1, pos, 1]', (b, t) => b.sum(t('float', 'batch', 'pos', 3), [0, 2], true)],
  ['int[pos]', (b, t) => b.max(t('int', 'batch', 'pos', 3), [0, 2])],
])('gives %s', (type, make) => {
  expect(typeOf(make)).toBe(type);
});

describe('refuses', () => {
  it.each<[string, 'wrong-shape' | 'wrong-dtype' | 'invalid-program', Make]>([
    ['a product with a vector', 'wrong-shape', (b, t) => b.matmul(t('float', 5), t('float', 5, 3))],
    ['a product over unlike axes', 'wrong-shape', (b, t) => b.matmul(t('float', 2, 'pos'), t('float', 'batch', 3))],
    ['a product of ints', 'wrong-dtype', (b, t) => b.matmul(t('int', 2, 2), t('int', 2, 2))],
    ['operands of two dtypes', 'wrong-dtype', (b, t) => b.add(t('float', 2), t('int', 2))],
    ['a quotient of ints', 'wrong-dtype', (b, t) => b.div(t('int', 2), t('int', 2))],
    ['shapes that do not broadcast', 'wrong-shape', (b, t) => b.add(t('float', 2), t('float', 3))],
    ['a condition of numbers', 'wrong-dtype', (b, t) => b.where(t('int', 2), t('float', 2), t('float', 2))],
    ['branches of two dtypes', 'wrong-dtype', (b, t) => b.where(t('bool', 2), t('float', 2), t('int', 2))],
    ['an axis twice', 'wrong-shape', (b, t) => b.transpose(t('float', 2, 2), [0, 0])],
    ['an axis left out', 'wrong-shape', (b, t) => b.transpose(t('float', 2, 2), [0])],
    ['a reshape to more elements', 'wrong-shape', (b, t) => b.reshape(t('float', 2, 'pos'), ['pos'])],
    ['a broadcast that loses an axis', 'wrong-shape', (b, t) => b.broadcast(t('float', 2, 3), [3])],
    ['a concat of nothing', 'invalid-program', (b) => b.apply('concat', [], { axis: 0 })],
    ['a concat of unlike shapes', 'wrong-shape', (b, t) => b.concat([t('float', 2, 3), t('float', 2, 4)], 0)],
    ['padding of ints', 'wrong-dtype', (b, t) => b.pad(t('int', 2), 0, 1, 1)],
    ['an axis that is not there', 'wrong-shape', (b, t) => b.sum(t('float', 2), 1)],
    ['indices that are floats', 'wrong-dtype', (b, t) => b.gather(t('float', 2), t('float', 2), 0)],
    ['updates unlike their indices', 'wrong-shape', (b, t) => b.scatterAdd(t('float', 4, 3), t('int', 2), 0, 9)],
    ['a mean of ints', 'wrong-dtype', (b, t) => b.mean(t('int', 2), 0)],
    ['an operand too many', 'invalid-program', (b, t) => b.apply('exp', [t('float', 2), t('float', 2)], {})],
  ])('%s', (_, code, make) => {
    expect(() => typeOf(make)).toThrow(expect.objectContaining({ code, kind: 'internal' }));
  });
  it.each([-1, 2, 0.5])('axis %d of rank 2', (axis) => {
    expect(() => checkedAxis(axis, 2)).toThrow(expect.objectContaining({ code: 'wrong-shape' }));
  });
});

it('reads attributes as they stand: keepDims of an unreduced axis changes nothing', () => {
  const attributes: OpAttributes['sum'] = { axes: [], keepDims: false };
  expect(typeOf((b, t) => b.apply('sum', [t('float', 2, 'pos')], attributes))).toBe('float[2, pos]');
});
