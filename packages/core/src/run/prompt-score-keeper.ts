/** @file Keeps the scores of single prompts while an algorithm runs, and checks that their mean is what the algorithm gave. */
import { AutoCircuitError } from '../errors/error.js';
import type { PruneScores } from '../graph/types.js';
import type { PromptScoreDType, PromptScoreSink, PromptScoreTable } from '../plugin/prompt-scores.js';
import type { PruneAlgo } from '../plugin/prune-algo.js';
import type { PromptBatch } from '../prompts/types.js';
import { readPromptScores, writePromptScores } from '../run-folder/prompt-score-file.js';
import type { RunStore } from '../run-folder/store.js';
import { promptScoresInMemory } from '../statistics/prompt-score-table.js';
import type { DiscoverRequest } from './request.js';

/** Where the scores of single prompts go. */
export interface PromptScoreKeeper {
  readonly sink: PromptScoreSink;
  /** Nothing more comes, or nothing that is of use. */
  close(): void;
  /** What was kept. */
  table(): PromptScoreTable;
  readonly dtype: PromptScoreDType;
}

/** Where a request wants them: in the file of its run, or in memory (float32) without one; null where it does not. */
export function promptScoreKeeper(
  { model: { graph }, perPrompt: dtype }: Pick<DiscoverRequest, 'model' | 'perPrompt'>,
  batches: readonly PromptBatch[],
  store: RunStore | null,
): PromptScoreKeeper | null {
  if (!dtype) return null;
  const places = batches.flatMap(({ prompts }) => prompts.map(({ index }) => index));
  if (!store) {
    const table = promptScoresInMemory(graph, places.length);
    return { sink: table, close: () => undefined, table: () => table, dtype: 'float32' };
  }
  const path = store.path('promptScores');
  const writer = writePromptScores({ path, graph, dtype, places });
  return { sink: writer, close: () => writer.close(), table: () => readPromptScores(path, graph), dtype };
}

/**
 * Whether an algorithm has scores of single prompts to keep.
 * @throws AutoCircuitError `conflicting-options`
 */
export function checkGivesPromptScores({ name, byPrompt = false }: Pick<PruneAlgo, 'name' | 'byPrompt'>): void {
  if (byPrompt) return;
  throw new AutoCircuitError({
    code: 'conflicting-options',
    fields: { options: ['algo', 'perPrompt'], algo: name },
    where: 'run',
    what: `${name} has no scores of single prompts to keep: what it gives is no mean over prompts`,
    expected: 'an algorithm that averages over prompts (eap, eap-ig-inputs, exact, …)',
    fix: 'choose another algorithm, or keep only the scores over all prompts',
  });
}

/** @throws AutoCircuitError `conflicting-options` where scores of single prompts are asked for that are not there */
export function checkPerPrompt({
  algo,
  parts,
  perPrompt,
}: Pick<DiscoverRequest, 'algo' | 'parts' | 'perPrompt'>): void {
  if (!perPrompt) return;
  checkGivesPromptScores(algo);
  if (parts) throw sharedPromptScores();
}

/** Several processes cannot keep the scores of single prompts. */
export const sharedPromptScores = (): AutoCircuitError =>
  new AutoCircuitError({
    code: 'conflicting-options',
    fields: { options: ['perPrompt', 'parts'] },
    where: 'run',
    what: 'scores that several processes shared are sums, without the scores of single prompts',
    fix: 'let one process do the run, or keep only the scores over all prompts',
  });

/** How far a kept number may be from what it was: a share of it, and a step where it is very small. */
const ROUNDING: Readonly<Record<PromptScoreDType, readonly [share: number, step: number]>> = {
  float32: [2 ** -24, 2 ** -150],
  float16: [2 ** -11, 2 ** -25],
};
/** The scores themselves are float32, and so is what is compared with them. */
const OF_SCORES = 2 ** -23;
/** Sums in float64, once in each order. */
const OF_SUMS = 2 ** -52;
/** Prompts read at a time. */
const PIECE = 8;

/**
 * Whether the mean of the kept scores is the algorithm's result, up to the rounding of both: a file that was damaged between
 * two processes, or an algorithm that keeps something else, is noticed here.
 * @throws AutoCircuitError `wrong-checkpoint` naming a module
 */
export function checkPromptMeans(keeper: PromptScoreKeeper, scores: PruneScores, path: string | undefined): void {
  const table = keeper.table();
  const { graph, prompts } = table;
  const sums = new Map(
    graph.destinationBlocks.map(({ module }) => [module, new Float64Array(scores[module]!.data.length)]),
  );
  const sizes = new Map([...sums].map(([module, own]) => [module, new Float64Array(own.length)])); // Σ|x|
  for (let start = 0; start < prompts; start += PIECE) {
    const { tensors } = table.read(start, Math.min(prompts, start + PIECE));
    for (const [module, sum] of sums) {
      const { data } = tensors[module]!; // [prompts, position?, head?, sources]
      const size = sizes.get(module)!;
      for (let i = 0; i < data.length; i++) {
        sum[i % sum.length]! += data[i]!;
        size[i % sum.length]! += Math.abs(data[i]!);
      }
    }
  }
  const [share, step] = ROUNDING[keeper.dtype];
  for (const [module, sum] of sums) {
    const size = sizes.get(module)!;
    const wrong = scores[module]!.data.findIndex((score, i) => {
      const mean = sum[i]! / prompts;
      const allowed =
        step + (size[i]! / prompts) * (share * (1 + share) + prompts * OF_SUMS) + OF_SCORES * Math.abs(score);
      return score !== mean && !(Math.abs(score - mean) <= allowed);
    });
    if (wrong < 0) continue;
    throw new AutoCircuitError({
      code: 'wrong-checkpoint',
      fields: {
        ...(path === undefined ? {} : { path }),
        name: module,
        expected: scores[module]!.data[wrong]!,
        got: sum[wrong]! / prompts,
      },
      where: 'run',
      what: `the scores of single prompts do not have the mean that the scores are: "${module}", place ${wrong}`,
      expected: `${scores[module]!.data[wrong]}`,
      got: `${sum[wrong]! / prompts}`,
      fix: 'start again, replacing the run',
    });
  }
}
