/** @file Weights as ONNX external data: mapped from their files, or handed over from memory. */
import { realpathSync } from 'node:fs';
import path from 'node:path';
import {
  AutoCircuitError,
  checkWeightShape,
  elementCount,
  type HalfDType,
  type Program,
  type Shape,
  type WeightEntry,
  type WeightStore,
} from '@auto-circuit/core/backend';
import type { GraphWriter } from './graph-writer.js';
import { ONNX_TYPES } from './onnx-file.js';
import type { WeightView } from './weight-views.js';

/** Weights in memory, given to the session as a file that exists only there. */
export interface MemoryFile {
  readonly path: string;
  readonly data: Uint8Array;
}
type Place =
  | { readonly location: string; readonly offset: number; readonly dtype: HalfDType | undefined }
  | { readonly bytes: Uint8Array };
/** The ONNX name of a window as float32, and where its numbers have 16 bits, of them as they lie. */
export interface WrittenWeight {
  readonly name: string;
  readonly half?: string;
}

const FLOAT_BYTES = 4;
const HALF_BYTES = 2;
/** The session copies weights in memory; beyond this they belong in a file. */
const MEMORY_LIMIT = 2 ** 30;

/** Looks weights up, checks their shapes, and writes windows onto them into the graph. */
export class WeightFiles {
  /** The folder above all files, when there are files. */
  readonly folder: string | undefined;
  readonly memoryFiles: readonly MemoryFile[];
  readonly #places: ReadonlyMap<string, Place>;

  constructor(program: Program, names: ReadonlySet<string>, weights: WeightStore) {
    const entries = new Map([...names].map((name) => [name, weights.entry(name)] as const));
    checkShapes(program, entries);
    const inFiles = [...entries].flatMap(([name, e]) =>
      'file' in e ? [{ name, file: realFile(name, e.file), offset: e.byteOffset, dtype: e.dtype }] : [],
    );
    const inMemory = [...entries].flatMap(([name, e]) =>
      'data' in e ? [{ name, bytes: new Uint8Array(e.data.buffer, e.data.byteOffset, e.data.byteLength) }] : [],
    );
    checkMemory(
      program,
      inMemory.reduce((sum, { bytes }) => sum + bytes.length, 0),
    );
    this.folder = commonFolder(inFiles.map(({ file }) => file));
    const places = new Map<string, Place>();
    for (const { name, file, offset, dtype } of inFiles) {
      places.set(name, { location: path.relative(this.folder!, file).split(path.sep).join('/'), offset, dtype });
    }
    // onnxruntime takes external data all from memory or all from files; beside files, memory goes into the model.
    const memoryFiles: MemoryFile[] = [];
    for (const [i, { name, bytes }] of inMemory.entries()) {
      const location = `memory/${i}`;
      if (this.folder === undefined) memoryFiles.push({ path: location, data: bytes });
      places.set(name, this.folder === undefined ? { location, offset: 0, dtype: undefined } : { bytes });
    }
    this.memoryFiles = memoryFiles;
    this.#places = places;
  }

  /** Writes a window. Numbers of 16 bits are widened by a node, which is left out where nothing reads it. */
  write(writer: GraphWriter, { weight, offset, shape }: WeightView): WrittenWeight {
    const place = this.#places.get(weight)!;
    const width = 'dtype' in place && place.dtype ? HALF_BYTES : FLOAT_BYTES;
    const [start, length] = [offset * width, elementCount(shape) * width];
    if ('bytes' in place) {
      return { name: writer.initializer({ type: 'float', shape, bytes: place.bytes.subarray(start, start + length) }) };
    }
    const { location, dtype } = place;
    const name = writer.initializer({ type: dtype ?? 'float', shape, location, offset: place.offset + start, length });
    return dtype ? { name: widen(writer, name), half: name } : { name };
  }
}

/** Numbers of 16 bits as float32. */
export const widen = (writer: GraphWriter, name: string): string =>
  writer.node('Cast', [name], { to: { int: ONNX_TYPES.float } });

function checkShapes(program: Program, entries: ReadonlyMap<string, WeightEntry>): void {
  const declared = new Map<string, Shape>();
  for (const value of program.values) if (value.op === 'weight') declared.set(value.attributes.name, value.shape);
  for (const [name, { shape }] of entries) checkWeightShape(program, name, declared.get(name)!, shape);
}

function checkMemory(program: Program, bytes: number): void {
  if (bytes <= MEMORY_LIMIT) return;
  throw new AutoCircuitError({
    code: 'memory-limit',
    where: 'backend-onnx',
    what: `the weights of program "${program.name}" are in memory and too big to be copied`,
    expected: `at most ${MEMORY_LIMIT} bytes`,
    got: `${bytes}`,
    fields: { program: program.name, bytes, limit: MEMORY_LIMIT },
    fix: 'write them to a safetensors file and give their place in it',
  });
}

/** Hub caches are symlinks out of their folder, which onnxruntime refuses to follow. */
function realFile(name: string, file: string): string {
  try {
    return realpathSync(file);
  } catch (cause) {
    throw new AutoCircuitError({
      code: 'file-unreadable',
      where: 'backend-onnx',
      what: `the file of weight "${name}" cannot be read`,
      got: file,
      fix: 'load the model again',
      fields: { path: file, weight: name },
      cause,
    });
  }
}

/** The deepest folder above all files (onnxruntime takes one folder, and paths below it). */
function commonFolder(files: readonly string[]): string | undefined {
  const [first, ...rest] = files.map((file) => path.dirname(file));
  if (first === undefined) return undefined;
  let folder = first;
  for (const other of rest) {
    while (path.relative(folder, other).startsWith('..') || path.isAbsolute(path.relative(folder, other))) {
      const parent = path.dirname(folder);
      if (parent === folder) {
        throw new AutoCircuitError({
          code: 'unsupported-format',
          where: 'backend-onnx',
          what: 'the weight files are on different drives',
          expected: 'one folder above all of them',
          got: `${first} and ${other}`,
          fix: 'move them to one drive',
          fields: { paths: [first, other] },
        });
      }
      folder = parent;
    }
  }
  return folder;
}
