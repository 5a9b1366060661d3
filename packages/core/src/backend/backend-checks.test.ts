import { expect, it } from 'vitest';
import { ProgramBuilder } from '../ir/builder/builder.js';
import { checkedDevice, checkedThreads, checkWeightShape, indexOutOfRange, runAfterDispose } from './backend-checks.js';

const program = new ProgramBuilder('test').build();

it('gives a device that is known, and refuses another with the names that are', () => {
  expect(checkedDevice('backend-x', 'cpu', ['gpu', 'cpu'])).toBe('cpu');
  expect(() => checkedDevice('backend-x', 'tpu', ['gpu', 'cpu'])).toThrow(
    expect.objectContaining({
      code: 'invalid-option',
      where: 'backend-x',
      fields: { option: 'device', got: 'tpu', known: ['gpu', 'cpu'] },
    }),
  );
});
it('takes whole numbers of threads from 1 to 512', () => {
  expect(checkedThreads('backend-x', 3)).toBe(3);
  for (const got of [0, -1, 1.5, Number.NaN, 513])
    expect(() => checkedThreads('backend-x', got)).toThrow(
      expect.objectContaining({ code: 'invalid-option', fields: { option: 'threads', got } }),
    );
});
it('refuses weights of another rank or size', () => {
  expect(() => checkWeightShape(program, 'w', [2, 3], [2, 3])).not.toThrow();
  for (const shape of [[3, 2], [2], [2, 3, 1]])
    expect(() => checkWeightShape(program, 'w', [2, 3], shape)).toThrow(
      expect.objectContaining({
        code: 'wrong-shape',
        fields: { program: 'test', weight: 'w', shape, expectedShape: [2, 3] },
      }),
    );
});
it('makes errors that name the index with its size, and the program that was disposed', () => {
  expect(indexOutOfRange('backend-x', 7, 5)).toMatchObject({
    code: 'index-out-of-range',
    fields: { index: 7, size: 5 },
    message: expect.stringContaining('expected 0 to 4, got 7'),
  });
  expect(runAfterDispose('backend-x', program)).toMatchObject({ code: 'already-disposed', kind: 'internal' });
});
