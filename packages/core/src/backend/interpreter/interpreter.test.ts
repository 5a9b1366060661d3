import { describe, expect, it } from 'vitest';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import type { AnyValue } from '../../ir/program/program.js';
import { floatTensor, intTensor, type Tensor } from '../../tensor/tensor.js';
import { memoryWeights } from '../memory-weights.js';
import { interpret, interpreterBackend } from './interpreter.js';

const none = memoryWeights({});
/** Builds `make` on one input `x` of the tensor's shape and runs it. */
function run(
  x: Tensor,
  make: (b: ProgramBuilder, x: AnyValue) => AnyValue,
): { shape: readonly number[]; data: number[] } {
  const b = new ProgramBuilder('test');
  b.output('y', make(b, b.input('x', x.dtype, x.shape)));
  const { y } = interpret(b.build(), { x }, none);
  return { shape: y!.shape, data: [...y!.data] };
}
const f = (data: readonly number[], shape: readonly number[] = [data.length]): Tensor =>
  floatTensor(Float64Array.from(data), shape);
const six = f([1, 2, 3, 4, 5, 6], [2, 3]);

describe('elementwise ops', () => {
  const cases: [string, (b: ProgramBuilder, x: AnyValue) => AnyValue, number[]][] = [
    ['neg', (b, x) => b.neg(x), [2, -0.5, -3]],
    ['abs', (b, x) => b.abs(x), [2, 0.5, 3]],
    ['exp', (b, x) => b.exp(x), [Math.E ** -2, Math.sqrt(Math.E), Math.E ** 3]],
    ['relu', (b, x) => b.relu(x), [0, 0.5, 3]],
    ['tanh', (b, x) => b.tanh(x), [-0.9640275800758169, 0.46211715726000974, 0.9950547536867305]],
    ['sigmoid', (b, x) => b.sigmoid(x), [0.11920292202211755, 0.6224593312018546, 0.9525741268224334]],
    ['erf', (b, x) => b.erf(x), [-0.9953222650189527, 0.5204998778130465, 0.9999779095030014]],
    ['log', (b, x) => b.log(b.mul(x, x)), [Math.log(4), Math.log(0.25), Math.log(9)]],
    ['sqrt', (b, x) => b.sqrt(b.mul(x, x)), [2, 0.5, 3]],
    ['rsqrt', (b, x) => b.rsqrt(b.mul(x, x)), [0.5, 2, 1 / 3]],
    ['add', (b, x) => b.add(x, 1), [-1, 1.5, 4]],
    ['sub', (b, x) => b.sub(1, x), [3, 0.5, -2]],
    ['mul', (b, x) => b.mul(x, 4), [-8, 2, 12]],
    ['div', (b, x) => b.div(x, 4), [-0.5, 0.125, 0.75]],
    ['pow', (b, x) => b.pow(x, 3), [-8, 0.125, 27]],
    ['maximum', (b, x) => b.maximum(x, 1), [1, 1, 3]],
    ['minimum', (b, x) => b.minimum(x, 1), [-2, 0.5, 1]],
    ['where and less', (b, x) => b.where(b.less(x, 0), 7, x), [7, 0.5, 3]],
    ['lessEqual, or, not', (b, x) => b.cast(b.or(b.lessEqual(x, -2), b.not(b.less(x, 3))), 'float'), [1, 0, 1]],
    ['equal, and', (b, x) => b.cast(b.and(b.equal(x, 3), b.less(x, 4)), 'float'), [0, 0, 1]],
    ['cast truncates', (b, x) => b.cast(x, 'int'), [-2, 0, 3]],
    ['stopGradient', (b, x) => b.stopGradient(x), [-2, 0.5, 3]],
  ];
  it.each(cases)('%s', (_, make, expected) => {
    const { data } = run(f([-2, 0.5, 3]), make);
    data.forEach((y, i) => {
      expect(y).toBeCloseTo(expected[i]!, 13);
    });
  });
  it('broadcasts as NumPy does', () => {
    expect(run(f([10, 20], [2, 1]), (b, x) => b.add(x, b.constant([1, 2, 3], [3]))).data).toEqual([
      11, 12, 13, 21, 22, 23,
    ]);
  });
});

describe('matmul', () => {
  const b6 = [1, 0, 2, -1, 3, 1]; // [3, 2]
  it.each([
    [false, false, [2, 3], [3, 2]],
    [true, false, [3, 2], [3, 2]],
    [false, true, [2, 3], [2, 3]],
    [true, true, [3, 2], [2, 3]],
  ])('transposeA %s, transposeB %s', (transposeA, transposeB, aShape, bShape) => {
    const at = (data: readonly number[], shape: readonly number[], t: boolean, i: number, j: number): number =>
      t ? data[j * shape[1]! + i]! : data[i * shape[1]! + j]!;
    const expected: number[] = [];
    for (let i = 0; i < 2; i++) {
      for (let j = 0; j < 2; j++) {
        let sum = 0;
        for (let k = 0; k < 3; k++)
          sum += at([...six.data], aShape, transposeA, i, k) * at(b6, bShape, transposeB, k, j);
        expected.push(sum);
      }
    }
    expect(
      run(f([...six.data], aShape), (b, x) => b.matmul(x, b.constant(b6, bShape), { transposeA, transposeB })).data,
    ).toEqual(expected);
  });
  it('broadcasts batch axes', () => {
    // two row vectors as a batch of 1×1 matrices against a batch axis of size 1
    const { shape, data } = run(f([1, 2, 3, 4], [2, 1, 2]), (b, x) => b.matmul(x, b.constant([1, 10], [1, 2, 1])));
    expect(shape).toEqual([2, 1, 1]);
    expect(data).toEqual([21, 43]);
  });
});

describe('shape ops', () => {
  it.each<[string, (b: ProgramBuilder, x: AnyValue) => AnyValue, number[], number[]]>([
    ['transpose', (b, x) => b.transpose(x, [1, 0]), [3, 2], [1, 4, 2, 5, 3, 6]],
    ['reshape', (b, x) => b.reshape(x, [3, 2]), [3, 2], [1, 2, 3, 4, 5, 6]],
    [
      'broadcast',
      (b, x) => b.broadcast(b.reshape(x, [2, 1, 3]), [2, 2, 3]),
      [2, 2, 3],
      [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6],
    ],
    ['slice', (b, x) => b.slice(x, 1, 1, 3), [2, 2], [2, 3, 5, 6]],
    ['slice of rows', (b, x) => b.slice(x, 0, 1, 2), [1, 3], [4, 5, 6]],
    ['concat', (b, x) => b.concat([x, b.slice(x, 1, 0, 1)], 1), [2, 4], [1, 2, 3, 1, 4, 5, 6, 4]],
    ['pad', (b, x) => b.pad(x, 1, 1, 0), [2, 4], [0, 1, 2, 3, 0, 4, 5, 6]],
    ['gather', (b, x) => b.gather(x, b.constant([2, 0], [2], 'int'), 1), [2, 2], [3, 1, 6, 4]],
    [
      'gather by a table',
      (b, x) => b.gather(x, b.constant([1, 0, 1], [3, 1], 'int'), 0),
      [3, 1, 3],
      [4, 5, 6, 1, 2, 3, 4, 5, 6],
    ],
    ['scatterAdd', (b, x) => b.scatterAdd(x, b.constant([1, 0, 1], [3], 'int'), 1, 3), [2, 3], [2, 4, 0, 5, 10, 0]],
    ['iota', (b) => b.iota([2, 3], 0), [2, 3], [0, 0, 0, 1, 1, 1]],
    ['dimSize', (b) => b.dimSize(7), [], [7]],
  ])('%s', (_, make, shape, data) => {
    expect(run(six, make)).toEqual({ shape, data });
  });
  it('takes dims of a run in slices, pads, broadcasts and dimSize', () => {
    const b = new ProgramBuilder('symbolic');
    const x = b.input('x', 'float', ['pos']);
    b.output('last', b.slice(x, 0, b.dim(x, 0), b.dim(x, 0)));
    b.output('n', b.dimSize('pos'));
    b.output('padded', b.pad(x, 0, 'pos', 0));
    b.output('grid', b.broadcast(x, ['pos', 'pos']));
    const results = interpret(b.build(), { x: f([5, 6]) }, none);
    expect(results.last!.shape).toEqual([0]);
    expect([...results.n!.data]).toEqual([2]);
    expect([...results.padded!.data]).toEqual([0, 0, 5, 6]);
    expect([...results.grid!.data]).toEqual([5, 6, 5, 6]);
  });
  it.each([[3], [-1]])('refuses the index %i of an axis of 3', (index) => {
    expect(() => run(six, (b, x) => b.gather(x, b.constant([index], [1], 'int'), 1))).toThrow(
      expect.objectContaining({ code: 'index-out-of-range', fields: { index, size: 3 } }),
    );
  });
  it('refuses a slice past the end', () => {
    expect(() => run(six, (b, x) => b.slice(x, 1, 1, 4))).toThrow(
      expect.objectContaining({ code: 'index-out-of-range', fields: { low: 1, high: 4, size: 3 } }),
    );
  });
});

describe('reductions', () => {
  it.each<[string, (b: ProgramBuilder, x: AnyValue) => AnyValue, number[], number[]]>([
    ['sum', (b, x) => b.sum(x, 0), [3], [5, 7, 9]],
    ['sum of all', (b, x) => b.sum(x, [0, 1]), [], [21]],
    ['max', (b, x) => b.max(b.neg(x), 1), [2], [-1, -4]],
    ['mean, keepDims', (b, x) => b.mean(x, 1, true), [2, 1], [2, 5]],
  ])('%s', (_, make, shape, data) => {
    expect(run(six, make)).toEqual({ shape, data });
  });
  it('softmax and logSoftmax, along any axis and without overflow', () => {
    const { data } = run(f([0, Math.log(3)]), (b, x) => b.softmax(x, 0));
    expect(data[0]).toBeCloseTo(0.25, 15);
    expect(run(f([1000, 1000]), (b, x) => b.logSoftmax(x, 0)).data[1]).toBeCloseTo(-Math.LN2, 15);
    const columns = run(f([0, 5, Math.log(3), 5], [2, 2]), (b, x) => b.softmax(x, 0)).data;
    expect(columns[2]).toBeCloseTo(0.75, 15);
    expect(columns[3]).toBeCloseTo(0.5, 15);
  });
});

describe('running', () => {
  it('rounds to float32 when asked, and is a backend', async () => {
    const b = new ProgramBuilder('third');
    const w = b.weight('w', [1]);
    b.output('y', b.div(b.mul(b.input('x', 'float', ['n']), w), 3));
    const weights = memoryWeights({ w: { shape: [1], data: Float32Array.of(1) } });
    const x = f([1]);
    expect(interpret(b.build(), { x }, weights).y!.data).toEqual(Float64Array.of(1 / 3));
    const backend = interpreterBackend({ precision: 'float32' });
    const executable = await backend.compile(b.build(), weights);
    expect((await executable.run({ x })).y!.data).toEqual(Float32Array.of(Math.fround(1 / 3)));
    await executable.dispose();
    await backend.dispose();
  });
  it('gives results that are not views of the feeds', () => {
    const x = f([1, 2]);
    const b = new ProgramBuilder('same');
    b.output('y', b.input('x', 'float', [2]));
    interpret(b.build(), { x }, none).y!.data[0] = 9;
    expect(x.data[0]).toBe(1);
  });
  it('refuses a weight of another shape, and names the known ones for an unknown one', () => {
    const b = new ProgramBuilder('w');
    b.output('y', b.weight('w', [2]));
    expect(() => interpret(b.build(), {}, memoryWeights({ w: { shape: [1], data: Float32Array.of(1) } }))).toThrow(
      expect.objectContaining({
        code: 'wrong-shape',
        fields: { program: 'w', weight: 'w', shape: [1], expectedShape: [2] },
      }),
    );
    expect(() => interpret(b.build(), {}, memoryWeights({ v: { shape: [1], data: Float32Array.of(1) } }))).toThrow(
      expect.objectContaining({
        code: 'unknown-name',
        fields: expect.objectContaining({ what: 'weight', name: 'w', known: ['v'] }),
      }),
    );
  });
});

describe('int arithmetic', () => {
  it('stays int', () => {
    const result = run(intTensor([7, -3], [2]), (b, x) => b.sub(b.mul(x, 2), 1));
    expect(result.data).toEqual([13, -7]);
  });
});
