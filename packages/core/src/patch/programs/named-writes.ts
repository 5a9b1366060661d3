/**
 * @file Names for what modules add to the residual stream, so that backward overrides can hold for it: `stop` at `L3.mlp.write` is a
 * gradient that does not pass through the MLP of layer 3.
 */
import type { BackwardOverride } from '../../ir/autodiff/backward-overrides.js';
import type { PatchPoints } from '../../model/patch-points.js';

/** Whether an override holds for what modules write. */
export const holdsForWrites = (backward: readonly BackwardOverride[]): boolean =>
  backward.some(({ role }) => role === 'write' || role.endsWith('.write'));

/** The points, where what each site adds to the residual stream [batch, pos, dModel] has the role `L3.attn.write`. */
export function namedWrites(points: PatchPoints): PatchPoints {
  const { builder: b } = points;
  return {
    ...points,
    outOf(site, ...written) {
      const added = points.outOf(site, ...written);
      // a value has one role: where this one is named already, an equal one is
      return b.role(added.role === undefined ? added : b.mul(added, 1), `${site}.write`);
    },
  };
}
