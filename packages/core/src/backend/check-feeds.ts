/** @file The check of what is fed to a program; every backend uses it. */
import { AutoCircuitError } from '../errors/error.js';
import { unknownName } from '../errors/names.js';
import {
  type Dim,
  type DimSizes,
  dimKey,
  evaluateDim,
  mayBeEmpty,
  shapeKey,
  symbolItself,
  symbolsOf,
  toDim,
} from '../ir/program/dims.js';
import type { Program, Value } from '../ir/program/program.js';
import type { DType } from '../tensor/tensor.js';
import { elementCount, type TensorData } from '../tensor/tensor.js';
import type { Feeds } from './backend.js';

const FITS: Readonly<Record<DType, (data: TensorData) => boolean>> = {
  float: (data) => data instanceof Float32Array || data instanceof Float64Array,
  int: (data) => data instanceof Int32Array,
  bool: (data) => data instanceof Uint8Array,
};

/** The inputs of a program, in its order. */
export const programInputs = (program: Program): Value<'input'>[] =>
  program.values.filter((v): v is Value<'input'> => v.op === 'input');

interface Observed {
  readonly name: string;
  readonly axis: number;
  readonly dim: Dim;
  readonly size: number;
}

/**
 * Checks the feeds of one run and gives the size of every symbol that their shapes fix. A dim such as `2*pos+1` fixes its symbol,
 * too, when it is the only unknown one.
 *
 * @throws AutoCircuitError `invalid-feed` for a missing feed, a wrong dtype, rank or size, an axis of size 0 (symbols of the prefix
 * `SELECTED` aside), data that do not fill their shape, and inputs that disagree about a symbol; `unknown-name` for an extra feed
 */
export function checkFeeds(program: Program, feeds: Feeds): DimSizes {
  const inputs = programInputs(program);
  const names = inputs.map((v) => v.attributes.name);
  const refuse = (input: string, problem: string, expected: string, got: string): never => {
    throw new AutoCircuitError({
      code: 'invalid-feed',
      where: `program "${program.name}"`,
      what: `input "${input}" ${problem}`,
      expected,
      got,
      fields: { program: program.name, input },
    });
  };
  for (const name of Object.keys(feeds)) {
    if (!names.includes(name)) throw unknownName(`program "${program.name}"`, 'input', name, names);
  }
  const observed: Observed[] = [];
  for (const { attributes, dtype, shape } of inputs) {
    const { name } = attributes;
    const feed = feeds[name];
    if (!feed) return refuse(name, `is not fed`, `${dtype}${shapeKey(shape)}`, 'nothing');
    const given = `[${feed.shape.join(', ')}]`;
    if (feed.dtype !== dtype || !FITS[dtype](feed.data)) {
      refuse(name, `has the wrong dtype`, dtype, `${feed.dtype} in a ${feed.data.constructor.name}`);
    }
    if (feed.shape.length !== shape.length) refuse(name, `has the wrong rank`, shapeKey(shape), given);
    if (feed.shape.some((size, axis) => !Number.isInteger(size) || size < (mayBeEmpty(shape[axis]!) ? 0 : 1))) {
      refuse(name, `has an empty axis`, 'sizes of at least 1', given);
    }
    if (feed.data.length !== elementCount(feed.shape)) {
      refuse(name, `does not fill its shape ${given}`, `${elementCount(feed.shape)} numbers`, `${feed.data.length}`);
    }
    shape.forEach((dim, axis) => {
      observed.push({ name, axis, dim, size: feed.shape[axis]! });
    });
  }
  const sizes = solveSymbols(observed);
  for (const { name, axis, dim, size } of observed) {
    if (!symbolsOf(dim).every((symbol) => symbol in sizes)) continue;
    const wanted = evaluateDim(dim, sizes);
    if (wanted === size) continue;
    const fixed = typeof dim === 'number' ? `${wanted}` : `${dimKey(dim)} = ${wanted} as the other inputs have it`;
    refuse(name, `has the wrong size along axis ${axis}`, fixed, `${size}`);
  }
  return sizes;
}

/** Solves one unknown at a time, as long as some dim is linear in its only unknown. */
function solveSymbols(observed: readonly Observed[]): DimSizes {
  const sizes: Record<string, number> = {};
  // Most dims are a symbol and nothing else; programs of sparse runs have hundreds.
  for (const { dim, size } of observed) {
    const symbol = symbolItself(dim);
    if (symbol !== undefined) sizes[symbol] ??= size;
  }
  for (let progress = true; progress; ) {
    progress = false;
    for (const { dim, size } of observed) {
      const unknown = symbolsOf(dim).filter((symbol) => !(symbol in sizes));
      const [symbol] = unknown;
      if (symbol === undefined || unknown.length > 1) continue;
      const at = (value: number): number => evaluateDim(dim, { ...sizes, [symbol]: value });
      const slope = at(1) - at(0);
      if (slope === 0 || at(2) - at(1) !== slope) continue;
      // Where no whole size fits, the nearest is taken, and the check of this axis refuses it.
      const value = Math.max(mayBeEmpty(toDim(symbol)) ? 0 : 1, Math.floor((size - at(0)) / slope));
      sizes[symbol] = value;
      progress = true;
    }
  }
  return sizes;
}
