import { describe, expect, it } from 'vitest';
import { ALL_OPS, randomProgram } from '../../testing/random-program.js';
import { ProgramBuilder } from '../builder/builder.js';
import { countReaders, liveness, programLiveness } from './liveness.js';

/** 0 x · 1 w · 2 x+w · 3 exp(x), unread · 4 exp(2) · 5 4·4 · 6 5−2, an output beside 4 */
function sample() {
  const b = new ProgramBuilder('sample');
  const x = b.input('x', 'float', ['n']);
  const sum = b.add(x, b.weight('w', [1]));
  b.exp(x);
  const e = b.exp(sum);
  b.output('y', b.sub(b.mul(e, e), sum));
  b.output('e', e);
  return b.build();
}

describe('liveness of a program', () => {
  const live = programLiveness(sample());
  it('needs what outputs depend on, and nothing that only an unread value reads', () => {
    expect([0, 1, 2, 3, 4, 5, 6].filter((id) => live.isNeeded(id))).toEqual([0, 1, 2, 4, 5, 6]);
  });
  it('ends a value at its last needed reader; an unread one counts for nothing, an output never ends', () => {
    expect([0, 1, 2, 3, 4, 5, 6].map((id) => live.lastUse(id))).toEqual([
      ...[2, 2, 6, undefined],
      ...[Number.POSITIVE_INFINITY, 6, Number.POSITIVE_INFINITY],
    ]);
  });
  it('lists at each value what it is the last to read', () => {
    expect([2, 4, 5, 6].map((id) => live.endingAt(id))).toEqual([[0, 1], [], [], [2, 5]]);
  });
});

it('keeps the memory of a value until the last of its windows has been read', () => {
  // 1 is a window onto 0, and 2 reads 0 itself; 3 reads the window
  const operands = [[], [0], [0], [1, 2]];
  const live = liveness({
    count: 4,
    outputs: [3],
    operandsOf: (id) => operands[id]!,
    storageOf: (id) => (id === 1 ? 0 : id),
  });
  expect([1, 2, 3].map((id) => live.endingAt(id))).toEqual([[], [], [0, 2]]);
  expect(live.lastUse(0)).toBe(3);
});

it('keeps the memory of a value forever when a window onto it is an output', () => {
  const live = liveness({
    count: 3,
    outputs: [1, 2],
    operandsOf: (id) => (id === 0 ? [] : [0]),
    storageOf: (id) => (id === 1 ? 0 : id),
  });
  expect(live.lastUse(0)).toBe(Number.POSITIVE_INFINITY);
  expect(live.endingAt(2)).toEqual([]);
});

it('asks only needed values what they read, once each', () => {
  const asked: number[] = [];
  const { values, outputs } = sample();
  liveness({
    count: values.length,
    outputs: outputs.map(({ id }) => id),
    operandsOf: (id) => {
      asked.push(id);
      return values[id]!.inputs;
    },
  });
  expect(asked.sort((a, b) => a - b)).toEqual([0, 1, 2, 4, 5, 6]);
});

describe('liveness of random programs', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('lets no value go that is read later, and every other one (seed %i)', (seed) => {
    const { program } = randomProgram(seed, { steps: 30, ops: ALL_OPS });
    const live = programLiveness(program);
    const present = new Set<number>();
    for (const { id, inputs } of program.values) {
      if (!live.isNeeded(id)) continue;
      for (const input of inputs) expect(present.has(input), `%${id} reads %${input}`).toBe(true);
      present.add(id);
      for (const ended of live.endingAt(id)) expect(present.delete(ended)).toBe(true);
    }
    expect([...present].sort()).toEqual([...new Set(program.outputs.map(({ id }) => id))].sort());
  });
});

it('counts every place in which a value is read, and outputs', () => {
  expect(countReaders(sample())).toEqual([2, 1, 2, 0, 3, 1, 1]);
});
