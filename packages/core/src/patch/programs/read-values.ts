/** @file Values inside a plain run, by their role: attention patterns, activations, scales of norms, the stream that a site reads. */
import { hasRole, roleNames, unknownRole } from '../../ir/autodiff/roles.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import { type Dim, dimsEqual, multiplyDims, symbolsOf } from '../../ir/program/dims.js';
import type { AnyValue, Program } from '../../ir/program/program.js';
import { normed } from '../../model/norm.js';
import { contribution, makePoints, oneRow } from '../modes/points.js';
import { finish, readOut, type Setting, scopeOf } from './programs.js';

/** The output of a program that holds the value of a role. */
export const valueOutputName = (role: string): string => `value:${role}`;

/** Traces the model as it is. @returns values by their whole role, `L0.attn.pattern`, in the order of the trace */
function tracedRoles(setting: Setting, b: ProgramBuilder): ReadonlyMap<string, AnyValue> {
  const reads = new Map<string, AnyValue>();
  const points = makePoints(scopeOf(setting, b), {
    read(site, groups, residual, norm) {
      if (!reads.has(`${site}.read`)) reads.set(`${site}.read`, residual);
      return groups.map(() => normed(b, oneRow(b, residual), norm));
    },
    write: (source) => contribution(b, source),
  });
  readOut(setting, points, 'all');
  const named = b.values.flatMap((value) => (value.role === undefined ? [] : [[value.role, value] as const]));
  return new Map([...named, ...reads]);
}

/** The roles that a model's values have, without the layer in front, sorted. */
export function modelRoles(setting: Setting): readonly string[] {
  const roles = tracedRoles(setting, new ProgramBuilder('roles'));
  return roleNames([...roles.keys()].map((role) => ({ role })));
}

/**
 * input → the values of some roles, the batch first: [batch, …] by whole role.
 * @throws AutoCircuitError `unknown-name` for a role that no value has
 */
export function readValuesProgram(setting: Setting, roles: readonly string[]): Program {
  const b = new ProgramBuilder('values');
  const traced = tracedRoles(setting, b);
  for (const role of roles) {
    if ([...traced.keys()].some((whole) => hasRole({ role: whole }, role))) continue;
    throw unknownRole('core/patch readValues', role, roleNames([...traced.keys()].map((whole) => ({ role: whole }))));
  }
  for (const [whole, value] of traced) {
    if (roles.some((role) => hasRole({ role: whole }, role))) b.output(valueOutputName(whole), promptsFirst(b, value));
  }
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
