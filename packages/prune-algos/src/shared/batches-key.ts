/** @file Which prompts partial work was done on, for the key of its checkpoint. */
import type { PruneAlgoContext } from '@auto-circuit/core/plugin';

/** What tells one set of prompts from another: length, number of prompts and first index of each batch. */
export const batchesKey = ({ batches }: Pick<PruneAlgoContext, 'batches'>): unknown[] =>
  batches.map(({ prompts, length }) => [length, prompts.length, prompts[0]?.index ?? null]);
