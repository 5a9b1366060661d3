/**
 * @file Reverse-mode gradients: appends to a program the values that are the gradient of one of its values. Written
 * once, here, for every backend.
 *
 * @example
 * const b = new ProgramBuilder('square');
 * const x = b.input('x', 'float', ['n']);
 * const [dx] = gradient(b, b.sum(b.mul(x, x), 0), [x]);   // [n], 2x
 */
import { AutoCircuitError } from '../../errors/error.js';
import type { ProgramBuilder } from '../builder/builder.js';
import { dimsEqual, type Shape, shapeKey, shapesEqual } from '../program/dims.js';
import type { AnyValue } from '../program/program.js';
import { applyOverride, type BackwardOverride, backwardOverrideOf } from './backward-overrides.js';
import { wholeComposite } from './composite-vjps.js';
import { requireRoles } from './roles.js';
import { type Differentiated, VJP_RULES, type VjpRule } from './vjp-rules.js';

/**
 * The gradient of `of` (a float scalar, shape []) with respect to each of `wrt`, any float values, also intermediate
 * ones: each gets its total derivative, with the shape of the value; zeros where `of` does not depend on it.
 * Only what lies on a path from some `wrt` to `of` is built. A gradient takes the role `grad:<role>` of its value;
 * where several values share one gradient, it has the role of the one nearest to `of`. `overrides` change what passes on
 * from values of a role.
 *
 * @throws AutoCircuitError `invalid-program` when `of` is no float scalar or one of `wrt` is not float, `invalid-request` when two
 * overrides hold for one value, `unknown-name` when one holds for none
 */
export function gradient(
  builder: ProgramBuilder,
  of: AnyValue,
  wrt: readonly AnyValue[],
  overrides: readonly BackwardOverride[] = [],
): AnyValue[] {
  if (of.dtype !== 'float' || of.shape.length !== 0) {
    refuse(builder.name, 'only a float scalar has a gradient', 'float[]', `${of.dtype}${shapeKey(of.shape)}`);
  }
  for (const value of wrt) {
    if (value.dtype !== 'float')
      refuse(builder.name, `cannot differentiate by value ${value.id}`, 'float', value.dtype);
  }
  const firstNew = builder.values.length;
  requireRoles(
    'core/ir gradient',
    builder.values,
    overrides.map(({ role }) => role),
  );
  const reached = reachedFrom(builder, of, wrt, overrides);
  const wanted = new Set(wrt.map((value) => value.id));
  // Several contributions to one gradient are added as they come, from the values nearest to `of`.
  const gradients = new Map<number, AnyValue>();
  if (reached.has(of.id)) gradients.set(of.id, builder.constant(1));
  for (let id = of.id; id >= 0; id--) {
    const arrived = gradients.get(id);
    if (!arrived) continue;
    const value = builder.value(id);
    const own = named(builder, arrived, value, firstNew);
    gradients.set(id, own);
    for (const [inputId, contribution] of contributions({ builder, value, own, overrides, wanted })) {
      if (!reached.has(inputId)) continue;
      const added = reduceTo(builder, contribution(), builder.value(inputId).shape);
      const sum = gradients.get(inputId);
      gradients.set(inputId, sum ? builder.add(sum, added) : added);
    }
  }
  return wrt.map((value) => gradients.get(value.id) ?? builder.broadcast(builder.constant(0), value.shape));
}

function refuse(program: string, what: string, expected: string, got: string): never {
  const fields = { program };
  throw new AutoCircuitError({
    code: 'invalid-program',
    where: 'core/ir gradient',
    what,
    expected,
    got,
    fields,
    kind: 'internal',
  });
}

/** The values up to `of` through which a change of some `wrt` passes on. */
function reachedFrom(
  builder: ProgramBuilder,
  of: AnyValue,
  wrt: readonly AnyValue[],
  overrides: readonly BackwardOverride[],
): Set<number> {
  const reached = new Set(wrt.map((v) => v.id));
  for (let id = 0; id <= of.id; id++) {
    const value = builder.value(id);
    if (value.dtype !== 'float' || VJP_RULES[value.op] === 'none') continue;
    if (backwardOverrideOf(overrides, value)?.kind === 'stop') continue;
    if (value.inputs.some((input) => reached.has(input))) reached.add(id);
  }
  return reached;
}

interface Passing {
  readonly builder: ProgramBuilder;
  readonly value: AnyValue;
  /** Its gradient. */
  readonly own: AnyValue;
  readonly overrides: readonly BackwardOverride[];
  readonly wanted: ReadonlySet<number>;
}
/** By the id of an input, what a value's gradient adds to that of the input. */
function contributions({ builder, value, own, overrides, wanted }: Passing): (readonly [number, () => AnyValue])[] {
  const rule = VJP_RULES[value.op];
  if (rule === 'none') return [];
  // Overrides may hold for values within a composite.
  const whole = overrides.length === 0 ? wholeComposite(builder, value, wanted) : undefined;
  if (whole) return [[whole.x.id, () => whole.contribution(own)]];
  const inputs = value.inputs.map((id) => builder.value(id));
  const at: Differentiated = { b: builder, value, attributes: value.attributes, inputs, gradient: own };
  const override = backwardOverrideOf(overrides, value);
  const changed = override ? applyOverride(override, at) : at;
  if (!changed) return [];
  // The table pairs each op with a rule for its own attributes.
  const ofOperands = (rule as VjpRule)(changed);
  return ofOperands.flatMap((make, index) => (make ? [[value.inputs[index]!, make] as const] : []));
}

function named(builder: ProgramBuilder, own: AnyValue, value: AnyValue, firstNew: number): AnyValue {
  if (!value.role || own.id < firstNew || builder.value(own.id).role) return own;
  return builder.role(own, `grad:${value.role}`);
}

/** The adjoint of NumPy broadcasting from `shape` to the value's shape: sums over the axes that were spread. */
export function reduceTo(builder: ProgramBuilder, value: AnyValue, shape: Shape): AnyValue {
  if (shapesEqual(value.shape, shape)) return value;
  const lead = value.shape.length - shape.length;
  const axes = value.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < lead || (shape[axis - lead] === 1 && !dimsEqual(value.shape[axis]!, 1)));
  const summed = axes.length > 0 ? builder.sum(value, axes, true) : value;
  return shapesEqual(summed.shape, shape) ? summed : builder.reshape(summed, shape);
}
