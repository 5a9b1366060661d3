import { describe, expect, it } from 'vitest';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import { floatTensor, intTensor } from '../../tensor/tensor.js';
import { concatAlong, concatFeeds, slicePrompts } from './batch-concat.js';

const floats = (shape: readonly number[], ...data: number[]) => floatTensor(Float32Array.from(data), shape);

describe('runs that are joined', () => {
  it('stand one after the other along an axis', () => {
    const [a, b] = [floats([2, 2], 1, 2, 3, 4), floats([2, 2], 5, 6, 7, 8)];
    expect(concatAlong([a, b], 0)).toEqual(floats([4, 2], 1, 2, 3, 4, 5, 6, 7, 8));
    expect(concatAlong([a, b], 1)).toEqual(floats([2, 4], 1, 2, 5, 6, 3, 4, 7, 8));
  });

  it('keep integers as they are', () => {
    const tokens = intTensor(Int32Array.of(2 ** 31 - 1), [1, 1]);
    expect(concatAlong([tokens, tokens], 0)).toEqual(intTensor(Int32Array.of(2 ** 31 - 1, 2 ** 31 - 1), [2, 1]));
  });

  it('must have one size', () => {
    expect(() => concatAlong([floats([1, 2], 1, 2), floats([2, 2], 1, 2, 3, 4)], 0)).toThrow(
      expect.objectContaining({ code: 'internal', kind: 'internal' }),
    );
  });

  it('are joined along the axis that the program calls batch, and share what has none', () => {
    const b = new ProgramBuilder('sum');
    const x = b.input('x', 'float', [2, 'batch']);
    b.output('y', b.add(x, b.input('factor', 'float', [1])));
    const feeds = [1, 2].map((n) => ({ x: floats([2, 1], n, 10 * n), factor: floats([1], 5), unused: floats([1], n) }));
    expect(concatFeeds(b.build(), feeds)).toEqual({ x: floats([2, 2], 1, 2, 10, 20), factor: floats([1], 5) });
  });

  it('are taken apart by prompts', () => {
    const gradients = {
      tensors: { mlp: floats([3, 2], 1, 2, 3, 4, 5, 6) },
      losses: Float32Array.of(7, 8, 9),
      neurons: { mlp: floats([3, 1, 1], 10, 11, 12) },
    };
    expect(slicePrompts(gradients, 1, 3)).toEqual({
      tensors: { mlp: floats([2, 2], 3, 4, 5, 6) },
      losses: Float32Array.of(8, 9),
      neurons: { mlp: floats([2, 1, 1], 11, 12) },
    });
    expect(slicePrompts({ tensors: gradients.tensors }, 0, 1)).toEqual({ tensors: { mlp: floats([1, 2], 1, 2) } });
  });
});
