import { describe, expect, it } from 'vitest';
import { ProgramBuilder } from '../builder/builder.js';
import { programMemory } from './memory.js';

const built = (write: (b: ProgramBuilder) => void) => {
  const b = new ProgramBuilder('test');
  write(b);
  return programMemory(b.build());
};

describe('the memory of a program', () => {
  it('is the most that is alive at once', () => {
    const memory = built((b) => {
      const x = b.input('x', 'float', ['n', 10]); // 40 n bytes, needed to the end
      const wide = b.broadcast(b.reshape(x, [1, 'n', 10]), [5, 'n', 10]); // 200 n
      const sum = b.sum(b.exp(wide), 0); // exp writes into its input; [n, 10]
      b.output('y', b.concat([sum, x], 1)); // 80 n
    });
    // x + wide + sum, when wide has not gone yet: 40 + 200 + 40
    expect(memory.peakBytes({ n: 3 })).toBe(3 * 280);
    expect(memory.outputBytes({ n: 3 })).toBe(3 * 80);
  });
  it('holds two copies where an operation cannot write into its input', () => {
    const memory = built((b) => {
      const x = b.input('x', 'float', ['n']);
      const y = b.exp(x);
      b.output('y', y);
      b.output('z', b.mul(y, 2)); // y is an output: it stays
    });
    // x goes when y is written into it; then y, the constant 2 and z
    expect(memory.peakBytes({ n: 100 })).toBe(2 * 400 + 4);
  });
  it('grows with a symbol squared where shapes do', () => {
    const memory = built((b) => {
      const x = b.input('x', 'float', ['n', 4]);
      b.output('y', b.matmul(x, x, { transposeB: true }));
    });
    expect(memory.peakBytes({ n: 10 })).toBe(160 + 400);
    expect(memory.peakBytes({})).toBe(16 + 4); // a symbol without a size counts as 1
  });
  it('leaves out what no output needs, and counts each weight once', () => {
    const memory = built((b) => {
      const x = b.input('x', 'float', ['n', 4]);
      const w = b.weight('w', [4, 8]);
      const first = b.matmul(x, b.slice(b.reshape(w, [2, 4, 4]), 0, 0, 1)); // [1, n, 4]: reads a window onto w
      b.exp(b.broadcast(first, [1000, 'n', 4]));
      b.output('y', first);
      b.output('z', b.matmul(x, w));
    });
    expect(memory.weightBytes).toBe(4 * 32);
    expect(memory.copyBytes).toBe(4 * 32); // z's product has the whole matrix on its right
    expect(memory.peakBytes({ n: 2 })).toBe(32 + 32 + 64);
  });
});
