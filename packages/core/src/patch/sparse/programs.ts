/** @file Programs that compute only what a selection names, and the one that gives what is carried at each site. */
import { ProgramBuilder } from '../../ir/builder/builder.js';
import { multiplyDims } from '../../ir/program/dims.js';
import type { Program } from '../../ir/program/program.js';
import { normed } from '../../model/norm.js';
import { contribution, makePoints, oneRow } from '../modes/points.js';
import {
  finish,
  finishForLogits,
  INPUT,
  LOGITS,
  patchInputName,
  readOut,
  type Setting,
  scopeOf,
} from '../programs/programs.js';
import { sparsePoints } from './mode.js';
import { MASKS, residualInput, residualSiteBefore } from './names.js';
import type { Base, Entry } from './row-selection.js';

export interface SparseSetting extends Setting {
  readonly base: Base;
  /** Where variants enter; null: everything is run. */
  readonly entry: Entry | null;
  /** Whether several masks run from the start. */
  readonly together: boolean;
  readonly supply: 'fed' | 'zero';
}

/** Selected rows, their factors, patch (and prompts, or what is known) → logits [masks·batch, outputs]. */
export function sparseProgram(setting: SparseSetting): Program {
  const { base, entry, together, supply, graph } = setting;
  const b = new ProgramBuilder(`selected-${base}${entry ? `-from-${entry.start}` : ''}`);
  const points = sparsePoints({
    ...scopeOf(setting, b, INPUT, entry || together ? multiplyDims(MASKS, 'batch') : 'batch'),
    base,
    together,
    entry: entry && { ...entry, stream: residualSiteBefore(graph, entry.start) },
    patchOf: (block, shape) => (supply === 'zero' ? null : b.input(patchInputName(block.site), 'float', shape)),
  });
  b.output(LOGITS, readOut(setting, points));
  return finishForLogits(setting, b);
}

/** What each source wrote, fed → what the residual is at each site that reads and at each stream point [batch, pos, dModel]. */
export function carriedProgram(setting: Setting & { readonly supply: 'fed' | 'zero' }): Program {
  const b = new ProgramBuilder('carried');
  const scope = scopeOf(setting, b);
  const seen = new Set<string>();
  const points = makePoints(scope, {
    read(site, groups, residual, norm) {
      if (!seen.has(site)) b.output(residualInput(site), residual);
      seen.add(site);
      return groups.map(() => normed(b, oneRow(b, residual), norm));
    },
    write(parts) {
      if (setting.supply === 'zero') return b.mul(contribution(b, parts), 0);
      const value = b.input(patchInputName(parts.block.site), 'float', parts.value.shape);
      return contribution(b, { ...parts, value });
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
