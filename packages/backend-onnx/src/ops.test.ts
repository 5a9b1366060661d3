import { type Backend, memoryWeights } from '@auto-circuit/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onnxBackend } from './index.js';
import { disagreement, program, randomFloats } from './testing/agreement.js';
import { OP_CASES } from './testing/op-cases.js';

const weights = memoryWeights({
  w: { shape: [4, 3], data: randomFloats(12, 7) },
  w5: { shape: [5, 3], data: randomFloats(15, 8) },
  w3: { shape: [3, 5], data: randomFloats(15, 9) },
});
const SIZES = [
  { batch: 2, pos: 3 },
  { batch: 5, pos: 1 },
  { batch: 1, pos: 13 },
];
/** Elementwise ops and contractions over at most 13·5·5 terms stay within a few roundings of the largest number. */
const ROUNDINGS = 16;

let backend: Backend;
beforeAll(async () => {
  backend = await onnxBackend({ threads: 1 });
});
afterAll(() => backend.dispose());

describe.each(Object.entries(OP_CASES))('%s', (_op, cases) => {
  it.each(cases.map((c) => [c.title, c] as const))('%s', async (_title, { build }) => {
    expect(await disagreement(backend, program(build), SIZES, weights)).toBeLessThan(ROUNDINGS);
  });
});
