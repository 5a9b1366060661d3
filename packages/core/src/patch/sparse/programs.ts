/** @file Programs that compute only what a selection names, and the one that gives the residual stream at each site. */

import { ProgramBuilder } from '../../ir/builder/builder.js';
import { multiplyDims } from '../../ir/program/dims.js';
import type { Program } from '../../ir/program/program.js';
import { normed } from '../../model/norm.js';
import { contribution, makePoints, oneRow } from '../modes/points.js';
import type { SparseSpec, StoredSupply } from '../programs/program-spec.js';
import {
  finish,
  finishForLogits,
  INPUT,
  LOGITS,
  outputsOf,
  patchInputName,
  type Setting,
  scopeOf,
} from '../programs/programs.js';
import { sparsePoints } from './mode.js';
import { MASKS, residualInput, residualSiteBefore } from './names.js';

/** Selected rows, their factors, patch (and prompts, or cached differences) → logits [masks·batch, outputs]. */
export function sparseProgram(setting: Setting & Omit<SparseSpec, 'kind'>): Program {
  const { base, graph, masks, supply } = setting;
  const together = masks === 'together';
  const entry = typeof masks === 'string' ? null : masks;
  const b = new ProgramBuilder(`sparse-${base}${entry ? `-from-${entry.start}` : ''}`);
  const points = sparsePoints({
    ...scopeOf(setting, b, INPUT, entry || together ? multiplyDims(MASKS, 'batch') : 'batch'),
    base,
    together,
    headsTogether: setting.model.spec.headsWriteTogether ?? false,
    entry: entry && { ...entry, stream: residualSiteBefore(graph, entry.start) },
    patchOf: (block, shape) => (supply === 'zero' ? null : b.input(patchInputName(block.site), 'float', shape)),
  });
  b.output(LOGITS, outputsOf(setting, points));
  return finishForLogits(setting, b);
}

/** Source activations → the residual stream at each site that reads and between layers, [batch, pos, dModel] each. */
export function residualsProgram(setting: Setting & { readonly supply: StoredSupply }): Program {
  const b = new ProgramBuilder('residuals');
  const scope = scopeOf(setting, b);
  const seen = new Set<string>();
  const points = makePoints(scope, {
    read(site, groups, residual, norm) {
      if (!seen.has(site)) b.output(residualInput(site), residual);
      seen.add(site);
      return groups.map(() => normed(b, oneRow(b, residual), norm));
    },
    write(written) {
      if (setting.supply === 'zero') return b.mul(contribution(b, written), 0);
      const value = b.input(patchInputName(written.block.site), 'float', written.value.shape);
      return contribution(b, { ...written, value });
    },
  });
  setting.model.trace({
    ...points,
    outOf: (site, ...written) => {
      const residual = points.outOf(site, ...written);
      if (site === 'start') b.output(residualInput('start'), residual);
      return residual;
    },
    stream(site, residual) {
      b.output(residualInput(site), residual);
      return points.stream(site, residual);
    },
  });
  return finish(setting, b);
}
