/** @file The gradient of a loss of patched runs with respect to the constants that are patched in. */

import { gradient } from '../../ir/autodiff/gradient.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import type { AnyValue, Program } from '../../ir/program/program.js';
import { type ObjectiveShape, objectiveFragment } from '../../objectives/fragment.js';
import { ActivationDifferences, batchFirst } from '../modes/activation-differences.js';
import { formFor, patchedPoints } from '../modes/patched.js';
import { finish, LOSSES, type PatchedSetting, patchInputName, readOut, scopeOf, sourceOutputName } from './programs.js';

/** input, mask, constants (as patches) → ∂M/∂patch summed over positions, by site [rows, batch, width]; and M [batch]. */
export function constantGradientProgram(
  setting: Omit<PatchedSetting, 'supply'> & { readonly objective: ObjectiveShape },
): Program {
  const b = new ProgramBuilder('constant-gradient');
  const fed: { readonly site: string; readonly value: AnyValue }[] = [];
  const points = patchedPoints({
    ...scopeOf(setting, b),
    form: setting.form ?? formFor(setting.graph),
    axes: setting.axes,
    differences: new ActivationDifferences(b, batchFirst(setting.axes)),
    joinsRows: true,
    patchOf({ block, value }) {
      const patch = b.input(patchInputName(block.site), 'float', value.shape); // [rows, batch, pos, width]
      fed.push({ site: block.site, value: patch });
      return patch;
    },
    onRead: (_group, value) => value,
  });
  const losses = objectiveFragment(b, setting.objective, readOut(setting, points)); // [batch]
  b.output(LOSSES, losses);
  const gradients = gradient(
    b,
    b.sum(losses, 0),
    fed.map(({ value }) => value),
  );
  for (const [i, { site }] of fed.entries()) b.output(sourceOutputName(site), b.sum(gradients[i]!, 2));
  return finish(setting, b);
}
