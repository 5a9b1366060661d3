/**
 * @file Makes programs. Every method appends one value and checks its shape at once, so that a mistake is reported at the line
 * that made it.
 *
 * @example
 * const b = new ProgramBuilder('double');
 * const x = b.input('x', 'float', ['batch', 3]);   // [batch, 3]
 * b.output('y', b.mul(x, 2));
 * const program = b.build();
 */
import { AutoCircuitError } from '../../errors/error.js';
import type { DType } from '../../tensor/tensor.js';
import type { LeafOp } from '../ops/op-traits.js';
import { SHAPE_RULES, type ShapeRule, type Typed } from '../ops/shape-rules.js';
import { type Dim, type DimLike, dimKey, shapesEqual, sizeOf, subtractDims, toDim, toShape } from '../program/dims.js';
import type {
  AnyValue,
  CompositeKind,
  OpAttributes,
  OpName,
  Program,
  ProgramOutput,
  Value,
} from '../program/program.js';

/** A value, or a plain number for a constant of the other operand's dtype. */
export type Operand = AnyValue | number;

/** Makes one program, value by value. @throws AutoCircuitError from every method, at once, for operands that do not fit */
export class ProgramBuilder {
  readonly name: string;
  readonly #values: AnyValue[] = [];
  readonly #outputs: ProgramOutput[] = [];
  readonly #leaves = new Map<string, AnyValue>();

  constructor(name: string) {
    this.name = name;
  }

  /** The values so far, to be read only. */
  get values(): readonly AnyValue[] {
    return this.#values;
  }
  /** The value as it is now: naming a value replaces it. */
  value(id: number): AnyValue {
    return this.#values[id]!;
  }

  // ---- leaves -------------------------------------------------------------------------------------------------
  /** A tensor that is fed at every run. The same name twice gives the same value. */
  input(name: string, dtype: DType, shape: readonly DimLike[]): AnyValue {
    return this.#leaf('input', name, dtype, shape);
  }
  /** A weight, float, of a fixed shape. The same name twice gives the same value. */
  weight(name: string, shape: readonly number[]): AnyValue {
    return this.#leaf('weight', name, 'float', shape);
  }
  #leaf(op: 'input' | 'weight', name: string, dtype: DType, shape: readonly DimLike[]): AnyValue {
    const key = `${op} ${name}`;
    const known = this.#leaves.get(key);
    if (known) {
      if (known.dtype !== dtype || !shapesEqual(known.shape, toShape(shape))) {
        throw invalid(this.name, `${key} is asked for with two types`);
      }
      return known;
    }
    const value = this.#append(op, [], { name }, { dtype, shape: toShape(shape) });
    this.#leaves.set(key, value);
    return value;
  }
  /** A scalar, or a small table given row-major with its shape; one number fills any shape. */
  constant(data: number | readonly number[], shape: readonly DimLike[] = [], dtype: DType = 'float'): AnyValue {
    const list = typeof data === 'number' ? [data] : [...data];
    const dims = toShape(shape);
    const size = sizeOf(dims);
    if (list.length !== 1 && list.length !== size) {
      throw invalid(this.name, 'constant data does not fill its shape', {
        expected: dimKey(size),
        got: `${list.length}`,
      });
    }
    return this.#append('constant', [], { data: list }, { dtype, shape: dims });
  }
  /** int, counting 0, 1, 2, … along `axis` of `shape`. */
  iota(shape: readonly DimLike[], axis: number): AnyValue {
    return this.#append('iota', [], { axis }, { dtype: 'int', shape: toShape(shape) });
  }
  /** The size of a dim, an int scalar. */
  dimSize(dim: DimLike): AnyValue {
    return this.apply('dimSize', [], { dim: toDim(dim) });
  }

  // ---- any op -------------------------------------------------------------------------------------------------
  /** Any op by its name; the methods below are short for it. */
  apply<K extends Exclude<OpName, LeafOp>>(op: K, inputs: readonly AnyValue[], attributes: OpAttributes[K]): AnyValue {
    const rule = SHAPE_RULES[op] as ShapeRule<K>;
    return this.#append(
      op,
      inputs.map((v) => this.#own(v).id),
      attributes,
      rule(inputs, attributes),
    );
  }
  #own(value: AnyValue): AnyValue {
    if (this.#values[value.id]?.op !== value.op) {
      throw invalid(this.name, `a value of another program was used in "${this.name}"`);
    }
    return value;
  }
  #append<K extends OpName>(op: K, inputs: readonly number[], attributes: OpAttributes[K], typed: Typed): AnyValue {
    const value = {
      id: this.#values.length,
      op,
      inputs,
      attributes,
      dtype: typed.dtype,
      shape: typed.shape,
    } as Value<K>;
    this.#values.push(value as AnyValue);
    return value as AnyValue;
  }
  /** Appends a copy of a value of another program, with `inputs` in this one: how passes take values over. */
  copy(original: AnyValue, inputs: readonly number[], composite?: AnyValue['composite']): AnyValue {
    const { role } = original;
    const value = { ...original, id: this.#values.length, inputs, ...(role ? { role } : {}) } as {
      -readonly [P in keyof AnyValue]: AnyValue[P];
    };
    if (composite) value.composite = composite;
    else delete value.composite;
    this.#values.push(value as AnyValue);
    if (original.op === 'input' || original.op === 'weight')
      this.#leaves.set(`${original.op} ${original.attributes.name}`, value as AnyValue);
    return value as AnyValue;
  }

  // ---- names for values ---------------------------------------------------------------------------------------
  /** Names what the value is in the model (`L3.attn.pattern`). Use the returned value from here on. */
  role(value: AnyValue, role: string): AnyValue {
    return this.#replace({ ...this.value(value.id), role });
  }
  /** Marks `value` as `kind(inputs)`, which a backend may compute in one step. Use the returned value from here on. */
  composite(
    value: AnyValue,
    kind: CompositeKind,
    inputs: readonly AnyValue[],
    attributes: Readonly<Record<string, number>> = {},
  ): AnyValue {
    return this.#replace({ ...this.value(value.id), composite: { kind, inputs: inputs.map((v) => v.id), attributes } });
  }
  #replace(value: AnyValue): AnyValue {
    this.#values[value.id] = value;
    return value;
  }

  // ---- ops by name: elementwise ones broadcast as in NumPy, and an axis below 0 counts from the end --------------------
  #pair(a: Operand, b: Operand): [AnyValue, AnyValue] {
    if (typeof a === 'number' && typeof b === 'number') return [this.constant(a), this.constant(b)];
    if (typeof a === 'number') return [this.constant(a, [], (b as AnyValue).dtype), b as AnyValue];
    return [a, typeof b === 'number' ? this.constant(b, [], a.dtype) : b];
  }
  add = (a: Operand, b: Operand): AnyValue => this.apply('add', this.#pair(a, b), {});
  sub = (a: Operand, b: Operand): AnyValue => this.apply('sub', this.#pair(a, b), {});
  mul = (a: Operand, b: Operand): AnyValue => this.apply('mul', this.#pair(a, b), {});
  div = (a: Operand, b: Operand): AnyValue => this.apply('div', this.#pair(a, b), {});
  pow = (a: Operand, b: Operand): AnyValue => this.apply('pow', this.#pair(a, b), {});
  maximum = (a: Operand, b: Operand): AnyValue => this.apply('maximum', this.#pair(a, b), {});
  minimum = (a: Operand, b: Operand): AnyValue => this.apply('minimum', this.#pair(a, b), {});
  equal = (a: Operand, b: Operand): AnyValue => this.apply('equal', this.#pair(a, b), {});
  less = (a: Operand, b: Operand): AnyValue => this.apply('less', this.#pair(a, b), {});
  lessEqual = (a: Operand, b: Operand): AnyValue => this.apply('lessEqual', this.#pair(a, b), {});
  and = (a: AnyValue, b: AnyValue): AnyValue => this.apply('and', [a, b], {});
  or = (a: AnyValue, b: AnyValue): AnyValue => this.apply('or', [a, b], {});
  not = (x: AnyValue): AnyValue => this.apply('not', [x], {});
  neg = (x: AnyValue): AnyValue => this.apply('neg', [x], {});
  abs = (x: AnyValue): AnyValue => this.apply('abs', [x], {});
  exp = (x: AnyValue): AnyValue => this.apply('exp', [x], {});
  log = (x: AnyValue): AnyValue => this.apply('log', [x], {});
  sqrt = (x: AnyValue): AnyValue => this.apply('sqrt', [x], {});
  rsqrt = (x: AnyValue): AnyValue => this.apply('rsqrt', [x], {});
  tanh = (x: AnyValue): AnyValue => this.apply('tanh', [x], {});
  erf = (x: AnyValue): AnyValue => this.apply('erf', [x], {});
  sigmoid = (x: AnyValue): AnyValue => this.apply('sigmoid', [x], {});
  relu = (x: AnyValue): AnyValue => this.apply('relu', [x], {});
  cast = (x: AnyValue, to: DType): AnyValue => this.apply('cast', [x], { to });
  stopGradient = (x: AnyValue): AnyValue => this.apply('stopGradient', [x], {});
  /** a where the condition (bool) holds, b elsewhere. */
  where(condition: AnyValue, a: Operand, b: Operand): AnyValue {
    return this.apply('where', [condition, ...this.#pair(a, b)], {});
  }
  /** [batch…, m, k] · [batch…, k, n] → [batch…, m, n]; the flags say which operand is stored with its last two axes swapped. */
  matmul(a: AnyValue, b: AnyValue, { transposeA = false, transposeB = false } = {}): AnyValue {
    return this.apply('matmul', [a, b], { transposeA, transposeB });
  }
  /** Axis i of the result is axis permutation[i] of x. */
  transpose(x: AnyValue, permutation: readonly number[]): AnyValue {
    return this.apply('transpose', [x], { permutation });
  }
  /** The same numbers, row-major, under another shape. */
  reshape(x: AnyValue, shape: readonly DimLike[]): AnyValue {
    return this.apply('reshape', [x], { shape: toShape(shape) });
  }
  /** Repeated along axes of size 1 and new leading axes. */
  broadcast(x: AnyValue, shape: readonly DimLike[]): AnyValue {
    return this.apply('broadcast', [x], { shape: toShape(shape) });
  }
  /** The entries from `start` up to, but without, `end`. */
  slice(x: AnyValue, axis: number, start: DimLike, end: DimLike): AnyValue {
    return this.apply('slice', [x], { axis: this.#axis(x, axis), start: toDim(start), end: toDim(end) });
  }
  /** One after the other along an axis. */
  concat(values: readonly AnyValue[], axis: number): AnyValue {
    return this.apply('concat', values, { axis: this.#axis(values[0]!, axis) });
  }
  /** Zeros before and after along an axis. */
  pad(x: AnyValue, axis: number, before: DimLike, after: DimLike): AnyValue {
    return this.apply('pad', [x], { axis: this.#axis(x, axis), before: toDim(before), after: toDim(after) });
  }
  /** The entries of an axis that the indices name; the indices' shape replaces the axis. */
  gather(x: AnyValue, indices: AnyValue, axis: number): AnyValue {
    return this.apply('gather', [x, indices], { axis: this.#axis(x, axis) });
  }
  /** Zeros of `size` along the axis, plus the updates at their indices; updates of one index are added up. */
  scatterAdd(updates: AnyValue, indices: AnyValue, axis: number, size: DimLike): AnyValue {
    return this.apply('scatterAdd', [updates, indices], { axis, size: toDim(size) });
  }
  sum = (x: AnyValue, axes: number | readonly number[], keepDims = false): AnyValue =>
    this.#reduce('sum', x, axes, keepDims);
  max = (x: AnyValue, axes: number | readonly number[], keepDims = false): AnyValue =>
    this.#reduce('max', x, axes, keepDims);
  mean = (x: AnyValue, axes: number | readonly number[], keepDims = false): AnyValue =>
    this.#reduce('mean', x, axes, keepDims);
  softmax = (x: AnyValue, axis = -1): AnyValue => this.apply('softmax', [x], { axis: this.#axis(x, axis) });
  logSoftmax = (x: AnyValue, axis = -1): AnyValue => this.apply('logSoftmax', [x], { axis: this.#axis(x, axis) });
  #reduce(op: 'sum' | 'max' | 'mean', x: AnyValue, axes: number | readonly number[], keepDims: boolean): AnyValue {
    const list = (typeof axes === 'number' ? [axes] : axes).map((a) => this.#axis(x, a));
    return this.apply(op, [x], { axes: list.sort((a, b) => a - b), keepDims });
  }
  /** Negative axes count from the end. */
  #axis(x: AnyValue, axis: number): number {
    return axis < 0 ? axis + x.shape.length : axis;
  }
  /** One entry of an axis, which stays with size 1. */
  at(x: AnyValue, axis: number, index: DimLike): AnyValue {
    return this.slice(x, axis, index, subtractDims(index, -1));
  }
  /** The size of an axis. */
  dim(x: AnyValue, axis: number): Dim {
    return x.shape[this.#axis(x, axis)]!;
  }

  // ---- the program --------------------------------------------------------------------------------------------
  /** Makes the value an output under this name; one value may have several. */
  output(name: string, value: AnyValue): void {
    if (this.#outputs.some((o) => o.name === name)) {
      throw invalid(this.name, `output "${name}" is named twice`);
    }
    this.#outputs.push({ name, id: this.#own(value).id });
  }
  /** The outputs so far. */
  get outputs(): readonly ProgramOutput[] {
    return this.#outputs;
  }
  /** The program as it is now, frozen; the builder may go on. */
  build(): Program {
    return Object.freeze({
      name: this.name,
      values: Object.freeze([...this.#values]),
      outputs: Object.freeze([...this.#outputs]),
    });
  }
}

function invalid(
  program: string,
  what: string,
  comparison: { readonly expected?: string; readonly got?: string } = {},
): AutoCircuitError {
  return new AutoCircuitError({
    code: 'invalid-program',
    where: 'core/ir',
    what,
    ...comparison,
    fields: { program },
    kind: 'internal',
  });
}
