/**
 * @file Backward overrides: what a gradient does differently at values of a role, for methods that replace local gradients by
 * others (a norm's scale held fixed, a gate's share halved, …). They are data, and the forward pass stays as it is.
 *
 * @example
 * gradient(b, loss, reads, [{ kind: 'stop', role: 'scale' }]);   // every norm's 1/σ counts as a constant
 */
import { AutoCircuitError } from '../../errors/error.js';
import type { AnyValue } from '../program/program.js';
import { hasRole } from './roles.js';
import type { Differentiated } from './vjp-rules.js';

/**
 * Changes what passes from a value to its operands; the gradient of the value itself stays.
 * `role` is the end of a role, from a dot on: `scale` means `L0.ln1.scale`, `final.ln.scale`, …, and `mlp.gate` means `L3.mlp.gate`.
 * - stop: nothing passes: the value counts as a constant.
 * - scale: what passes is multiplied by `factor`.
 * - softmaxTemperature: passes as through softmax(x / temperature), without the factor 1/temperature; softmax values only.
 */
export type BackwardOverride =
  | { readonly kind: 'stop'; readonly role: string }
  | { readonly kind: 'scale'; readonly role: string; readonly factor: number }
  | { readonly kind: 'softmaxTemperature'; readonly role: string; readonly temperature: number };

/** What the VJP rule of the op is to work with; null where nothing passes. */
type Change<K extends BackwardOverride['kind']> = (
  at: Differentiated,
  override: Extract<BackwardOverride, { kind: K }>,
) => Differentiated | null;

const CHANGES: { readonly [K in BackwardOverride['kind']]: Change<K> } = {
  stop: () => null,
  scale: (at, { factor }) => ({ ...at, gradient: at.b.mul(at.gradient, factor) }),
  softmaxTemperature(at, { role, temperature }) {
    const { b, inputs, value } = at;
    if (value.op !== 'softmax')
      refuse(role, `an override for softmax meets another value of role "${role}"`, 'softmax', value.op);
    return { ...at, value: b.softmax(b.div(inputs[0]!, temperature), value.attributes.axis) };
  },
};

/** The override that holds for a value, if any. @throws AutoCircuitError `invalid-request` when there are two */
export function backwardOverrideOf(
  overrides: readonly BackwardOverride[],
  { role }: AnyValue,
): BackwardOverride | undefined {
  if (role === undefined) return undefined;
  const found = overrides.filter((override) => hasRole({ role }, override.role));
  if (found.length > 1)
    refuse(role, `the value "${role}" has two backward overrides`, 'one', found.map(describe).join(' and '));
  return found[0];
}

/** What the VJP rule of the op sees under an override; null where nothing passes. */
export function applyOverride(override: BackwardOverride, at: Differentiated): Differentiated | null {
  return (CHANGES[override.kind] as Change<BackwardOverride['kind']>)(at, override);
}

const describe = ({ kind, role }: BackwardOverride): string => `${kind} at "${role}"`;

function refuse(role: string, what: string, expected: string, got: string): never {
  throw new AutoCircuitError({
    code: 'invalid-request',
    where: 'core/ir gradient',
    what,
    expected,
    got,
    fix: 'give each role one override',
    fields: { role },
  });
}
