/** @file What partial work was done on, for the key of its checkpoint. */
import type { PruneAlgoContext } from '@auto-circuit/core/plugin';

/**
 * What tells one work from another beside the algorithm's own options: objective, patch, and each batch by its length, its
 * number of prompts and a hash of their tokens and answers.
 */
export const batchesKey = ({
  batches,
  objective,
  patch,
}: Pick<PruneAlgoContext, 'batches' | 'objective' | 'patch'>): unknown[] => [
  objective,
  patch.kind === 'resample' || patch.kind === 'batch-mean' || patch.kind === 'batch-position-mean'
    ? [patch.kind, patch.from]
    : patch.kind === 'mean'
      ? [patch.kind, patch.of]
      : patch.kind,
  ...batches.map(({ prompts, length }) => [
    length,
    prompts.length,
    prompts[0]?.index ?? null,
    hashOf(
      prompts.flatMap(({ clean, corrupt, answers, wrongAnswers }) => [clean, corrupt, answers, wrongAnswers].flat(2)),
    ),
  ]),
];

/** FNV-1a over the bytes of float64 numbers, in 32 bits: mistakes are to be noticed, not attacks. */
function hashOf(numbers: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(Float64Array.from(numbers).buffer)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}
