/**
 * @file Symbolic dims inside the ONNX graph: the size of each symbol is read once from an input that has it as an axis, and where
 * ONNX takes shapes as tensors, they are computed from these sizes.
 */
import {
  AutoCircuitError,
  type Dim,
  dimKey,
  dimsEqual,
  mayBeEmpty,
  type Program,
  type Shape,
  shapeKey,
  symbolsOf,
} from '@auto-circuit/core/backend';
import type { GraphWriter } from './graph-writer.js';
import { ONNX_TYPES } from './onnx-file.js';

/** Where a symbol's size can be read: that axis has the size `factor · symbol + offset`. */
interface SymbolSource {
  readonly input: string;
  readonly axis: number;
  readonly factor: number;
  readonly offset: number;
}

/** The one symbol in which a dim is linear, if it is. */
function linearIn(dim: Dim): { symbol: string; factor: number; offset: number } | undefined {
  if (typeof dim === 'number') return undefined;
  const symbols = symbolsOf(dim);
  const [symbol] = symbols;
  if (symbol === undefined || symbols.length > 1) return undefined;
  if (dim.terms.some(([monomial]) => monomial !== '' && monomial !== symbol)) return undefined;
  const coefficient = (monomial: string): number => dim.terms.find(([m]) => m === monomial)?.[1] ?? 0;
  return { symbol, factor: coefficient(symbol), offset: coefficient('') };
}
const isPlain = ({ factor, offset }: { factor: number; offset: number }): boolean => factor === 1 && offset === 0;

/** The dims of one graph; what is asked for twice is written once. */
export class RuntimeDims {
  readonly #writer: GraphWriter;
  readonly #program: Program;
  readonly #sources = new Map<string, SymbolSource>();
  readonly #known = new Map<string, string>();

  /** `inputName` gives the ONNX name of a program input. */
  constructor(writer: GraphWriter, program: Program, inputName: (name: string) => string) {
    this.#writer = writer;
    this.#program = program;
    for (const value of program.values) {
      if (value.op !== 'input') continue;
      value.shape.forEach((dim, axis) => {
        const linear = linearIn(dim);
        if (!linear) return;
        const known = this.#sources.get(linear.symbol);
        if (known && (isPlain(known) || !isPlain(linear))) return;
        this.#sources.set(linear.symbol, { input: inputName(value.attributes.name), axis, ...linear });
      });
    }
  }

  #once(key: string, make: () => string): string {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const name = make();
    this.#known.set(key, name);
    return name;
  }

  /** int64 [1] */
  dim(dim: Dim): string {
    if (typeof dim === 'number') return this.#writer.int64s([dim]);
    return this.#once(dimKey(dim), () =>
      dim.terms
        .map(([monomial, coefficient]) => this.#term(monomial, coefficient))
        .reduce((sum, term) => this.#writer.node('Add', [sum, term])),
    );
  }
  #term(monomial: string, coefficient: number): string {
    if (monomial === '') return this.#writer.int64s([coefficient]);
    const product = this.#once(monomial, () =>
      monomial
        .split('*')
        .map((symbol) => this.#symbol(symbol))
        .reduce((a, b) => this.#writer.node('Mul', [a, b])),
    );
    return coefficient === 1 ? product : this.#writer.node('Mul', [product, this.#writer.int64s([coefficient])]);
  }
  #symbol(symbol: string): string {
    const source = this.#sources.get(symbol);
    if (!source) {
      throw new AutoCircuitError({
        code: 'invalid-program',
        where: 'backend-onnx',
        what: `program "${this.#program.name}": no input has an axis from which the size of "${symbol}" follows`,
        fields: { program: this.#program.name, symbol },
        kind: 'internal',
      });
    }
    const { input, axis, factor, offset } = source;
    return this.#once(`symbol ${symbol}`, () => {
      let size = this.#writer.node('Shape', [input], { start: { int: axis }, end: { int: axis + 1 } });
      if (offset !== 0) size = this.#writer.node('Sub', [size, this.#writer.int64s([offset])]);
      return factor === 1 ? size : this.#writer.node('Div', [size, this.#writer.int64s([factor])]);
    });
  }

  /** int32, a scalar. */
  scalar(dim: Dim): string {
    return this.#once(`scalar ${dimKey(dim)}`, () => {
      if (typeof dim === 'number') return this.#writer.constant('int32', [], [dim]);
      const squeezed = this.#writer.node('Squeeze', [this.dim(dim)]);
      return this.#writer.node('Cast', [squeezed], { to: { int: ONNX_TYPES.int32 } });
    });
  }

  /** int64 [rank] */
  shape(shape: Shape): string {
    if (isStatic(shape)) return this.#writer.int64s(shape);
    return this.#once(shapeKey(shape), () => {
      const pieces: string[] = [];
      let run: number[] = [];
      const flush = (): void => {
        if (run.length > 0) pieces.push(this.#writer.int64s(run));
        run = [];
      };
      for (const dim of shape) {
        if (typeof dim === 'number') run.push(dim);
        else {
          flush();
          pieces.push(this.dim(dim));
        }
      }
      flush();
      return pieces.length === 1 ? pieces[0]! : this.#writer.node('Concat', pieces, { axis: { int: 0 } });
    });
  }

  /** Reshapes, with ONNX's 0 (the same as in the input) and −1 (whatever is left) where they save a computed shape. */
  reshape(x: string, from: Shape, to: Shape): string {
    if (from.length === to.length && from.every((d, i) => dimsEqual(d, to[i]!))) return x;
    const short = to.map((dim, i) =>
      typeof dim === 'number' ? dim : i < from.length && dimsEqual(from[i]!, dim) ? 0 : -1,
    );
    const rests = short.filter((d) => d === -1).length;
    // With an empty axis, nothing is left from which −1 could follow.
    const plain = rests <= (to.some(mayBeEmpty) ? 0 : 1) && !to.includes(0) && !from.includes(0);
    return plain
      ? this.#writer.node('Reshape', [x, this.#writer.int64s(short)])
      : this.#writer.node('Reshape', [x, this.shape(to)], { allowzero: { int: 1 } });
  }
}

/** Whether no symbol is left in a shape. */
export const isStatic = (shape: Shape): shape is readonly number[] => shape.every((d) => typeof d === 'number');
