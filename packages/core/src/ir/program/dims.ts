/**
 * @file Dimensions of tensors: integer polynomials over named symbols (`batch`, `pos`, …), so that one
 * program serves every batch and prompt length. Two dims are equal when their normal forms are.
 */
import { AutoCircuitError } from '../../errors/error.js';

/** A polynomial in normal form: terms sorted by monomial, no zero coefficients, never a plain constant. */
export interface DimPolynomial {
  /** `[monomial, coefficient]`; a monomial is its symbols sorted and joined by `*`, the constant term is ''. */
  readonly terms: readonly (readonly [monomial: string, coefficient: number])[];
}
/** The size of an axis, or a number in an attribute. */
export type Dim = number | DimPolynomial;
/** What a caller may write: a number, the name of a symbol, or a dim. */
export type DimLike = Dim | string;
/** Axes from the outermost to the innermost; [] is a scalar. */
export type Shape = readonly Dim[];
/** Symbol → size. */
export type DimSizes = Readonly<Record<string, number>>;

function normal(terms: Iterable<readonly [string, number]>): Dim {
  const sums = new Map<string, number>();
  for (const [monomial, coefficient] of terms) sums.set(monomial, (sums.get(monomial) ?? 0) + coefficient);
  const nonzero = [...sums].filter(([, c]) => c !== 0).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  if (nonzero.length === 0) return 0;
  if (nonzero.length === 1 && nonzero[0]![0] === '') return nonzero[0]![1];
  return Object.freeze({ terms: nonzero });
}
const termsOf = (dim: Dim): readonly (readonly [string, number])[] =>
  typeof dim === 'number' ? (dim === 0 ? [] : [['', dim]]) : dim.terms;
const joinMonomials = (a: string, b: string): string =>
  [...a.split('*'), ...b.split('*')].filter(Boolean).sort().join('*');

/** A dim from what a caller may write. */
export function toDim(dim: DimLike): Dim {
  if (typeof dim !== 'string') return dim;
  return Object.freeze({ terms: [[dim, 1]] as const });
}
/** A shape from what a caller may write. */
export const toShape = (shape: readonly DimLike[]): Shape => shape.map(toDim);

/** The sum, in normal form. */
export const addDims = (...dims: readonly DimLike[]): Dim => normal(dims.flatMap((d) => [...termsOf(toDim(d))]));
/** The negative, in normal form. */
export const negateDim = (dim: DimLike): Dim => normal(termsOf(toDim(dim)).map(([m, c]) => [m, -c] as const));
/** a − b, in normal form. */
export const subtractDims = (a: DimLike, b: DimLike): Dim => addDims(a, negateDim(b));
/** The product, in normal form; 1 of nothing. */
export function multiplyDims(...dims: readonly DimLike[]): Dim {
  let product: Dim = 1;
  for (const dim of dims) product = timesDim(product, toDim(dim));
  return product;
}
function timesDim(a: Dim, b: Dim): Dim {
  if (a === 1) return b;
  if (b === 1) return a;
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  return normal(
    termsOf(a).flatMap(([ma, ca]) => termsOf(b).map(([mb, cb]) => [joinMonomials(ma, mb), ca * cb] as const)),
  );
}

/** One text for each normal form: equal dims have equal keys. */
export function dimKey(dim: Dim): string {
  if (typeof dim === 'number') return String(dim);
  const known = keys.get(dim);
  if (known !== undefined) return known;
  const key = dim.terms.map(([m, c]) => (m === '' ? String(c) : c === 1 ? m : `${c}*${m}`)).join('+');
  keys.set(dim, key);
  return key;
}
// Passes ask for the same dims over and over.
const keys = new WeakMap<DimPolynomial, string>();
/** Equal shapes have equal keys: `[batch, 12]`. */
export const shapeKey = (shape: Shape): string => `[${shape.map(dimKey).join(', ')}]`;
/** Whether two dims are equal whatever the sizes of their symbols. */
export const dimsEqual = (a: Dim, b: Dim): boolean => a === b || dimKey(a) === dimKey(b);
/** Whether two shapes have the same rank and equal dims. */
export const shapesEqual = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((d, i) => dimsEqual(d, b[i]!));
/** The number of elements of a shape. */
export const sizeOf = (shape: Shape): Dim => multiplyDims(...shape);

/** The symbols of a dim, each once. */
export function symbolsOf(dim: Dim): readonly string[] {
  if (typeof dim === 'number') return [];
  const known = symbols.get(dim);
  if (known) return known;
  const found = [...new Set(dim.terms.flatMap(([m]) => m.split('*').filter(Boolean)))];
  symbols.set(dim, found);
  return found;
}
const symbols = new WeakMap<DimPolynomial, readonly string[]>();
/** The symbol that a dim consists of; undefined for numbers and for anything composed. */
export const symbolItself = (dim: Dim): string | undefined =>
  typeof dim !== 'number' && dim.terms.length === 1 && dim.terms[0]![1] === 1 && !dim.terms[0]![0].includes('*')
    ? dim.terms[0]![0]
    : undefined;

/** The prefix of symbols that count rows of sparse runs. Only such a symbol may be 0. */
export const SELECTED = 'selected:';
/** Whether the dim may be 0. */
export const mayBeEmpty = (dim: Dim): boolean =>
  typeof dim !== 'number' && symbolsOf(dim).some((symbol) => symbol.startsWith(SELECTED));

/** The number a dim stands for once its symbols have sizes. @throws AutoCircuitError `invalid-program` for a symbol without a size */
export function evaluateDim(dim: Dim, sizes: DimSizes): number {
  if (typeof dim === 'number') return dim;
  let total = 0;
  for (const [monomial, coefficient] of dim.terms) {
    let product = coefficient;
    if (monomial !== '') {
      for (const symbol of monomial.split('*')) {
        const size = sizes[symbol];
        if (size === undefined) {
          throw new AutoCircuitError({
            code: 'invalid-program',
            where: 'core/ir',
            what: `dimension symbol "${symbol}" has no size`,
            fields: { symbol },
            kind: 'internal',
          });
        }
        product *= size;
      }
    }
    total += product;
  }
  return total;
}
/** The shape once its symbols have sizes. @throws AutoCircuitError `invalid-program` for a symbol without a size */
export const evaluateShape = (shape: Shape, sizes: DimSizes): number[] => shape.map((d) => evaluateDim(d, sizes));

/** NumPy broadcasting of two shapes, aligned at the last axis. @throws AutoCircuitError `wrong-shape` where neither dim is 1 and they differ */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (dimsEqual(x, y)) return x;
    if (x === 1) return y;
    if (y === 1) return x;
    throw new AutoCircuitError({
      code: 'wrong-shape',
      where: 'core/ir',
      what: 'shapes do not broadcast',
      got: `${shapeKey(a)} and ${shapeKey(b)}`,
      fields: { shapes: [shapeKey(a), shapeKey(b)] },
      kind: 'internal',
    });
  });
}
