/**
 * @file Pad elimination: computing with fewer zeros. The gradient of a slice is zero outside of the slice, and so is much of
 * what is made of it. Such a value is computed only where it is not zero, and padded only for readers that need all of it; a
 * sum over the padded axis is a sum over that region.
 *
 * @example
 * const program = pushDownSlices(eliminatePads(simplify(b.build())));   // gradients of a model that is read at its last position
 */

import { OP_TRAITS, type OpsWith } from '../ops/op-traits.js';
import { dimsEqual, type Shape, subtractDims } from '../program/dims.js';
import type { AnyValue, OpName, Program, Value } from '../program/program.js';
import {
  alignedRegion,
  cut,
  cutShape,
  isAxis,
  NO_RULES,
  padded,
  type Region,
  regionOf,
  reshapedRegion,
  sameRegion,
} from './regions.js';
import { Rewriter } from './rules/rewriter.js';

/** A value that is zero outside of a region: the region, and the id of the value there. */
interface Core {
  readonly region: Region;
  readonly id: number;
}
/** What a rule gives: a core, or the id of the whole value where it is not known to be zero anywhere. */
type Rewritten = Core | number;

/** The same outputs under the same names, with fewer zeros computed. Run `simplify` before and after it. */
export function eliminatePads(program: Program): Program {
  if (!program.values.some(({ op }) => op === 'pad')) return program;
  const rewriter = new PadRewriter(program);
  for (const value of program.values) {
    // The table pairs each op with a rule for its own attributes.
    const rule = ruleOf(value.op) as CoreRule<OpName> | null;
    rewriter.put(value, rule?.(rewriter, value) ?? rewriter.remade(value));
  }
  const outputs = program.outputs.map(({ name, id }) => ({ name, id: rewriter.whole(id) }));
  return { name: program.name, values: rewriter.r.values, outputs };
}

class PadRewriter {
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
    this.#whole[id] ??= padded(this.r, core!.id, this.shape(id), core!.region);
    return this.#whole[id]!;
  }
  /** One region of it: its core where that is the region, and otherwise cut out. */
  region(id: number, region: Region): number {
    const core = this.core(id);
    return core && sameRegion(core.region, region) ? core.id : cut(this.r, this.whole(id), this.shape(id), region);
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
  /** A core takes over no role: the value that has it may never be made. */
  put({ id, role, composite }: AnyValue, made: Rewritten): void {
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

type CoreRule<K extends OpName> = (w: PadRewriter, value: Value<K>) => Rewritten | undefined;

/** The region of an operand's core in a result with aligned axes; undefined where the operand is repeated along that axis. */
function outward(w: PadRewriter, id: number, shape: Shape): Region | undefined {
  const core = w.core(id);
  if (!core) return undefined;
  const axis = core.region.axis + shape.length - w.shape(id).length;
  return dimsEqual(w.shape(id)[core.region.axis]!, shape[axis]!) ? { ...core.region, axis } : undefined;
}
/** What a region of the result needs of an operand with aligned axes. */
function inward(w: PadRewriter, id: number, region: Region, shape: Shape): number {
  const own = alignedRegion(region, shape, w.shape(id));
  return own ? w.region(id, own) : w.whole(id);
}

const both: CoreRule<'add' | 'sub'> = (w, { op, inputs, attributes, shape }) => {
  const [a, b] = inputs.map((id) => outward(w, id, shape));
  if (!a || !b || !sameRegion(a, b)) return undefined;
  return {
    region: a,
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
  if (!axes.includes(core.region.axis)) {
    const before = keepDims ? 0 : axes.filter((axis) => axis < core.region.axis).length;
    return { region: { ...core.region, axis: core.region.axis - before }, id: w.r.make(op, [core.id], attributes) };
  }
  return op === 'sum' ? w.r.make(op, [core.id], attributes) : undefined; // a mean counts the zeros
};

/** Every op that gives zeros where its operands are zero, with what it makes of their cores; null: it reads its operands whole. */
const CORE_RULES: { readonly [K in OpsWith<'zeros', 'all' | 'any' | 'first'>]: CoreRule<K> | null } = {
  abs: null,
  sqrt: null,
  tanh: null,
  erf: null,
  relu: null,
  cast: null,
  stopGradient: null,
  maximum: null,
  minimum: null,
  less: null,
  and: null,
  or: null,
  gather: null,
  scatterAdd: null,
  max: null,
  pad(w, { inputs: [x], attributes, shape }) {
    const { axis, before, after } = attributes;
    const core = w.core(x!);
    if (core && core.region.axis !== axis) return { region: core.region, id: w.r.make('pad', [core.id], attributes) };
    return { region: regionOf(axis, shape[axis]!, before, subtractDims(shape[axis]!, after)), id: w.whole(x!) };
  },
  neg(w, { inputs: [x], attributes }) {
    const core = w.core(x!);
    return core && { region: core.region, id: w.r.make('neg', [core.id], attributes) };
  },
  mul(w, { inputs, attributes, shape }) {
    const region = outward(w, inputs[0]!, shape) ?? outward(w, inputs[1]!, shape);
    return (
      region && {
        region,
        id: w.r.make(
          'mul',
          inputs.map((id) => inward(w, id, region, shape)),
          attributes,
        ),
      }
    );
  },
  div(w, { inputs, attributes, shape }) {
    const [x, y] = inputs as [number, number];
    const region = outward(w, x, shape);
    if (!region || !w.isConstant(y, (divisor) => divisor !== 0)) return undefined; // 0 / 0 is no zero
    return { region, id: w.r.make('div', [w.core(x)!.id, inward(w, y, region, shape)], attributes) };
  },
  add: both,
  sub: both,
  where(w, { inputs, attributes, shape }) {
    const [condition, yes, no] = inputs as [number, number, number];
    const region = outward(w, yes, shape);
    if (!region || !w.isConstant(no, (x) => x === 0)) return undefined;
    return {
      region,
      id: w.r.make(
        'where',
        [inward(w, condition, region, shape), w.region(yes, w.core(yes)!.region), inward(w, no, region, shape)],
        attributes,
      ),
    };
  },
  sum: reduction,
  mean: reduction,
  transpose(w, { inputs: [x], attributes }) {
    const core = w.core(x!);
    if (!core) return undefined;
    const region = { ...core.region, axis: attributes.permutation.indexOf(core.region.axis) };
    return { region, id: w.r.make('transpose', [core.id], attributes) };
  },
  reshape(w, { inputs: [x], shape }) {
    const core = w.core(x!);
    const region = core && reshapedRegion(core.region, w.shape(x!), shape);
    return region && { region, id: w.r.make('reshape', [core.id], { shape: cutShape(shape, region) }) };
  },
  broadcast(w, { inputs: [x], shape }) {
    const region = outward(w, x!, shape);
    return region && { region, id: w.r.make('broadcast', [w.core(x!)!.id], { shape: cutShape(shape, region) }) };
  },
  slice(w, { inputs: [x], attributes }) {
    const core = w.core(x!);
    if (!core) return undefined;
    const { region, id } = core;
    const { axis, start, end } = attributes;
    if (axis !== region.axis) return { region, id: w.r.make('slice', [id], attributes) };
    return isAxis(region) && dimsEqual(start, region.start) && dimsEqual(end, region.end) ? id : undefined;
  },
  concat(w, { inputs, attributes }) {
    const cores = inputs.map((id) => w.core(id));
    const [first] = cores;
    if (!first || first.region.axis === attributes.axis) return undefined;
    if (!cores.every((core) => core && sameRegion(core.region, first.region))) return undefined;
    return {
      region: first.region,
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
    const [ofA, ofB] = [w.core(a!)?.region, w.core(b!)?.region];
    const make = (x: number, y: number): number => w.r.make('matmul', [x, y], attributes);
    // Summed over: both operands are cut to what is not zero.
    const summed = ofA?.axis === inner.a ? ofA : ofB?.axis === inner.b ? ofB : undefined;
    if (summed) return make(w.region(a!, { ...summed, axis: inner.a }), w.region(b!, { ...summed, axis: inner.b }));
    if (ofA && ofA.axis >= rankA - 2)
      return { region: { ...ofA, axis: shape.length - 2 }, id: make(w.core(a!)!.id, w.whole(b!)) };
    if (ofB && ofB.axis >= rankB - 2)
      return { region: { ...ofB, axis: shape.length - 1 }, id: make(w.whole(a!), w.core(b!)!.id) };
    const region = outward(w, a!, shape) ?? outward(w, b!, shape);
    return region && { region, id: make(inward(w, a!, region, shape), inward(w, b!, region, shape)) };
  },
};
const hasRule = (op: OpName): op is keyof typeof CORE_RULES => OP_TRAITS[op].zeros !== 'never';
const ruleOf = (op: OpName): CoreRule<never> | null => (hasRule(op) ? CORE_RULES[op] : null);
