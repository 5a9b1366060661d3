/** @file Values of a program by their role: which there are, and the error for one that there is not. */
import { AutoCircuitError } from '../../errors/error.js';
import { nearestNames } from '../../errors/names.js';
import type { AnyValue } from '../program/program.js';

/** Whether a value's role is `role`, or ends with it from a dot on: `scale` means `L0.ln1.scale`, `final.ln.scale`, … */
export const hasRole = ({ role: own }: Pick<AnyValue, 'role'>, role: string): boolean =>
  own !== undefined && (own === role || own.endsWith(`.${role}`));

/** The roles of values, without the layer in front, sorted: `attn.pattern`, `ln1.scale`, `mlp.act`. */
export function roleNames(values: readonly Pick<AnyValue, 'role'>[]): string[] {
  return [...new Set(values.flatMap(({ role }) => (role === undefined ? [] : [role.replace(/^L\d+\./, '')])))].sort();
}

/** The error for a role that no value has. @param known the roles that there are */
export function unknownRole(where: string, role: string, known: readonly string[]): AutoCircuitError {
  const nearest = nearestNames(role, known);
  return new AutoCircuitError({
    code: 'unknown-name',
    where,
    what: `no value of this model has the role "${role}"`,
    expected: known.length > 0 ? known.join(', ') : 'a model whose values have roles',
    got: `"${role}"`,
    fix: nearest.length > 0 ? `did you mean ${nearest.join(' or ')}?` : 'see model.roles for those that it has',
    fields: { what: 'role', name: role, nearest, known: [...known] },
  });
}

/** @throws AutoCircuitError `unknown-name` for a role, or end of one, that none of the values has */
export function requireRoles(where: string, values: readonly Pick<AnyValue, 'role'>[], roles: readonly string[]): void {
  const unknown = roles.find((role) => !values.some((value) => hasRole(value, role)));
  if (unknown !== undefined) throw unknownRole(where, unknown, roleNames(values));
}
