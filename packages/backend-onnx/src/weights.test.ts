import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  type Backend,
  elementCount,
  memoryWeights,
  type WeightEntry,
  type WeightStore,
} from '@auto-circuit/core/backend';
import { disagreement } from '@auto-circuit/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lower, onnxBackend } from './index.js';
import { operatorsOf } from './lower/onnx-file.js';
import { program, randomFloats } from './testing/programs.js';

const ROUNDINGS = 16;
const SIZES = [{ batch: 3 }];
const SHAPES: Readonly<Record<string, readonly number[]>> = { embed: [11, 6], W: [6, 4], stack: [2, 6, 5] };
const numbers = Object.fromEntries(
  Object.entries(SHAPES).map(([name, shape], i) => [name, randomFloats(elementCount(shape), i)]),
);

let folder: string;
let backend: Backend;
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'onnx-weights-'));
  backend = await onnxBackend({ threads: 1 });
});
afterAll(async () => {
  await backend.dispose();
  rmSync(folder, { recursive: true });
});

/** Writes weights one after the other, after a header of `header` bytes, as safetensors does. */
function writeWeights(file: string, names: readonly string[], header: number): Map<string, WeightEntry> {
  const entries = new Map<string, WeightEntry>();
  const pieces: Uint8Array[] = [Buffer.alloc(header, 1)];
  let byteOffset = header;
  for (const name of names) {
    const { buffer, byteOffset: start, byteLength } = numbers[name]!;
    pieces.push(Buffer.from(buffer, start, byteLength));
    entries.set(name, { shape: SHAPES[name]!, file, byteOffset });
    byteOffset += byteLength;
  }
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, Buffer.concat(pieces));
  return entries;
}
function fileStore(entries: ReadonlyMap<string, WeightEntry>): WeightStore {
  return {
    key: 'test',
    names: [...entries.keys()],
    entry: (name) => entries.get(name)!,
    read: (name) => numbers[name]!,
  };
}

/** Reads every weight whole, reshaped, and cut, so that a wrong offset anywhere shows. */
const reader = program((b) => {
  const x = b.input('x', 'float', ['batch', 6]);
  const embed = b.weight('embed', [11, 6]);
  const stack = b.weight('stack', [2, 6, 5]);
  b.output('rows', b.gather(embed, b.input('tokens', 'int', ['batch']), 0));
  b.output('unembedded', b.matmul(x, embed, { transposeB: true }));
  b.output('last rows', b.matmul(x, b.slice(embed, 0, 7, 11), { transposeB: true }));
  b.output('projected', b.matmul(x, b.weight('W', [6, 4])));
  b.output('stacked', b.matmul(x, stack));
  b.output('second', b.matmul(x, b.reshape(b.slice(stack, 0, 1, 2), [6, 5])));
  b.output('second, some rows', b.reshape(b.slice(b.slice(stack, 0, 1, 2), 1, 2, 4), [10]));
  b.output('regrouped', b.sum(b.reshape(stack, [3, 20]), 0));
});

describe('weights in files', () => {
  it.each([0, 8, 4096, 13])('are read after a header of %i bytes', async (header) => {
    const store = fileStore(writeWeights(path.join(folder, `header-${header}.bin`), Object.keys(SHAPES), header));
    expect(await disagreement(backend, reader, SIZES, store)).toBeLessThan(ROUNDINGS);
  });
  it.each(['bfloat16', 'float16'] as const)(
    'of %s are widened as they are used, the rows of a table after they are taken',
    async (dtype) => {
      // what both have: 1 sign, 5 bits of exponent, 7 of fraction
      const rounded = Object.fromEntries(
        Object.entries(numbers).map(([name, data]) => [name, data.map((x) => Math.fround(Math.round(x * 128) / 128))]),
      );
      const bits = (x: number): number => {
        const [all] = new Uint32Array(Float32Array.of(x).buffer);
        if (dtype === 'bfloat16') return all! >>> 16;
        if (x === 0) return 0;
        const exponent = ((all! >>> 23) & 0xff) - 127 + 15;
        return ((all! >>> 16) & 0x8000) | (exponent << 10) | ((all! & 0x7fffff) >> 13);
      };
      const file = path.join(folder, `${dtype}.bin`);
      const entries = new Map<string, WeightEntry>();
      const pieces: Uint8Array[] = [];
      let byteOffset = 0;
      for (const [name, data] of Object.entries(rounded)) {
        const halves = Uint16Array.from(data, bits);
        pieces.push(new Uint8Array(halves.buffer));
        entries.set(name, { shape: SHAPES[name]!, file, byteOffset, dtype });
        byteOffset += halves.byteLength;
      }
      writeFileSync(file, Buffer.concat(pieces));
      const store = { ...fileStore(entries), read: (name: string) => rounded[name]! };
      expect(await disagreement(backend, reader, SIZES, store)).toBeLessThan(ROUNDINGS);
      const rows = program((b) => {
        b.output('rows', b.gather(b.weight('embed', [11, 6]), b.input('tokens', 'int', ['batch']), 0));
      });
      expect(operatorsOf(lower(rows, store).model)).toEqual(['Gather', 'Cast']);
    },
  );
  it('are read through symlinks out of their folder, as hub caches have them', async () => {
    const entries = writeWeights(path.join(folder, 'blobs', 'abc'), Object.keys(SHAPES), 16);
    const link = path.join(folder, 'snapshot', 'model.safetensors');
    mkdirSync(path.dirname(link));
    symlinkSync(path.join('..', 'blobs', 'abc'), link);
    const linked = new Map([...entries].map(([name, entry]) => [name, { ...entry, file: link }]));
    expect(await disagreement(backend, reader, SIZES, fileStore(linked))).toBeLessThan(ROUNDINGS);
  });
  it('may lie in several folders', async () => {
    const first = writeWeights(path.join(folder, 'a', 'deep', 'one.bin'), ['embed', 'W'], 8);
    const second = writeWeights(path.join(folder, 'b', 'two.bin'), ['stack'], 24);
    expect(await disagreement(backend, reader, SIZES, fileStore(new Map([...first, ...second])))).toBeLessThan(
      ROUNDINGS,
    );
  });
  it('may stand beside weights in memory', async () => {
    const entries = new Map(writeWeights(path.join(folder, 'one.bin'), ['embed', 'W'], 8));
    entries.set('stack', { shape: SHAPES.stack!, data: numbers.stack! });
    expect(await disagreement(backend, reader, SIZES, fileStore(entries))).toBeLessThan(ROUNDINGS);
  });
});

describe('weights', () => {
  const store = memoryWeights(
    Object.fromEntries(Object.entries(SHAPES).map(([name, shape]) => [name, { shape, data: numbers[name]! }])),
  );
  it('are read from memory', async () => {
    expect(await disagreement(backend, reader, SIZES, store)).toBeLessThan(ROUNDINGS);
  });
  it('are read from the middle of a bigger array', async () => {
    const padded = new Float32Array(40);
    padded.set(numbers.W!, 5);
    const inside = memoryWeights({ W: { shape: [6, 4], data: padded.subarray(5, 29) } });
    const of = program((b) => b.output('y', b.matmul(b.input('x', 'float', ['batch', 6]), b.weight('W', [6, 4]))));
    expect(await disagreement(backend, of, SIZES, inside)).toBeLessThan(ROUNDINGS);
  });
  it('are reshaped and cut along leading axes without a node', () => {
    const operators = operatorsOf(lower(reader, store).model);
    expect(operators).not.toContain('Reshape');
    expect(operators).not.toContain('Slice');
  });
  it('are reported when their shape is not the one the program says', () => {
    const of = program((b) => b.output('y', b.neg(b.weight('W', [4, 6]))));
    expect(() => lower(of, store)).toThrow(
      expect.objectContaining({
        code: 'wrong-shape',
        fields: { program: 'test', weight: 'W', shape: [6, 4], expectedShape: [4, 6] },
      }),
    );
  });
});
