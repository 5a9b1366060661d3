/** @file Which positions' outputs scores and metrics read, and a prompt's answers at each of them. */
import { AutoCircuitError } from '../errors/error.js';
import type { AnswerSides, Prompt } from './types.js';

/** AutoCircuit's output slices, by name. */
export const OUTPUT_POSITIONS = {
  last: 'the last position',
  'not-first': 'every position but the first, which is BOS',
  all: 'every position',
} as const satisfies Readonly<Record<string, string>>;
/** Where outputs are read, by name. */
export type OutputPositions = keyof typeof OUTPUT_POSITIONS;

const COUNTS: Readonly<Record<OutputPositions, (length: number) => number>> = {
  last: () => 1,
  'not-first': (length) => length - 1,
  all: (length) => length,
};

/** How many positions are read of prompts of `length` tokens. @throws AutoCircuitError when none are left */
export function positionsRead(outputs: OutputPositions, length: number): number {
  const count = COUNTS[outputs](length);
  if (count > 0) return count;
  throw new AutoCircuitError({
    code: 'unfit-prompts',
    fields: { length, outputs },
    where: 'prompts',
    what: `outputs are read at ${OUTPUT_POSITIONS[outputs]}, and a prompt has none there`,
    expected: 'at least two tokens',
    got: `${length}`,
  });
}

/**
 * A prompt's answers at each of `count` positions read. A prompt with answers for the last position only has them where one
 * position is read; of one with answers by position, a single position read is the last.
 * @throws AutoCircuitError when there are answers for another number of positions
 */
export function answersRead(prompt: Prompt, count: number): readonly AnswerSides[] {
  const { byPosition } = prompt;
  if (byPosition === undefined ? count === 1 : byPosition.length === count) return byPosition ?? [prompt];
  if (byPosition !== undefined && count === 1) return [byPosition.at(-1)!];
  throw new AutoCircuitError({
    code: 'invalid-prompt',
    fields: { prompt: prompt.index, positions: count },
    where: 'prompts',
    what: `prompt ${prompt.index} does not have answers for every position that is read`,
    expected: `answers for ${count} position${count === 1 ? '' : 's'}`,
    got: `${byPosition?.length ?? 1}`,
    fix: 'give "answers" as a list for each position, or read the last position only',
  });
}
