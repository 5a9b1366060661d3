import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { rowStore } from './row-store.js';

const LENGTH = 3;
const row = (first: number): number[] => [first, first + 0.5, -first];
const temporary = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('auto-circuit-rows-'));

describe.each([
  ['memory', 4 * 5 * LENGTH],
  ['a file', 4 * 5 * LENGTH - 1],
])('rows in %s', (_, bytes) => {
  it('are read as they were written, in any order and any number', () => {
    const store = rowStore(5, LENGTH, bytes);
    store.write(3, Float32Array.from([...row(3), ...row(4)]));
    store.write(0, Float32Array.from([...row(0), ...row(1), ...row(2)]));
    expect([...store.read(0, 5)]).toEqual([0, 1, 2, 3, 4].flatMap(row));
    expect([...store.read(2, 4)]).toEqual([2, 3].flatMap(row));
    store.write(1, Float32Array.from(row(9)));
    expect([...store.read(1, 2)]).toEqual(row(9));
    store.close();
  });
});

it('leaves no file behind', () => {
  const before = temporary();
  const store = rowStore(2, LENGTH, 0);
  store.write(0, Float32Array.from(row(1)));
  if (process.platform !== 'win32') expect(temporary()).toEqual(before);
  store.close();
  expect(temporary()).toEqual(before);
});
