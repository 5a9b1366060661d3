/** @file Values inside a plain run, by their role (attention patterns, activations, scales of norms, the stream), and gradients there. */
import type { BackwardOverride } from '../../ir/autodiff/backward-overrides.js';
import { gradient } from '../../ir/autodiff/gradient.js';
import { hasRole, requireRoles, roleNames } from '../../ir/autodiff/roles.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import { type Dim, dimsEqual, multiplyDims, symbolsOf } from '../../ir/program/dims.js';
import type { AnyValue, Program } from '../../ir/program/program.js';
import { normed } from '../../model/norm.js';
import { type ObjectiveShape, objectiveFragment } from '../../objectives/fragment.js';
import { contribution, makePoints, oneRow } from '../modes/points.js';
import { holdsForWrites, namedWrites } from './named-writes.js';
import { finish, LOGITS, LOSSES, readOut, type Setting, START_INPUT, scopeOf } from './programs.js';

/** The output of a program that holds the value of a role. */
export const valueOutputName = (role: string): string => `value:${role}`;

/** A trace of the model as it is: its values by their whole role, `L0.attn.pattern`, in the order of the trace; and its logits. */
interface TracedRoles {
  readonly values: ReadonlyMap<string, AnyValue>;
  readonly logits: AnyValue;
}

/** @param startFed whether what `Resid Start` writes is fed, [1, batch, pos, dModel]; `writesNamed`: see `namedWrites` */
function tracedRoles(setting: Setting, b: ProgramBuilder, startFed = false, writesNamed = false): TracedRoles {
  const reads = new Map<string, AnyValue>();
  const plain = makePoints(scopeOf(setting, b), {
    read(site, groups, residual, norm) {
      if (!reads.has(`${site}.read`)) reads.set(`${site}.read`, residual);
      return groups.map(() => normed(b, oneRow(b, residual), norm));
    },
    write(source) {
      const fed = startFed && source.block.at.kind === 'start';
      const value = fed ? b.input(START_INPUT, 'float', source.value.shape) : source.value;
      reads.set(`${source.block.site}.write`, value);
      return contribution(b, { ...source, value });
    },
  });
  const logits = readOut(setting, writesNamed ? namedWrites(plain) : plain);
  const named = b.values.flatMap((value) => (value.role === undefined ? [] : [[value.role, value] as const]));
  return { values: new Map([...named, ...reads]), logits };
}

/** The roles that a model's values have, without the layer in front, sorted. */
export function modelRoles(setting: Setting): readonly string[] {
  const { values } = tracedRoles(setting, new ProgramBuilder('roles'));
  return roleNames([...values.keys()].map((role) => ({ role })));
}

/** Values of some roles, by whole role. @throws AutoCircuitError `unknown-name` for a role that no value has */
function chosenRoles({ values }: TracedRoles, roles: readonly string[]): [string, AnyValue][] {
  requireRoles(
    'core/patch',
    [...values.keys()].map((role) => ({ role })),
    roles,
  );
  return [...values].filter(([whole]) => roles.some((role) => hasRole({ role: whole }, role)));
}

/**
 * input → the values of some roles, the batch first: [batch, …] by whole role.
 * @throws AutoCircuitError `unknown-name` for a role that no value has
 */
export function readValuesProgram(setting: Setting, roles: readonly string[]): Program {
  const b = new ProgramBuilder('values');
  for (const [whole, value] of chosenRoles(tracedRoles(setting, b), roles)) {
    b.output(valueOutputName(whole), promptsFirst(b, value));
  }
  return finish(setting, b);
}

/** What a gradient with respect to values is made of. */
export interface ValueGradientSetting extends Setting {
  readonly roles: readonly string[];
  readonly objective: ObjectiveShape;
  /** Whether what `Resid Start` writes is fed in place of its own. */
  readonly startFed: boolean;
  /** Whether logits are all that is wanted of the run. */
  readonly logitsOnly?: boolean;
  /** What gradients do differently at values of a role. */
  readonly backward?: readonly BackwardOverride[];
}

/** input (and what `Resid Start` writes) → ∂M/∂value of some roles, the batch first: [batch, …] by whole role; and M [batch]. */
export function valueGradientProgram(setting: ValueGradientSetting): Program {
  const b = new ProgramBuilder('value-gradients');
  const { backward = [] } = setting;
  const traced = tracedRoles(setting, b, setting.startFed, holdsForWrites(backward));
  if (setting.logitsOnly) {
    b.output(LOGITS, traced.logits);
    return finish(setting, b);
  }
  const losses = objectiveFragment(b, setting.objective, traced.logits); // [batch]
  b.output(LOSSES, losses);
  const chosen = chosenRoles(traced, setting.roles);
  const gradients = gradient(
    b,
    b.sum(losses, 0),
    chosen.map(([, value]) => value),
    backward,
  );
  for (const [i, [whole]] of chosen.entries()) b.output(valueOutputName(whole), promptsFirst(b, gradients[i]!));
  return finish(setting, b);
}

/** [batch, …]: the batch axis in front, tokens as [batch, pos]. */
function promptsFirst(b: ProgramBuilder, value: AnyValue): AnyValue {
  const tokens = multiplyDims('batch', 'pos');
  const [first, ...rest] = value.shape as [Dim, ...Dim[]];
  if (first !== undefined && dimsEqual(first, tokens)) return b.reshape(value, ['batch', 'pos', ...rest]);
  const axis = value.shape.findIndex((dim) => symbolsOf(dim).includes('batch'));
  if (axis <= 0)
    return axis === 0 ? value : b.broadcast(b.reshape(value, [1, ...value.shape]), ['batch', ...value.shape]);
  const others = value.shape.map((_, i) => i).filter((i) => i !== axis);
  const moved = b.transpose(value, [axis, ...others]);
  if (!dimsEqual(value.shape[axis]!, tokens)) return moved;
  return b.reshape(moved, ['batch', 'pos', ...others.map((i) => value.shape[i]!)]);
}
