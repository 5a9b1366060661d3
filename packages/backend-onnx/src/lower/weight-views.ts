/**
 * @file Weights as ONNX external data. A reshape or a contiguous slice of a weight is another window onto the same
 * bytes: it costs neither memory nor time.
 */

import { realpathSync } from 'node:fs';
import path from 'node:path';
import { AutoCircuitError, elementCount, type Program, type WeightStore } from '@auto-circuit/core';
import type { GraphWriter } from './graph-writer.js';
import { isStatic } from './runtime-dims.js';

/** A window onto a weight's numbers, row-major. */
export interface WeightView {
  readonly weight: string;
  /** In numbers, from the start of the weight. */
  readonly offset: number;
  readonly shape: readonly number[];
}

/** The values of a program that are weights or windows onto them, by id. */
export function weightViews(program: Program): Map<number, WeightView> {
  const views = new Map<number, WeightView>();
  for (const value of program.values) {
    if (value.op === 'weight') {
      if (isStatic(value.shape)) views.set(value.id, { weight: value.attributes.name, offset: 0, shape: value.shape });
      continue;
    }
    const of = value.inputs.length === 1 ? views.get(value.inputs[0]!) : undefined;
    if (!of || !isStatic(value.shape)) continue;
    if (value.op === 'reshape' || value.op === 'stopGradient') views.set(value.id, { ...of, shape: value.shape });
    if (value.op === 'slice') {
      const { axis, start } = value.attributes;
      const contiguous = of.shape.slice(0, axis).every((d) => d === 1);
      if (!contiguous || typeof start !== 'number') continue;
      const offset = of.offset + start * elementCount(of.shape.slice(axis + 1));
      views.set(value.id, { weight: of.weight, offset, shape: value.shape });
    }
  }
  return views;
}

/** Weights that lie in memory: handed to the session as files that exist only there. */
export interface MemoryFile {
  readonly path: string;
  readonly data: Uint8Array;
}

const FLOAT_BYTES = 4;
/** Beyond this, weights in memory would be copied into the session with no need: they belong in a file. */
const MEMORY_LIMIT = 2 ** 30;

/** Looks weights up, checks their shapes, and writes windows onto them into the graph. */
export class WeightFiles {
  /** The folder that holds all files, when there are files. */
  readonly folder: string | undefined;
  readonly memoryFiles: readonly MemoryFile[];
  /** Bytes of all weights the program reads. */
  readonly bytes: number;
  readonly #locations = new Map<string, { readonly location: string; readonly offset: number }>();

  constructor(program: Program, names: ReadonlySet<string>, weights: WeightStore) {
    const declared = new Map(
      program.values.flatMap((v) => (v.op === 'weight' ? [[v.attributes.name, v.shape] as const] : [])),
    );
    const files = new Map<string, string>();
    const memoryFiles: MemoryFile[] = [];
    let bytes = 0;
    let inMemory = 0;
    for (const name of names) {
      const entry = weights.entry(name);
      const shape = declared.get(name)!;
      if (shape.length !== entry.shape.length || shape.some((d, i) => d !== entry.shape[i])) {
        throw new AutoCircuitError({
          where: `program "${program.name}"`,
          what: `weight "${name}" has the wrong shape`,
          expected: `[${shape.join(', ')}]`,
          got: `[${entry.shape.join(', ')}]`,
        });
      }
      bytes += elementCount(entry.shape) * FLOAT_BYTES;
      if ('data' in entry) {
        const { buffer, byteOffset, byteLength } = entry.data;
        const location = `memory/${memoryFiles.length}`;
        memoryFiles.push({ path: location, data: new Uint8Array(buffer, byteOffset, byteLength) });
        this.#locations.set(name, { location, offset: 0 });
        inMemory += byteLength;
      } else {
        // Hub caches are symlinks out of their folder, which onnxruntime refuses to follow.
        files.set(name, realpathSync(entry.file));
        this.#locations.set(name, { location: '', offset: entry.byteOffset });
      }
    }
    if (inMemory > MEMORY_LIMIT) {
      throw new AutoCircuitError({
        where: 'backend-onnx',
        what: `the weights of program "${program.name}" lie in memory and are too big to be copied`,
        expected: `at most ${MEMORY_LIMIT} bytes`,
        got: `${inMemory}`,
        fix: 'write them to a safetensors file and give their place in it',
      });
    }
    this.folder = commonFolder([...files.values()]);
    for (const [name, file] of files) {
      const location = path.relative(this.folder!, file).split(path.sep).join('/');
      this.#locations.set(name, { location, offset: this.#locations.get(name)!.offset });
    }
    this.memoryFiles = memoryFiles;
    this.bytes = bytes;
  }

  /** The ONNX name of a window. */
  write(writer: GraphWriter, view: WeightView): string {
    const { location, offset } = this.#locations.get(view.weight)!;
    return writer.initializer({
      type: 'float',
      shape: view.shape,
      location,
      offset: offset + view.offset * FLOAT_BYTES,
      length: elementCount(view.shape) * FLOAT_BYTES,
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
          where: 'backend-onnx',
          what: 'the weight files lie on different drives',
          expected: 'one folder above all of them',
          got: `${first} and ${other}`,
          fix: 'move them to one drive',
        });
      }
      folder = parent;
    }
  }
  return folder;
}
