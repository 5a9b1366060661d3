/**
 * @file Reads safetensors files, one tensor at a time; `safetensors-write.ts` writes them.
 *
 * @example
 * const file = openSafetensors('model.safetensors');
 * const weights = file.read('wte.weight'); // [vocab, dModel], row-major
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import { AutoCircuitError } from '../errors/error.js';
import { unknownName } from '../errors/names.js';
import { fileError } from './file-error.js';
import { changedFile, openFileStamp } from './file-stamp.js';
import { halfToNumber } from './half.js';
import {
  brokenFile,
  headerLength,
  PREFIX_BYTES,
  parseHeader,
  type SafetensorsDType,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from './safetensors-header.js';

export type { SafetensorsDType, SafetensorsEntry } from './safetensors-header.js';

/** F32, F16, BF16 and 8-bit floats → Float32Array · F64 → Float64Array · integers → Int32Array · U8 and BOOL → Uint8Array. */
export type SafetensorsArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** An open file: its header, and tensors when they are asked for. */
export interface SafetensorsFile extends SafetensorsHeader {
  readonly path: string;
  /**
   * The numbers of one tensor, row-major; halves and 8-bit floats are widened.
   * @throws AutoCircuitError for an unknown name, a dtype without a meaning here, an int64 beyond int32, a file that became
   * another since it was opened
   */
  read(name: string): SafetensorsArray;
  /** The same of the rows [start, stop) along the first axis, and of no others. Throws like `read`. */
  readRows(name: string, start: number, stop: number): SafetensorsArray;
}

/**
 * Opens a safetensors file: reads and checks its header. No file stays open; each `read` opens it again.
 * @throws AutoCircuitError for a missing, torn or hostile file
 */
export function openSafetensors(path: string): SafetensorsFile {
  let stamp = '';
  const header = withFile(path, (descriptor, fileBytes) => {
    stamp = openFileStamp(descriptor);
    const prefix = readExactly(path, descriptor, 0, Math.min(PREFIX_BYTES, fileBytes));
    const length = headerLength(path, prefix, fileBytes);
    return parseHeader(path, readExactly(path, descriptor, PREFIX_BYTES, length), fileBytes);
  });
  const readPart = (name: string, partOf: (entry: SafetensorsEntry) => SafetensorsEntry): SafetensorsArray => {
    const entry = header.tensors.get(name);
    if (!entry) throw unknownName('safetensors', `tensor in ${path}`, name, [...header.tensors.keys()]);
    const decode = DECODERS[entry.dtype];
    if (!decode) {
      throw new AutoCircuitError({
        code: 'unsupported-format',
        fields: { path, tensor: name, dtype: entry.dtype },
        where: 'safetensors',
        what: `tensor "${name}" of ${path} has a dtype that cannot be read`,
        expected: Object.keys(DECODERS).join(', '),
        got: entry.dtype,
        fix: 'convert the file to float32',
      });
    }
    return decode(readEntry(path, partOf(entry), stamp), name, path);
  };
  const read = (name: string): SafetensorsArray => readPart(name, (entry) => entry);
  const readRows = (name: string, start: number, stop: number): SafetensorsArray =>
    readPart(name, (entry) => rowsOf(entry, start, stop));
  return Object.freeze({ path, metadata: header.metadata, tensors: header.tensors, read, readRows });
}

/** The part of a tensor that holds the rows [start, stop) of its first axis. */
function rowsOf(
  { dtype, shape, byteOffset, byteLength }: SafetensorsEntry,
  start: number,
  stop: number,
): SafetensorsEntry {
  const [rows = 0, ...rest] = shape;
  if (!(start >= 0 && start <= stop && stop <= rows)) throw new RangeError(`rows ${start} to ${stop} of ${rows}`);
  const bytes = rows === 0 ? 0 : byteLength / rows;
  return {
    dtype,
    shape: [stop - start, ...rest],
    byteOffset: byteOffset + start * bytes,
    byteLength: (stop - start) * bytes,
  };
}

function readEntry(path: string, entry: SafetensorsEntry, stamp: string): Uint8Array {
  if (endianness() !== 'LE') {
    throw new AutoCircuitError({
      code: 'unsupported-format',
      fields: { path },
      where: 'safetensors',
      what: 'this machine is big-endian, which is not supported',
    });
  }
  return withFile(path, (descriptor, fileBytes) => {
    if (entry.byteOffset + entry.byteLength > fileBytes) throw brokenFile(path, 'it has shrunk since it was opened');
    const bytes = readExactly(path, descriptor, entry.byteOffset, entry.byteLength);
    // its header may no longer be that of these bytes, nor its tensors of one model
    if (openFileStamp(descriptor) !== stamp) throw changedFile('safetensors', path, 'it was being read');
    return bytes;
  });
}

function withFile<T>(path: string, use: (descriptor: number, fileBytes: number) => T): T {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) {
        throw new AutoCircuitError({
          code: 'file-unreadable',
          fields: { path },
          where: 'safetensors',
          what: `${path} is not a file`,
          fix: 'name a safetensors file',
        });
      }
      return use(descriptor, stat.size);
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    throw fileError('safetensors', 'read', path, cause);
  }
}

/** One read call is limited to 2 GiB. */
const READ_LIMIT = 2 ** 28;

function readExactly(path: string, descriptor: number, from: number, length: number): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(length);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new AutoCircuitError({
      code: 'memory-limit',
      fields: { path, bytes: length },
      where: 'safetensors',
      what: `a tensor of ${path} is too large for one array of this Node`,
      got: `${length} bytes`,
      fix: 'use a newer Node',
      cause,
    });
  }
  let done = 0;
  while (done < length) {
    const got = readSync(descriptor, bytes, done, Math.min(READ_LIMIT, length - done), from + done);
    if (got === 0) throw brokenFile(path, 'it ends early', { expected: `${length} bytes`, got: `${done}` });
    done += got;
  }
  return bytes;
}

type Decode = (bytes: Uint8Array, name: string, path: string) => SafetensorsArray;

/** `bytes` starts at offset 0 of its own buffer, so that every view of it is aligned. */
const DECODERS: Readonly<Partial<Record<SafetensorsDType, Decode>>> = Object.freeze({
  F32: (bytes) => new Float32Array(bytes.buffer),
  F64: (bytes) => new Float64Array(bytes.buffer),
  F16: (bytes) => widenHalves(new Uint16Array(bytes.buffer)),
  BF16: (bytes) => widenBrainHalves(new Uint16Array(bytes.buffer)),
  F8_E4M3: (bytes) => widenBytes(bytes, E4M3),
  F8_E5M2: (bytes) => widenBytes(bytes, E5M2),
  I64: (bytes, name, path) => narrowLongs(new BigInt64Array(bytes.buffer), name, path),
  I32: (bytes) => new Int32Array(bytes.buffer),
  I16: (bytes) => Int32Array.from(new Int16Array(bytes.buffer)),
  U16: (bytes) => Int32Array.from(new Uint16Array(bytes.buffer)),
  I8: (bytes) => Int32Array.from(new Int8Array(bytes.buffer)),
  U8: (bytes) => bytes,
  BOOL: (bytes) => bytes,
});

/** Numbers of 16 bits as float32, exactly. @param bytes from offset 0 of their own buffer */
export const widened = (bytes: Uint8Array, dtype: 'float16' | 'bfloat16'): Float32Array =>
  (dtype === 'float16' ? widenHalves : widenBrainHalves)(new Uint16Array(bytes.buffer));

/** Numbers of a type as they lie in a file, little-endian, wherever the file has them; `path` is for errors. */
export const decodeNumbers = (dtype: SafetensorsDType, bytes: Uint8Array, path: string): SafetensorsArray =>
  DECODERS[dtype]!(bytes.slice(), 'numbers', path);

/** bfloat16 is the upper half of a float32. */
function widenBrainHalves(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}

let halfTable: Float32Array | undefined;

function widenHalves(halves: Uint16Array): Float32Array {
  halfTable ??= Float32Array.from({ length: 65536 }, (_, bits) => halfToNumber(bits));
  const wide = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) wide[i] = halfTable[halves[i]!]!;
  return wide;
}

/** The 256 numbers that a byte stands for, made when first needed. */
interface ByteFloat {
  table?: Float32Array;
  readonly toNumber: (byte: number) => number;
}
/**
 * 8-bit floats as the Open Compute Project's OFP8 specification 1.0 defines them. E4M3: 4 exponent bits of bias 7, no
 * infinities, NaN only where all other bits are set. E5M2: the upper byte of an IEEE binary16.
 */
const E4M3: ByteFloat = {
  toNumber(byte) {
    const sign = byte & 0x80 ? -1 : 1;
    const [exponent, fraction] = [(byte >> 3) & 0xf, byte & 7];
    if (exponent === 0xf && fraction === 7) return Number.NaN;
    return exponent === 0 ? sign * fraction * 2 ** -9 : sign * (1 + fraction / 8) * 2 ** (exponent - 7);
  },
};
const E5M2: ByteFloat = { toNumber: (byte) => halfToNumber(byte << 8) };

function widenBytes(bytes: Uint8Array, kind: ByteFloat): Float32Array {
  kind.table ??= Float32Array.from({ length: 256 }, (_, byte) => kind.toNumber(byte));
  const wide = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) wide[i] = kind.table[bytes[i]!]!;
  return wide;
}

function narrowLongs(longs: BigInt64Array, name: string, path: string): Int32Array {
  const narrow = new Int32Array(longs.length);
  for (let i = 0; i < longs.length; i++) {
    const value = Number(longs[i]!);
    if (value !== (value | 0)) {
      throw new AutoCircuitError({
        code: 'unsupported-format',
        fields: { path, tensor: name },
        where: 'safetensors',
        what: `tensor "${name}" of ${path} holds an int64 that does not fit an int32`,
        got: `${longs[i]}`,
      });
    }
    narrow[i] = value;
  }
  return narrow;
}
