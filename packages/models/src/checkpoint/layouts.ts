/** @file Loaders for recipes, from raw tensors to canonical ones: as they are, some of their rows or columns, transposed. */
import type { RawCheckpoint } from './hf-folder.js';

/** Loads a matrix or vector in the layout that a recipe wants, float32, row-major. */
export type Loader = (raw: RawCheckpoint) => Float32Array;

/** The tensor as it is. */
export const asIs =
  (name: string, shape: readonly number[]): Loader =>
  (raw) =>
    raw.read(name, shape);

/** Elements `[from, from + count)` of a vector of `size`. */
export const part =
  (name: string, size: number, from: number, count: number): Loader =>
  (raw) =>
    raw.read(name, [size]).slice(from, from + count);

/** A vector with 1 added to each number: for norms that are stored as what is added to 1. */
export const plusOne =
  (name: string, size: number): Loader =>
  (raw) =>
    raw.read(name, [size]).map((x) => x + 1);

/** Columns `[from, from + count)` of a `[rows, columns]` matrix, transposed: `[count, rows]`. */
export const columnsTransposed =
  (name: string, [rows, columns]: readonly [number, number], from: number, count: number): Loader =>
  (raw) => {
    const source = raw.read(name, [rows, columns]);
    const out = new Float32Array(count * rows); // [count, rows]
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < count; i++) out[i * rows + row] = source[row * columns + from + i]!;
    }
    return out;
  };

/** A `[rows, columns]` matrix as `[columns, rows]`. */
export const transposed = (name: string, [rows, columns]: readonly [number, number]): Loader =>
  columnsTransposed(name, [rows, columns], 0, columns);

/**
 * Rows packed per head as `[heads, parts, dHead, columns]` (NeoX: q, k, v of one head lie together): one part as
 * `[heads, dHead, columns]`.
 */
export const headPart =
  (name: string, shape: readonly number[], heads: number, parts: number, which: number): Loader =>
  (raw) => {
    const source = raw.read(name, shape);
    const size = source.length / (heads * parts);
    const out = new Float32Array(heads * size);
    for (let head = 0; head < heads; head++) {
      const from = (head * parts + which) * size;
      out.set(source.subarray(from, from + size), head * size);
    }
    return out;
  };

/** The first of the prefixes under which the checkpoint has `name`; the first one when none has it. */
export const prefixOf = (raw: RawCheckpoint, prefixes: readonly string[], name: string): string =>
  prefixes.find((prefix) => raw.has(prefix + name)) ?? prefixes[0]!;
