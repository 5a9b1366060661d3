/** @file Weights as ONNX external data: mapped from their files, or handed over from memory. */
import { realpathSync } from 'node:fs';
import path from 'node:path';
import {
  AutoCircuitError,
  checkWeightShape,
  elementCount,
  type Program,
  type Shape,
  type WeightEntry,
  type WeightStore,
} from '@auto-circuit/core/backend';
import type { GraphWriter } from './graph-writer.js';
import type { WeightView } from './weight-views.js';

/** Weights in memory, given to the session as a file that exists only there. */
export interface MemoryFile {
  readonly path: string;
  readonly data: Uint8Array;
}
type Place = { readonly location: string; readonly offset: number } | { readonly bytes: Uint8Array };

const FLOAT_BYTES = 4;
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
      'file' in e ? [{ name, file: realFile(name, e.file), offset: e.byteOffset }] : [],
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
    for (const { name, file, offset } of inFiles) {
      places.set(name, { location: path.relative(this.folder!, file).split(path.sep).join('/'), offset });
    }
    // onnxruntime takes external data all from memory or all from files; beside files, memory goes into the model.
    const memoryFiles: MemoryFile[] = [];
    for (const [i, { name, bytes }] of inMemory.entries()) {
      const location = `memory/${i}`;
      if (this.folder === undefined) memoryFiles.push({ path: location, data: bytes });
      places.set(name, this.folder === undefined ? { location, offset: 0 } : { bytes });
    }
    this.memoryFiles = memoryFiles;
    this.#places = places;
  }

  /** The ONNX name of a window. */
  write(writer: GraphWriter, { weight, offset, shape }: WeightView): string {
    const place = this.#places.get(weight)!;
    const [start, length] = [offset * FLOAT_BYTES, elementCount(shape) * FLOAT_BYTES];
    return writer.initializer(
      'bytes' in place
        ? { type: 'float', shape, bytes: place.bytes.subarray(start, start + length) }
        : { type: 'float', shape, location: place.location, offset: place.offset + start, length },
    );
  }
}

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
