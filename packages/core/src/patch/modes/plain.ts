/** @file The modes that leave the model as it is: plain, and capture, which also hands out what every source block wrote. */
import { AutoCircuitError } from '../../errors/error.js';
import type { SourceBlock } from '../../graph/types.js';
import { normed } from '../../model/norm.js';
import type { PatchPoints } from '../../model/patch-points.js';
import { contribution, makePoints, oneRow, type SourceActivations, type TraceScope } from './points.js';

/** The model as it is. */
export const plainPoints = (scope: TraceScope): PatchPoints => capturePoints(scope, () => undefined);

/** The model as it is; `collect` gets what every source block wrote, in the order of the sources. */
export function capturePoints(scope: TraceScope, collect: (source: SourceActivations) => void): PatchPoints {
  const { builder: b } = scope;
  return makePoints(scope, {
    read: (_site, groups, residual, norm) => groups.map(() => normed(b, oneRow(b, residual), norm)),
    write(source) {
      collect(source);
      return contribution(b, source);
    },
  });
}

/**
 * The activations of one block among those that were collected.
 * @throws AutoCircuitError `internal` when the trace never wrote them
 */
export function activationsOf(collected: readonly SourceActivations[], block: SourceBlock): SourceActivations {
  const found = collected.find((source) => source.block.site === block.site);
  if (found) return found;
  throw new AutoCircuitError({
    code: 'internal',
    where: 'core/patch',
    what: `the trace never wrote "${block.site}"`,
    fields: { site: block.site },
    kind: 'internal',
  });
}
