import { type Backend, type Program, ProgramBuilder } from '@auto-circuit/core/backend';
import { disagreement } from '@auto-circuit/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lower, onnxBackend } from './index.js';
import { operatorsOf } from './lower/onnx-file.js';
import { NO_WEIGHTS, program } from './testing/programs.js';

/** Sums of at most 7 products. */
const ROUNDINGS = 8;
const SIZES = [
  { batch: 2, m: 3, n: 4 },
  { batch: 3, m: 1, n: 7 },
];
let backend: Backend;
beforeAll(async () => {
  backend = await onnxBackend({ threads: 1 });
});
afterAll(() => backend.dispose());

const count = (of: Program, operator: string, fusedMatmul = true): number =>
  operatorsOf(lower(of, NO_WEIGHTS, { fusedMatmul }).model).filter((o) => o === operator).length;

const permutations = (axes: readonly number[]): number[][] =>
  axes.length === 0
    ? [[]]
    : axes.flatMap((axis) => permutations(axes.filter((i) => i !== axis)).map((rest) => [axis, ...rest]));

/** left [batch…, m, 5] @ right [batch…, 5, n], each stored with its axes permuted and transposed back before the product. */
function product(
  permutationA: readonly number[],
  permutationB: readonly number[],
  transposeA: boolean,
  transposeB: boolean,
): Program {
  const b = new ProgramBuilder('product');
  const operand = (
    name: string,
    matrix: readonly (string | number)[],
    permutation: readonly number[],
    swapped: boolean,
  ) => {
    const batch = ['batch', 2, 3].slice(0, permutation.length - 2);
    const wanted = [...batch, ...(swapped ? [...matrix].reverse() : matrix)];
    const stored = wanted.map((_, i) => wanted[permutation.indexOf(i)]!);
    return b.transpose(b.input(name, 'float', stored), permutation);
  };
  const left = operand('left', ['m', 5], permutationA, transposeA);
  const right = operand('right', [5, 'n'], permutationB, transposeB);
  b.output('y', b.matmul(left, right, { transposeA, transposeB }));
  return b.build();
}
const flags = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const;

describe('a product of transposed operands', () => {
  it.each([[[0, 1]], [[0, 1, 2]], [[0, 1, 2, 3]]])('equals the plain one for all permutations of %j', async (axes) => {
    for (const permutation of permutations(axes)) {
      for (const [transposeA, transposeB] of flags) {
        for (const of of [
          product(permutation, axes, transposeA, transposeB),
          product(axes, permutation, transposeA, transposeB),
        ]) {
          expect(await disagreement(backend, of, SIZES), `[${permutation}] ${transposeA} ${transposeB}`).toBeLessThan(
            ROUNDINGS,
          );
        }
      }
    }
  });
  it.each([
    ['two matrices', [1, 0], [1, 0], 0],
    ['a moved batch axis', [1, 0, 2], [1, 0, 2], 0],
    ['a moved batch axis and swapped matrix axes', [1, 2, 0], [1, 2, 0], 0],
    ['a moved axis after two batch axes', [1, 2, 0, 3], [0, 1, 3, 2], 0],
    ['batch axes swapped with each other', [1, 0, 2, 3], [0, 1, 2, 3], 1],
  ] as const)('%s: reads through', (_title, permutationA, permutationB, transposes) => {
    const of = product(permutationA, permutationB, false, false);
    // The identity on the other side is read through as well.
    expect(count(of, 'Transpose')).toBe(transposes);
  });
  it('takes Gemm for two matrices, without a transpose on every device', () => {
    const of = product([1, 0], [1, 0], true, false);
    expect([count(of, 'Gemm', false), count(of, 'Transpose', false)]).toEqual([1, 0]);
  });
  it('uses only standard operators where FusedMatMul is not wanted', async () => {
    const of = product([1, 0, 2], [1, 0, 2], false, false);
    expect(operatorsOf(lower(of, NO_WEIGHTS, { fusedMatmul: false }).model).sort()).toEqual([
      'MatMul',
      'Transpose',
      'Transpose',
    ]);
    expect(await disagreement(backend, of, SIZES)).toBeLessThan(ROUNDINGS);
  });
  it('keeps a transpose that something else reads too', async () => {
    const of = program((b) => {
      const swapped = b.transpose(b.input('x', 'float', ['m', 'batch', 5]), [1, 0, 2]);
      b.output('y', b.matmul(swapped, b.input('right', 'float', ['batch', 5, 2])));
      b.output('z', b.exp(swapped));
    });
    expect(count(of, 'Transpose')).toBe(1);
    expect(await disagreement(backend, of, SIZES)).toBeLessThan(ROUNDINGS);
  });
  it('keeps a moved batch axis when the ranks differ', async () => {
    const of = program((b) => {
      const swapped = b.transpose(b.input('x', 'float', ['m', 'batch', 5]), [1, 0, 2]);
      b.output('y', b.matmul(swapped, b.input('right', 'float', [5, 2])));
    });
    expect(count(of, 'Transpose')).toBe(1);
    expect(await disagreement(backend, of, SIZES)).toBeLessThan(ROUNDINGS);
  });
  it('stretches batch axes of a moved operand', async () => {
    const of = program((b) => {
      const left = b.transpose(b.input('x', 'float', ['m', 'batch', 5]), [1, 0, 2]);
      const right = b.transpose(b.input('right', 'float', ['n', 1, 5]), [1, 2, 0]);
      b.output('y', b.matmul(left, right));
    });
    expect(count(of, 'Transpose')).toBe(0);
    expect(await disagreement(backend, of, SIZES)).toBeLessThan(ROUNDINGS);
  });
});
