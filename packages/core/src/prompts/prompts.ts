/** @file Sets of prompts: by length, in batches, in train and test halves; and the model's input for a batch. */
import { AutoCircuitError } from '../errors/error.js';
import { seededRandom } from '../numeric/seeded-random.js';
import { floatTensor, intTensor } from '../tensor/tensor.js';
import type { ModelInput, Prompt, PromptBatch, Side } from './types.js';

/** Tokens of a prompt (BOS counted); clean and corrupt have equally many. */
export const promptLength = (prompt: Prompt): number => prompt.clean.length;

/** Prompts by length, shortest first; of one length in the order given. */
export function groupByLength(prompts: readonly Prompt[]): ReadonlyMap<number, readonly Prompt[]> {
  const groups = new Map<number, Prompt[]>();
  for (const prompt of prompts) {
    const group = groups.get(promptLength(prompt));
    if (group) group.push(prompt);
    else groups.set(promptLength(prompt), [prompt]);
  }
  return new Map([...groups].sort(([a], [b]) => a - b));
}

/** The prompts of one length (`length`, BOS and a shared prefix counted). @throws AutoCircuitError listing the lengths when there are none. */
export function promptsOfLength(prompts: readonly Prompt[], length: number): readonly Prompt[] {
  const chosen = prompts.filter((prompt) => promptLength(prompt) + (prompt.prefix?.tokens.length ?? 0) === length);
  if (chosen.length > 0) return chosen;
  throw noPromptOfLength(prompts, length);
}

/** The error that no prompt is of this length, with the lengths there are. */
export const noPromptOfLength = (prompts: readonly Prompt[], length: number): AutoCircuitError =>
  new AutoCircuitError({
    code: 'no-prompts',
    fields: { length, lengths: countsByLength(prompts) },
    where: 'prompts',
    what: `no prompt has length ${length}`,
    expected: `one of the existing lengths: ${lengthCounts(prompts)}`,
    got: `${length}`,
  });

/** @throws AutoCircuitError for a limit that is no whole number from 1; null is none */
export function checkLimit(limit: number | null): void {
  if (limit === null || (Number.isSafeInteger(limit) && limit > 0)) return;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: 'limit', got: limit },
    where: 'prompts',
    what: 'the limit is not usable',
    expected: 'a whole number from 1',
    got: `${limit}`,
  });
}

/**
 * The length of all prompts.
 * @param what what needs one length, as in "token positions need prompts of one length"
 * @throws AutoCircuitError listing lengths with counts.
 */
export function requireOneLength(prompts: readonly Prompt[], what: string): number {
  const lengths = [...groupByLength(prompts).keys()];
  if (lengths.length === 1) return lengths[0]!;
  throw new AutoCircuitError({
    code: 'mixed-lengths',
    fields: { lengths: countsByLength(prompts) },
    where: 'prompts',
    what: `${what} need prompts of one length`,
    got: lengthCounts(prompts) || 'no prompts',
    fix: 'choose the prompts of one length',
  });
}

/** Numbers of prompts by length. */
const countsByLength = (prompts: readonly Prompt[]): Readonly<Record<string, number>> =>
  Object.fromEntries([...groupByLength(prompts)].map(([length, { length: count }]) => [`${length}`, count]));

/** `12 tokens (40 prompts), 14 tokens (3 prompts)` */
function lengthCounts(prompts: readonly Prompt[]): string {
  return [...groupByLength(prompts)]
    .map(([length, { length: count }]) => `${length} tokens (${count} prompt${count === 1 ? '' : 's'})`)
    .join(', ');
}

/**
 * Batches of at most `batchSize` prompts of one length. Prompts of a batch are in order of index, and batches in order of
 * their first prompt. The last batch of a length may hold fewer.
 */
export function batchesOf(prompts: readonly Prompt[], batchSize: number): readonly PromptBatch[] {
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new AutoCircuitError({
      code: 'invalid-option',
      fields: { option: 'batchSize', got: batchSize },
      where: 'prompts',
      what: 'the batch size is not usable',
      expected: 'a whole number from 1',
      got: `${batchSize}`,
    });
  }
  const batches: PromptBatch[] = [];
  for (const [length, group] of groupByLength(prompts)) {
    const ordered = group.toSorted((a, b) => a.index - b.index);
    for (let start = 0; start < ordered.length; start += batchSize) {
      batches.push(Object.freeze({ prompts: Object.freeze(ordered.slice(start, start + batchSize)), length }));
    }
  }
  return batches.sort((a, b) => a.prompts[0]!.index - b.prompts[0]!.index);
}

/** How prompts are divided into training and test prompts. */
export interface SplitSettings {
  /** Prompts to choose the circuit on; default: what `test` leaves, or the larger half. */
  readonly train?: number;
  /** Prompts to measure on; default: what `train` leaves. `same`: the training prompts themselves. */
  readonly test?: number | 'same';
  readonly seed: number;
}

/**
 * Splits prompts at random by the seed; each part is in order of index. With `same` and no `train`, both are all prompts.
 * @throws AutoCircuitError when there are too few prompts, or a part would be empty.
 */
export function splitTrainTest(
  prompts: readonly Prompt[],
  { train, test, seed }: SplitSettings,
): { readonly train: readonly Prompt[]; readonly test: readonly Prompt[] } {
  const n = prompts.length;
  const half = test === undefined ? Math.ceil(n / 2) : n - (test === 'same' ? 0 : test);
  const trainCount = train ?? half;
  const testCount = test === 'same' ? 0 : (test ?? n - trainCount);
  for (const [name, count] of [
    ['train', trainCount],
    ['test', test === 'same' ? trainCount : testCount],
  ] as const) {
    if (Number.isInteger(count) && count >= 1 && trainCount + testCount <= n) continue;
    const given = name === 'train' ? train : test;
    if (given !== undefined && !(Number.isInteger(given) && (given as number) >= 1)) throw unusableCount(name, given);
    throw new AutoCircuitError({
      code: 'split-too-large',
      fields: { prompts: n, train: trainCount, test: test === 'same' ? 'same' : testCount },
      where: 'prompts',
      what: 'the data set is too small for this split',
      expected: `whole numbers from 1 that add up to at most ${n}, the number of prompts`,
      got: `${trainCount} to train and ${test === 'same' ? 'the same' : testCount} to test`,
      fix: 'ask for fewer, give more prompts, or measure on the training prompts (`test: "same"`)',
    });
  }
  const order = seededRandom(seed, 'train-test-split').shuffled(prompts);
  const part = (start: number, count: number): readonly Prompt[] =>
    Object.freeze(order.slice(start, start + count).sort((a, b) => a.index - b.index));
  const trainPart = part(0, trainCount);
  return Object.freeze({ train: trainPart, test: test === 'same' ? trainPart : part(trainCount, testCount) });
}

const unusableCount = (name: 'train' | 'test', got: unknown): AutoCircuitError =>
  new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: name, got },
    where: 'prompts',
    what: `the number of ${name} prompts is not usable`,
    expected: 'a whole number from 1',
    got: `${got}`,
  });

/** The model's input for one side of a batch: int `[n, pos]` token ids, or float `[n, pos, features]`. */
export function inputOf(batch: PromptBatch, side: Side): ModelInput {
  const rows = batch.prompts.map((prompt) => prompt[side]);
  const first = rows[0]?.[0];
  const n = rows.length;
  if (Array.isArray(first)) {
    return floatTensor(Float32Array.from(rows.flat(2)), [n, batch.length, first.length]); // [n, pos, features]
  }
  const tokens = intTensor(Int32Array.from(rows.flat() as number[]), [n, batch.length]); // [n, pos]
  return batch.prompts[0]?.prefix ? { ...tokens, prompts: batch.prompts } : tokens;
}
