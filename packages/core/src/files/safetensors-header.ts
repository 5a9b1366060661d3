/**
 * @file The header of a safetensors file: what lies where. Everything in it is checked against the size of the file
 * before it is believed, since the file may be torn or hostile.
 */
import { AutoCircuitError } from '../errors/error.js';

const WHERE = 'safetensors';

/** Bytes of one element. Types with less than a byte are not known here. */
const DTYPE_BYTES = Object.freeze({
  F64: 8,
  I64: 8,
  U64: 8,
  C64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
});
/** A dtype by its name in the format: `F32`, `BF16`, … */
export type SafetensorsDType = keyof typeof DTYPE_BYTES;

/** Bytes of one element. */
export const bytesPerElement = (dtype: SafetensorsDType): number => DTYPE_BYTES[dtype];

/** Where a tensor lies in its file. */
export interface SafetensorsEntry {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** What a file says of itself before any tensor is read. */
export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the data. */
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
}

/** As the format says: no header is larger. */
const HEADER_LIMIT = 100_000_000;
/** A 100 MB header can hold more brackets and names than memory has room for; real ones have some thousands. */
const STRUCTURE_LIMIT = 4_000_000;
/** { name: { shape: [ … ] } } */
const DEPTH_LIMIT = 3;

/** Bytes before the header, which hold its length. */
export const PREFIX_BYTES = 8;

/** The sentence for a file that is not what it says it is. */
export function brokenFile(
  path: string,
  what: string,
  parts: { expected?: string; got?: string } = {},
): AutoCircuitError {
  return new AutoCircuitError({
    code: 'invalid-safetensors',
    fields: { path },
    where: WHERE,
    what: `${path} is not a complete safetensors file: ${what}`,
    ...parts,
    fix: 'download or write the file again',
  });
}

/** The header's length from the first 8 bytes (little-endian), checked against the size of the file. */
export function headerLength(path: string, prefix: Uint8Array, fileBytes: number): number {
  if (prefix.length < PREFIX_BYTES) {
    throw brokenFile(path, 'it is too short', { expected: `at least ${PREFIX_BYTES} bytes`, got: `${prefix.length}` });
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  const limit = Math.min(HEADER_LIMIT, fileBytes - PREFIX_BYTES);
  if (length > BigInt(limit)) {
    throw brokenFile(path, 'its header does not fit', {
      expected: `at most ${limit} bytes of header`,
      got: `${length}`,
    });
  }
  return Number(length);
}

/**
 * Reads the header text. The data starts right after it and must be covered exactly, without gaps and overlaps.
 * @param bytes the header, without the 8 bytes before it
 * @throws AutoCircuitError naming the file and the first thing that is wrong; `unsupported-format` for a dtype that is not known
 */
export function parseHeader(path: string, bytes: Uint8Array, fileBytes: number): SafetensorsHeader {
  checkStructure(path, bytes);
  const json = parseJson(path, bytes);
  const dataStart = PREFIX_BYTES + bytes.length;
  let metadata: Record<string, string> = {};
  const entries: [string, SafetensorsEntry][] = [];
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') metadata = parseMetadata(path, value);
    else entries.push([name, parseEntry(path, name, value, dataStart)]);
  }
  entries.sort(([, a], [, b]) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  let end = dataStart;
  for (const [name, entry] of entries) {
    if (entry.byteOffset !== end) {
      const kind = entry.byteOffset < end ? 'overlaps the one before it' : 'leaves a gap before it';
      throw brokenFile(path, `tensor ${quoted(name)} ${kind}`, {
        expected: `byte ${end - dataStart}`,
        got: `${entry.byteOffset - dataStart}`,
      });
    }
    end += entry.byteLength;
  }
  if (end !== fileBytes) {
    throw brokenFile(path, 'the tensors do not fill it', {
      expected: `${end} bytes by its header`,
      got: `${fileBytes}`,
    });
  }
  return Object.freeze({ metadata: Object.freeze(metadata), tensors: new Map(entries) });
}

/** Refuses text whose nesting or sheer number of values would exhaust memory once parsed. */
function checkStructure(path: string, bytes: Uint8Array): void {
  let depth = 0;
  let structure = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      structure++;
      if (++depth > DEPTH_LIMIT) throw brokenFile(path, 'its header is nested too deeply');
    } else if (byte === 0x7d || byte === 0x5d) depth--;
    else if (byte === 0x3a) structure++;
  }
  if (structure > STRUCTURE_LIMIT) throw brokenFile(path, 'its header lists more values than any model has');
}

function parseJson(path: string, bytes: Uint8Array): Record<string, unknown> {
  if (bytes[0] !== 0x7b) throw brokenFile(path, 'its header does not start with "{"');
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw brokenFile(path, 'its header is not JSON', { got: cause instanceof Error ? cause.message : String(cause) });
  }
  if (!isRecord(value)) throw brokenFile(path, 'its header is not a JSON object');
  return value;
}

function parseMetadata(path: string, value: unknown): Record<string, string> {
  if (!isRecord(value)) throw brokenFile(path, '__metadata__ is not an object');
  const pairs = Object.entries(value).map(([key, text]): [string, string] => {
    if (typeof text !== 'string') throw brokenFile(path, `__metadata__ ${quoted(key)} is not a string`);
    return [key, text];
  });
  return Object.fromEntries(pairs);
}

function parseEntry(path: string, name: string, value: unknown, dataStart: number): SafetensorsEntry {
  const tensor = `tensor ${quoted(name)}`;
  if (!isRecord(value)) throw brokenFile(path, `${tensor} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string') throw brokenFile(path, `${tensor} has no dtype`, { got: shown(dtype) });
  if (!isDType(dtype)) {
    throw new AutoCircuitError({
      code: 'unsupported-format',
      fields: { path, tensor: name, dtype },
      where: WHERE,
      what: `${tensor} of ${path} has an unknown dtype`,
      expected: `one of ${Object.keys(DTYPE_BYTES).join(', ')}`,
      got: shown(dtype),
      fix: 'use a file in float32, float16 or bfloat16',
    });
  }
  if (!isCounts(shape)) throw brokenFile(path, `${tensor} has no valid shape`, { got: shown(shape) });
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[1]! < offsets[0]!) {
    throw brokenFile(path, `${tensor} has no valid data_offsets`, { got: shown(offsets) });
  }
  const [start, end] = [offsets[0]!, offsets[1]!];
  const byteLength = shape.reduce((product, size) => product * size, bytesPerElement(dtype));
  if (byteLength !== end - start) {
    throw brokenFile(path, `${tensor} does not have the size of its shape`, {
      expected: `${byteLength} bytes for ${dtype} [${shape.join(', ')}]`,
      got: `${end - start}`,
    });
  }
  return Object.freeze({ dtype, shape: Object.freeze(shape), byteOffset: dataStart + start, byteLength });
}

const isDType = (name: string): name is SafetensorsDType => Object.hasOwn(DTYPE_BYTES, name);

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 80);
const quoted = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
