/**
 * @file Zeros are kept out: the gradient of a slice is zero outside of it, and so is much of what is made of it. Such values are
 * computed by the part alone, and padded only where somebody reads them whole; a sum over the padded axis is one over the part.
 *
 * @example
 * const program = pushDownSlices(eliminatePads(simplify(b.build())));   // gradients of a model that is read at its last position
 */
import { dimsEqual, type Shape, subtractDims } from '../program/dims.js';
import type { AnyValue, OpName, Program, Value } from '../program/program.js';
import {
  alignedPart,
  cut,
  cutShape,
  isAxis,
  NO_RULES,
  type Part,
  padded,
  partOf,
  reshapedPart,
  samePart,
} from './regions.js';
import { Rewriter } from './rules/rewriter.js';

/** A value that is zero outside of a part, by that part alone. */
interface Core {
  readonly part: Part;
  readonly id: number;
}
/** What a rule gives: a core, or the id of the whole value. */
type Made = Core | number;

/** The same outputs, with fewer zeros computed. */
export function eliminatePads(program: Program): Program {
  if (!program.values.some(({ op }) => op === 'pad')) return program;
  const writing = new Writing(program);
  for (const value of program.values) {
    const rule = BY_CORE[value.op] as CoreRule<OpName> | undefined;
    writing.put(value, rule?.(writing, value as never) ?? writing.remade(value));
  }
  const outputs = program.outputs.map(({ name, id }) => ({ name, id: writing.whole(id) }));
  return { name: program.name, values: writing.r.values, outputs };
}

class Writing {
  readonly r = new Rewriter(NO_RULES);
  readonly #program: Program;
  readonly #cores = new Map<number, Core>();
  readonly #whole: number[] = [];

  constructor(program: Program) {
    this.#program = program;
  }
  shape(id: number): Shape {
    return this.#program.values[id]!.shape;
  }
  core(id: number): Core | undefined {
    return this.#cores.get(id);
  }
  /** The value with its zeros. */
  whole(id: number): number {
    const core = this.#cores.get(id);
    this.#whole[id] ??= padded(this.r, core!.id, this.shape(id), core!.part);
    return this.#whole[id]!;
  }
  /** A part of it: its core, or cut out. */
  part(id: number, part: Part): number {
    const core = this.core(id);
    return core && samePart(core.part, part) ? core.id : cut(this.r, this.whole(id), this.shape(id), part);
  }
  /** Whether it is a constant all of whose numbers are so. */
  isConstant(id: number, fits: (x: number) => boolean): boolean {
    const { op, attributes } = this.#program.values[id]!;
    return op === 'constant' && (attributes as { data: readonly number[] }).data.every(fits);
  }
  remade(value: AnyValue): number {
    return this.r.remake(
      value,
      value.inputs.map((id) => this.whole(id)),
    );
  }
  /** A core has no role: what it is a part of is never looked at. */
  put({ id, role, composite }: AnyValue, made: Made): void {
    if (typeof made !== 'number') {
      this.#cores.set(id, made);
      return;
    }
    this.#whole[id] = made;
    if (role) this.r.annotate(made, { role });
    if (!composite) return;
    const inputs = composite.inputs.map((input) => this.whole(input));
    if (inputs.every((input) => input < made)) this.r.annotate(made, { composite: { ...composite, inputs } });
  }
}

type CoreRule<K extends OpName> = (w: Writing, value: Value<K>) => Made | undefined;

/** A core of a result whose axes are aligned with its operand's; undefined where that is spread along the part's axis. */
function outward(w: Writing, id: number, shape: Shape): Part | undefined {
  const core = w.core(id);
  if (!core) return undefined;
  const axis = core.part.axis + shape.length - w.shape(id).length;
  return dimsEqual(w.shape(id)[core.part.axis]!, shape[axis]!) ? { ...core.part, axis } : undefined;
}
/** An operand as a part of the result needs it. */
function inward(w: Writing, id: number, part: Part, shape: Shape): number {
  const own = alignedPart(part, shape, w.shape(id));
  return own ? w.part(id, own) : w.whole(id);
}

const both: CoreRule<'add' | 'sub'> = (w, { op, inputs, attributes, shape }) => {
  const [a, b] = inputs.map((id) => outward(w, id, shape));
  if (!a || !b || !samePart(a, b)) return undefined;
  return {
    part: a,
    id: w.r.make(
      op,
      inputs.map((id) => w.core(id)!.id),
      attributes,
    ),
  };
};
const reduction: CoreRule<'sum' | 'mean'> = (w, { op, inputs: [x], attributes }) => {
  const core = w.core(x!);
  if (!core) return undefined;
  const { axes, keepDims } = attributes;
  if (!axes.includes(core.part.axis)) {
    const before = keepDims ? 0 : axes.filter((axis) => axis < core.part.axis).length;
    return { part: { ...core.part, axis: core.part.axis - before }, id: w.r.make(op, [core.id], attributes) };
  }
  return op === 'sum' ? w.r.make(op, [core.id], attributes) : undefined; // a mean counts the zeros
};

const BY_CORE: { readonly [K in OpName]?: CoreRule<K> } = {
  pad(w, { inputs: [x], attributes, shape }) {
    const { axis, before, after } = attributes;
    const core = w.core(x!);
    if (core && core.part.axis !== axis) return { part: core.part, id: w.r.make('pad', [core.id], attributes) };
    return { part: partOf(axis, shape[axis]!, before, subtractDims(shape[axis]!, after)), id: w.whole(x!) };
  },
  neg(w, { inputs: [x], attributes }) {
    const core = w.core(x!);
    return core && { part: core.part, id: w.r.make('neg', [core.id], attributes) };
  },
  mul(w, { inputs, attributes, shape }) {
    const part = outward(w, inputs[0]!, shape) ?? outward(w, inputs[1]!, shape);
    return (
      part && {
        part,
        id: w.r.make(
          'mul',
          inputs.map((id) => inward(w, id, part, shape)),
          attributes,
        ),
      }
    );
  },
  div(w, { inputs, attributes, shape }) {
    const [x, y] = inputs as [number, number];
    const part = outward(w, x, shape);
    if (!part || !w.isConstant(y, (divisor) => divisor !== 0)) return undefined; // 0 / 0 is no zero
    return { part, id: w.r.make('div', [w.core(x)!.id, inward(w, y, part, shape)], attributes) };
  },
  add: both,
  sub: both,
  where(w, { inputs, attributes, shape }) {
    const [condition, yes, no] = inputs as [number, number, number];
    const part = outward(w, yes, shape);
    if (!part || !w.isConstant(no, (x) => x === 0)) return undefined;
    return {
      part,
      id: w.r.make(
        'where',
        [inward(w, condition, part, shape), w.part(yes, w.core(yes)!.part), inward(w, no, part, shape)],
        attributes,
      ),
    };
  },
  sum: reduction,
  mean: reduction,
  transpose(w, { inputs: [x], attributes }) {
    const core = w.core(x!);
    if (!core) return undefined;
    const part = { ...core.part, axis: attributes.permutation.indexOf(core.part.axis) };
    return { part, id: w.r.make('transpose', [core.id], attributes) };
  },
  reshape(w, { inputs: [x], shape }) {
    const core = w.core(x!);
    const part = core && reshapedPart(core.part, w.shape(x!), shape);
    return part && { part, id: w.r.make('reshape', [core.id], { shape: cutShape(shape, part) }) };
  },
  broadcast(w, { inputs: [x], shape }) {
    const part = outward(w, x!, shape);
    return part && { part, id: w.r.make('broadcast', [w.core(x!)!.id], { shape: cutShape(shape, part) }) };
  },
  slice(w, { inputs: [x], attributes }) {
    const core = w.core(x!);
    if (!core) return undefined;
    const { part, id } = core;
    const { axis, start, end } = attributes;
    if (axis !== part.axis) return { part, id: w.r.make('slice', [id], attributes) };
    return isAxis(part) && dimsEqual(start, part.start) && dimsEqual(end, part.end) ? id : undefined;
  },
  concat(w, { inputs, attributes }) {
    const cores = inputs.map((id) => w.core(id));
    const [first] = cores;
    if (!first || first.part.axis === attributes.axis) return undefined;
    if (!cores.every((core) => core && samePart(core.part, first.part))) return undefined;
    return {
      part: first.part,
      id: w.r.make(
        'concat',
        cores.map((core) => core!.id),
        attributes,
      ),
    };
  },
  matmul(w, { inputs: [a, b], attributes, shape }) {
    const { transposeA, transposeB } = attributes;
    const [rankA, rankB] = [w.shape(a!).length, w.shape(b!).length];
    const inner = { a: rankA - (transposeA ? 2 : 1), b: rankB - (transposeB ? 1 : 2) };
    const [ofA, ofB] = [w.core(a!)?.part, w.core(b!)?.part];
    const make = (x: number, y: number): number => w.r.make('matmul', [x, y], attributes);
    // Summed over: both operands are cut to what is not zero.
    const summed = ofA?.axis === inner.a ? ofA : ofB?.axis === inner.b ? ofB : undefined;
    if (summed) return make(w.part(a!, { ...summed, axis: inner.a }), w.part(b!, { ...summed, axis: inner.b }));
    if (ofA && ofA.axis >= rankA - 2)
      return { part: { ...ofA, axis: shape.length - 2 }, id: make(w.core(a!)!.id, w.whole(b!)) };
    if (ofB && ofB.axis >= rankB - 2)
      return { part: { ...ofB, axis: shape.length - 1 }, id: make(w.whole(a!), w.core(b!)!.id) };
    const part = outward(w, a!, shape) ?? outward(w, b!, shape);
    return part && { part, id: make(inward(w, a!, part, shape), inward(w, b!, part, shape)) };
  },
};
