import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AutoCircuitError } from '../errors/error.js';
import { errorOf } from '../testing/errors.js';
import { openSafetensors } from './safetensors.js';
import { safetensorsSource, writeSafetensors } from './safetensors-write.js';

const folder = mkdtempSync(join(tmpdir(), 'safetensors-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

/** A file put together by hand: header text (or object) and data. */
function rawFile(header: unknown, data: Uint8Array, name = 'raw.safetensors'): string {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(at(name), Buffer.concat([prefix, text, data]));
  return at(name);
}
const bytesOf = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

describe('openSafetensors', () => {
  it('widens halves exactly', () => {
    // float16: 1.5, -2, smallest subnormal 2^-24, largest 65504, ∞ · bfloat16: 1.5 = 0x3fc0, -2 = 0xc000
    const f16 = new Uint16Array([0x3e00, 0xc000, 0x0001, 0x7bff, 0x7c00]);
    const bf16 = new Uint16Array([0x3fc0, 0xc000]);
    const path = rawFile(
      {
        b: { dtype: 'BF16', shape: [2], data_offsets: [10, 14] },
        h: { dtype: 'F16', shape: [5, 1], data_offsets: [0, 10] },
      },
      Buffer.concat([bytesOf(f16), bytesOf(bf16)]),
    );
    const file = openSafetensors(path);
    expect([...file.tensors.keys()]).toEqual(['h', 'b']);
    expect([...file.read('h')]).toEqual([1.5, -2, 2 ** -24, 65504, Number.POSITIVE_INFINITY]);
    expect([...file.read('b')]).toEqual([1.5, -2]);
    const end = statSync(path).size;
    expect(file.tensors.get('b')).toEqual({ dtype: 'BF16', shape: [2], byteOffset: end - 4, byteLength: 4 });
  });

  it('reads integers, and says so when an int64 is no int32', () => {
    const path = rawFile(
      {
        long: { dtype: 'I64', shape: [2], data_offsets: [0, 16] },
        flag: { dtype: 'BOOL', shape: [2], data_offsets: [16, 18] },
        none: { dtype: 'F32', shape: [0, 7], data_offsets: [16, 16] },
        c64: { dtype: 'C64', shape: [0], data_offsets: [18, 18] },
        f8: { dtype: 'F8_E4M3', shape: [], data_offsets: [18, 19] },
        big: { dtype: 'I64', shape: [1], data_offsets: [19, 27] },
      },
      Buffer.concat([
        bytesOf(new BigInt64Array([-5n, 7n])),
        Buffer.from([0, 1, 9]),
        bytesOf(new BigInt64Array([2n ** 40n])),
      ]),
    );
    const file = openSafetensors(path);
    expect(file.read('long')).toEqual(Int32Array.of(-5, 7));
    expect(file.read('flag')).toEqual(Uint8Array.of(0, 1));
    expect(file.read('none')).toEqual(new Float32Array(0));
    expect([...file.read('f8')]).toEqual([9 * 2 ** -9]);
    expect(errorOf(() => file.read('c64'))).toMatchObject({
      code: 'unsupported-format',
      fields: { tensor: 'c64', dtype: 'C64' },
    });
    expect(errorOf(() => file.read('big'))).toMatchObject({ code: 'unsupported-format', fields: { tensor: 'big' } });
    expect(errorOf(() => file.read('lomg'))).toMatchObject({
      code: 'unknown-name',
      fields: { name: 'lomg', nearest: ['long'] },
    });
  });

  const entry = (dtype: string, shape: unknown, from: number, to: number) => ({
    dtype,
    shape,
    data_offsets: [from, to],
  });
  const broken: [string, unknown, number, RegExp][] = [
    ['not JSON', '{"a":', 0, /header is not JSON/],
    ['not an object', '[1]', 0, /does not start with "\{"/],
    ['an overlap', { a: entry('F32', [2], 0, 8), b: entry('F32', [1], 4, 8) }, 8, /"b" overlaps/],
    [
      'a gap',
      { a: entry('F32', [1], 0, 4), b: entry('F32', [1], 8, 12) },
      12,
      /"b" leaves a gap .* expected byte 4, got 8/,
    ],
    ['bytes left over', { a: entry('F32', [1], 0, 4) }, 5, /do not fill it/],
    ['data cut off', { a: entry('F32', [2], 0, 8) }, 5, /do not fill it/],
    ['a size unlike its shape', { a: entry('F32', [3], 0, 8) }, 8, /expected 12 bytes for F32 \[3\], got 8/],
    [
      'a product beyond all bounds',
      { a: entry('F32', [2 ** 52, 2 ** 52], 0, 8) },
      8,
      /does not have the size of its shape/,
    ],
    ['a lying offset', { a: entry('U8', [2 ** 50], 0, 2 ** 50) }, 8, /do not fill it/],
    ['a dtype that is no text', { a: { ...entry('U8', [1], 0, 1), dtype: 3 } }, 1, /has no dtype: got 3/],
    ['a negative size', { a: entry('U8', [-1], 0, 0) }, 0, /no valid shape/],
    ['a fraction', { a: entry('U8', [0.5], 0, 0) }, 0, /no valid shape/],
    ['offsets backwards', { a: entry('U8', [1], 1, 0) }, 1, /no valid data_offsets/],
    ['metadata that are no text', { __metadata__: { a: 1 } }, 0, /__metadata__ "a" is not a string/],
    ['deep nesting', `{"a":${'['.repeat(1_000_000)}`, 0, /nested too deeply/],
    ['a flood of brackets', `{"a":[${'[],'.repeat(10)}1]}`, 0, /not described by an object/],
    ['millions of values', `{${'"a":1,'.repeat(4_100_000)}"b":1}`, 0, /more values than any model/],
  ];
  it.each(broken)('refuses %s', (_, header, dataBytes, sentence) => {
    const path = rawFile(header, new Uint8Array(dataBytes));
    expect(() => openSafetensors(path)).toThrow(sentence);
    expect(errorOf(() => openSafetensors(path))).toMatchObject({ code: 'invalid-safetensors', fields: { path } });
  });

  it('widens 8-bit floats exactly', () => {
    // what PyTorch gives for these bytes as float8_e4m3fn and as float8_e5m2
    const bytes = [0x00, 0x01, 0x07, 0x08, 0x38, 0x7b, 0x7e, 0x81, 0xc5, 0x7f, 0xff];
    const path = rawFile(
      {
        a: { dtype: 'F8_E4M3', shape: [11], data_offsets: [0, 11] },
        b: { dtype: 'F8_E5M2', shape: [2, 6], data_offsets: [11, 23] },
      },
      Buffer.from([...bytes, ...bytes, 0x7c]),
    );
    const file = openSafetensors(path);
    expect([...file.read('a')]).toEqual([
      ...[0, 0.001953125, 0.013671875, 0.015625, 1, 352, 448, -0.001953125, -3.25, Number.NaN, Number.NaN],
    ]);
    expect([...file.read('b')]).toEqual([
      ...[0, 1.52587890625e-5, 1.068115234375e-4, 1.220703125e-4, 0.5, 57344, Number.NaN],
      ...[-1.52587890625e-5, -5, Number.NaN, Number.NaN, Number.POSITIVE_INFINITY],
    ]);
  });

  it.each(['F4', 'F6_E2M3', 'F8_E8M0', 'toString'])('refuses dtype %s by its name: the file is whole', (dtype) => {
    const path = rawFile({ a: entry(dtype, [1], 0, 4) }, new Uint8Array(4));
    expect(errorOf(() => openSafetensors(path))).toMatchObject({
      code: 'unsupported-format',
      fields: { path, tensor: 'a', dtype },
    });
  });

  it('refuses what is too short, has a lying header length, is a folder or is not there', () => {
    writeFileSync(at('short'), Uint8Array.of(1, 2, 3));
    expect(errorOf(() => openSafetensors(at('short')))).toMatchObject({ code: 'invalid-safetensors' });
    writeFileSync(at('lying'), new Uint8Array(40).fill(255));
    expect(() => openSafetensors(at('lying'))).toThrow(/expected at most 32 bytes of header, got 18446744073709551615/);
    expect(errorOf(() => openSafetensors(folder))).toMatchObject({ code: 'file-unreadable', fields: { path: folder } });
    expect(errorOf(() => openSafetensors(at('missing')))).toMatchObject({
      code: 'file-not-found',
      fields: { path: at('missing'), errno: 'ENOENT' },
    });
  });

  it('says so when the file shrinks after it was opened', () => {
    const path = rawFile({ a: entry('F32', [2], 0, 8) }, new Uint8Array(8), 'shrinks');
    const file = openSafetensors(path);
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    expect(errorOf(() => file.read('a'))).toMatchObject({ code: 'invalid-safetensors', fields: { path } });
  });
});

describe('writeSafetensors', () => {
  it('gives back what was written, aligned, with metadata', async () => {
    const path = at('written');
    const odd = Float32Array.of(1, 2, 3); // 12 bytes: aligned to 4
    const wide = Float32Array.from({ length: 32 }, (_, i) => i); // 128 bytes: aligned to 64
    const exact = Float64Array.of(Math.PI);
    await writeSafetensors(
      path,
      [
        safetensorsSource('odd', [3, 1], odd),
        safetensorsSource('wide', [4, 8], wide),
        safetensorsSource('exact', [], exact),
        safetensorsSource('ids', [1, 1], Int32Array.of(-1)),
      ],
      { note: 'ü"' },
    );
    const file = openSafetensors(path);
    expect(file.metadata).toEqual({ note: 'ü"' });
    expect([...file.tensors.keys()]).toEqual(['wide', 'exact', 'odd', 'ids']);
    expect(file.tensors.get('wide')!.byteOffset % 64).toBe(0);
    expect(file.tensors.get('exact')!.byteOffset % 8).toBe(0);
    expect(file.tensors.get('odd')!.shape).toEqual([3, 1]);
    for (const [name, data] of Object.entries({ odd, wide, exact, ids: Int32Array.of(-1) })) {
      expect(file.read(name)).toEqual(data);
    }
  });

  it('streams chunks one after another, each made when its turn comes', async () => {
    const made: string[] = [];
    function* chunks(name: string) {
      for (let i = 0; i < 3; i++) {
        made.push(`${name}${i}`);
        yield Float32Array.of(i, i);
      }
    }
    const source = (name: string) => ({ name, dtype: 'F32' as const, shape: [3, 2], data: () => chunks(name) });
    await writeSafetensors(at('streamed'), [source('a'), source('b')]);
    expect(made).toEqual(['a0', 'a1', 'a2', 'b0', 'b1', 'b2']);
    expect([...openSafetensors(at('streamed')).read('b')]).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it('leaves nothing when data do not fill a shape or a name comes twice', async () => {
    const before = await readdir(folder);
    const tensor = safetensorsSource('a', [3], Float32Array.of(1, 2));
    await expect(writeSafetensors(at('bad'), [tensor])).rejects.toMatchObject({ code: 'internal', kind: 'internal' });
    const long = safetensorsSource('a', [1], Float32Array.of(1, 2));
    await expect(writeSafetensors(at('bad'), [long])).rejects.toThrow(/got 8 or more/);
    await expect(writeSafetensors(at('bad'), [long, long])).rejects.toMatchObject({
      code: 'internal',
      fields: { tensor: expect.any(String) },
    });
    expect(await readdir(folder)).toEqual(before);
  });
});

describe('mutated files', () => {
  /** A small linear congruential generator, so that a failure can be repeated. */
  function randomInts(seed: number) {
    let state = seed >>> 0;
    return (limit: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    };
  }

  it('10,000 of them give a clean read or a sentence, and never more numbers than the file holds', async () => {
    await writeSafetensors(
      at('seed'),
      [
        safetensorsSource('a', [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)),
        safetensorsSource('b', [4], Int32Array.of(1, 2, 3, 4)),
        safetensorsSource('c', [0], Float64Array.of()),
      ],
      { format: 'pt' },
    );
    const seed = readFileSync(at('seed'));
    const headerBytes = seed.length - 40;
    const tokens = [
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '0',
      '9',
      '-',
      '1e9',
      'null',
      'F16',
      '9007199254740993',
      ' ',
      '\\',
    ];
    const int = randomInts(20250101);
    // kept open: closing a file that was just truncated makes some file systems wait for the disk
    const mutant = openSync(at('mutant'), 'w');
    const outcomes = { clean: 0, sentence: 0 };
    for (let round = 0; round < 10_000; round++) {
      let bytes = Buffer.from(seed);
      for (let edits = 1 + int(3); edits > 0; edits--) {
        const place = int(headerBytes);
        const token = Buffer.from(tokens[int(tokens.length)]!);
        const kind = int(6);
        if (kind === 0) bytes[Math.min(place, bytes.length - 1)] = int(256);
        else if (kind === 1) token.copy(bytes, place);
        else if (kind === 2)
          bytes = bytes.subarray(0, 1 + int(bytes.length)); // torn
        else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, place), token, bytes.subarray(place)]);
        else if (kind === 4)
          bytes[int(8) % bytes.length] = int(256); // the length
        else bytes[bytes.length - 1 - int(Math.min(40, bytes.length))] = int(256); // the data
      }
      // every other time the length is put right, so that the text behind it is read
      if (int(2) === 0 && bytes.length > 48) bytes.writeBigUInt64LE(BigInt(bytes.length - 48));
      writeSync(mutant, bytes, 0, bytes.length, 0);
      ftruncateSync(mutant, bytes.length);
      try {
        const file = openSafetensors(at('mutant'));
        const read = [...file.tensors].reduce((total, [name, { byteLength }]) => {
          file.read(name);
          return total + byteLength;
        }, 0);
        expect(read).toBeLessThanOrEqual(bytes.length);
        outcomes.clean++;
      } catch (error) {
        if (!(error instanceof AutoCircuitError)) throw new Error(`round ${round}`, { cause: error });
        outcomes.sentence++;
      }
    }
    closeSync(mutant);
    expect(outcomes.clean + outcomes.sentence).toBe(10_000);
    expect(outcomes.clean).toBeGreaterThan(100);
    expect(outcomes.sentence).toBeGreaterThan(1000);
  });
});
