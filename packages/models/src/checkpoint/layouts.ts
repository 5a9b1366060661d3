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

/** Rows `[from, from + count)` of a `[rows, columns]` matrix. */
export const rowRange =
  (name: string, [rows, columns]: readonly [number, number], from: number, count: number): Loader =>
  (raw) =>
    raw.read(name, [rows, columns]).slice(from * columns, (from + count) * columns);

/**
 * Rows packed by group, `[groups, perGroup, …]`, each of the given shape: entries `[from, from + count)` of every group, one group
 * after the other (Falcon: the queries of a group of heads, then their key and their value).
 */
export const groupPart =
  (name: string, shape: readonly number[], groups: number, perGroup: number, from: number, count: number): Loader =>
  (raw) => {
    const source = raw.read(name, shape);
    const size = source.length / (groups * perGroup);
    const out = new Float32Array(groups * count * size);
    for (let group = 0; group < groups; group++) {
      const start = (group * perGroup + from) * size;
      out.set(source.subarray(start, start + count * size), group * count * size);
    }
    return out;
  };

/**
 * Heads whose first `dims` dimensions turn in pairs (0 and 1, 2 and 3, …), in the order in which they turn by halves (0 with
 * dims / 2, …), which leaves every q·k as it is: rows of a matrix `[heads · dHead, columns]`, or a vector `[heads · dHead]`.
 */
export const pairsToHalves =
  (load: Loader, heads: number, dHead: number, dims: number): Loader =>
  (raw) => {
    const source = load(raw);
    const size = source.length / (heads * dHead);
    const out = Float32Array.from(source);
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < dims; i++) {
        const from = head * dHead + (i < dims / 2 ? 2 * i : 2 * i - dims + 1);
        out.set(source.subarray(from * size, (from + 1) * size), (head * dHead + i) * size);
      }
    }
    return out;
  };

/** Vectors one after the other. */
export const stacked =
  (names: readonly string[], size: number): Loader =>
  (raw) => {
    const out = new Float32Array(names.length * size);
    names.forEach((name, i) => {
      out.set(raw.read(name, [size]), i * size);
    });
    return out;
  };

/** Matrices [rows, columns] one after the other: [names, rows, columns]. One at a time is in memory. */
export const stackedMatrices =
  (names: readonly string[], [rows, columns]: readonly [number, number]): Loader =>
  (raw) => {
    const size = rows * columns;
    const out = new Float32Array(names.length * size);
    names.forEach((name, i) => {
      out.set(raw.read(name, [rows, columns]), i * size);
    });
    return out;
  };

/** Each of a stack of matrices [count, rows, columns] turned round: [count, columns, rows]. */
export const eachTransposed =
  (load: Loader, count: number, [rows, columns]: readonly [number, number]): Loader =>
  (raw) => {
    const source = load(raw);
    const out = new Float32Array(source.length);
    for (let n = 0; n < count; n++) {
      const start = n * rows * columns;
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++)
          out[start + column * rows + row] = source[start + row * columns + column]!;
      }
    }
    return out;
  };

/** Of each of a stack of matrices [count, rows, columns] the rows `from`, `from + step`, …, `taken` of them: [count, taken, columns]. */
export const rowsOfEach =
  (
    load: Loader,
    count: number,
    [rows, columns]: readonly [number, number],
    { from, taken, step = 1 }: { readonly from: number; readonly taken: number; readonly step?: number },
  ): Loader =>
  (raw) => {
    const source = load(raw);
    const out = new Float32Array(count * taken * columns);
    for (let n = 0; n < count; n++) {
      for (let i = 0; i < taken; i++) {
        const start = (n * rows + from + i * step) * columns;
        out.set(source.subarray(start, start + columns), (n * taken + i) * columns);
      }
    }
    return out;
  };

/** The first of the prefixes under which the checkpoint has `name`; the first one when none has it. */
export const prefixOf = (raw: RawCheckpoint, prefixes: readonly string[], name: string): string =>
  prefixes.find((prefix) => raw.has(prefix + name)) ?? prefixes[0]!;
