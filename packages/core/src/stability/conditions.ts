/** @file The circuit found again under other conditions, and measured there beside the run's: seeds, ablations, paraphrases. */
import { AutoCircuitError } from '../errors/error.js';
import { makeCircuit } from '../graph/circuit.js';
import { edgeSelection } from '../graph/edge-ranking.js';
import { unflattenScores } from '../graph/score-index.js';
import type { Circuit } from '../graph/types.js';
import type { Checkpoint } from '../plugin/checkpoint.js';
import type { Prompt } from '../prompts/types.js';
import type { Ablating } from '../run/ablations.js';
import type { SelectionSettings } from '../run/circuits-to-measure.js';
import { checkObjective } from '../run/discover.js';
import { evaluate } from '../run/evaluate.js';
import type { DiscoverHooks } from '../run/hooks.js';
import { promptsHash } from '../run/prompts-hash.js';
import { promptsOfRun, type RunPromptSettings } from '../run/prompts-of-run.js';
import type { DiscoverRequest } from '../run/request.js';
import { type ChosenMetric, checkCircuitRun, checkMetrics, patchDescription } from '../run/run-circuits.js';
import type { JsonNumber } from '../run-folder/schemas.js';
import { type KeptPieces, keptScores, scoresOn, textOfScores } from './scores-by-prompt.js';

/** Everything that decides a circuit and its measurement. */
export interface Condition
  extends SelectionSettings,
    RunPromptSettings,
    Pick<DiscoverRequest, 'model' | 'algo' | 'algoOptions' | 'objective'> {
  readonly prompts: readonly Prompt[];
}

/** A condition beside the run's own. */
export type VariationAsked =
  /** All that the seed decides: the division of the prompts, and random choices of the algorithm. */
  | { readonly kind: 'seed'; readonly seed: number }
  | { readonly kind: 'ablation'; readonly name: string; readonly ablation: Ablating }
  /** Other words for the same: all of these prompts in the place of the run's, for scores and to measure on. */
  | { readonly kind: 'paraphrases'; readonly name: string; readonly prompts: readonly Prompt[] };

/** How a variation is called in files and on the terminal. */
export const variationName = (asked: VariationAsked): string => (asked.kind === 'seed' ? `${asked.seed}` : asked.name);

/** What the scores of a variation are kept as: all that they depend on, beside the run. */
export const pieceOf = (asked: VariationAsked): string =>
  `${asked.kind}-${variationName(asked)}${asked.kind === 'paraphrases' ? `-${promptsHash(asked.prompts)}` : ''}`;

/** The run's condition with what differs. */
export function conditionOf(run: Condition, asked: VariationAsked): Condition {
  if (asked.kind === 'seed') return { ...run, seed: asked.seed };
  if (asked.kind === 'ablation') return { ...run, ablation: asked.ablation };
  return { ...run, prompts: asked.prompts, train: null, test: 'same', limit: null, length: null };
}

/** @throws AutoCircuitError for settings that contradict each other, and prompts that do not fit the objective, the metric or the ablation */
export function checkCondition(condition: Condition, metric: ChosenMetric): void {
  checkCircuitRun(condition, true);
  const prompts = promptsOfRun(condition.prompts, condition.model.graph, condition.ablation, condition);
  checkObjective(condition.objective, prompts);
  checkMetrics([metric], prompts.test, null);
}

/** Scores the edges under a condition and chooses as many as the run kept; scores that are kept already are read. */
export async function circuitUnder(
  condition: Condition,
  hooks: Pick<DiscoverHooks, 'onProgress' | 'onWarning' | 'signal'>,
  { edges, kept, piece }: { readonly edges: number; readonly kept: KeptPieces; readonly piece: string },
): Promise<Circuit> {
  const { model, select = 'threshold', rankBy = 'absolute', seed } = condition;
  const { graph } = model;
  const prompts = promptsOfRun(condition.prompts, graph, condition.ablation, condition);
  let found = keptScores(await kept.read(piece), graph);
  if (!found) {
    const patch = await patchDescription(model, condition, prompts.train, { seed, signal: hooks.signal });
    try {
      const drawn = prompts.train.flatMap((batch) => batch.prompts);
      found = await scoresOn(condition, hooks, drawn, patch, seed);
    } finally {
      if (patch.kind === 'mean') patch.dispose();
    }
    await kept.write(piece, textOfScores(found));
  }
  const standardErrors = found.errors ? unflattenScores(graph, found.errors) : undefined;
  const selection = edgeSelection(graph, unflattenScores(graph, found.scores), select, { rankBy, standardErrors });
  return makeCircuit(graph, selection.edges(edges));
}

/** A metric of several circuits under a condition; or why it has none there. */
export type MeasuredUnder =
  | { readonly values: readonly JsonNumber[]; readonly reason: null }
  | { readonly values: null; readonly reason: string };

/** Codes of errors that say that a metric means nothing on these prompts. */
const NO_VALUE: readonly string[] = ['nothing-to-find', 'undefined-metric'];

/** Measures circuits on the test prompts of a condition, each by itself and in their order. */
export async function measuredUnder(
  condition: Condition,
  circuits: readonly Circuit[],
  metric: ChosenMetric,
  {
    signal,
    onProgress,
    constants,
  }: Pick<DiscoverHooks, 'onProgress' | 'signal'> & { readonly constants?: Checkpoint | undefined },
): Promise<MeasuredUnder> {
  if (circuits.length === 0) return { values: [], reason: null };
  try {
    const [measurement] = await evaluate(
      { ...condition, metrics: [metric], target: { kind: 'circuits', circuits }, force: true, constants },
      {
        ...(signal ? { signal } : {}),
        onProgress: (done, total) => onProgress?.('measure', done, total, 'circuits'),
      },
    );
    return { values: measurement!.points.map(({ value }) => value), reason: null };
  } catch (error) {
    if (!(error instanceof AutoCircuitError) || !NO_VALUE.includes(error.code)) throw error;
    return { values: null, reason: error.parts.what };
  }
}

/** |both| ÷ |either|, of canonical numbers; two circuits without edges are the same. */
export function overlapOf(
  a: readonly number[],
  b: ReadonlySet<number>,
): { readonly both: number; readonly either: number; readonly overlap: number } {
  const both = a.filter((edge) => b.has(edge)).length;
  const either = a.length + b.size - both;
  return { both, either, overlap: either === 0 ? 1 : both / either };
}
