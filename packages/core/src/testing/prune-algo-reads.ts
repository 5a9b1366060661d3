/** @file What scores of a pruning algorithm depend on, and what not: every prompt, the objective, the patch; not the cutting into batches. */

import { maskFromEdges } from '../graph/circuit.js';
import { flattenScores } from '../graph/score-index.js';
import type { PruneScores } from '../graph/types.js';
import type { Objective } from '../objectives/objective.js';
import { objectiveOnLogits } from '../objectives/on-logits.js';
import type { PruneAlgoContext, PruneResult } from '../plugin/prune-algo.js';
import type { Prompt, PromptBatch } from '../prompts/types.js';
import { type ContractCheck, require } from './contract.js';
import type { PruneAlgoContextSpec } from './prune-algo-contexts.js';

/** What an algorithm may leave out of account. The suite checks that it does so exactly where it says it does. */
export type ScoreInput = 'prompts' | 'objective' | 'patch';

/** What an algorithm says of its scores. */
export interface ReadsOptions {
  readonly ignores: readonly ScoreInput[];
  readonly byBatch: boolean;
  readonly coarse: boolean;
  readonly mixesSides: boolean;
  /** Whether scores are effects with a sign. */
  readonly signed: boolean;
  readonly tolerance: number;
}
/** Runs the algorithm. */
type Score = (spec: PruneAlgoContextSpec, more?: Partial<PruneAlgoContext>) => Promise<PruneResult>;
/** Runs something on the context of the suite. */
type WithContext = <T>(spec: PruneAlgoContextSpec, use: (context: PruneAlgoContext) => Promise<T>) => Promise<T>;

/** Checks of what scores depend on. */
export function readsChecks(score: Score, withContext: WithContext, how: ReadsOptions): ContractCheck[] {
  const { ignores, byBatch, coarse, mixesSides, signed, tolerance } = how;
  const batches = (cuts?: readonly number[]): Promise<readonly PromptBatch[]> =>
    withContext(cuts ? { batches: cuts } : {}, async (context) => context.batches);
  const apart = (a: PruneResult, b: PruneResult): number => largestDifference(a.scores, b.scores);
  /** Scores differ where the algorithm reads `input`, and are the same where it says that it does not. */
  const requireRead = (input: ScoreInput, a: PruneResult, b: PruneResult, what: string): void => {
    const moved = apart(a, b);
    if (ignores.includes(input))
      require(moved <= tolerance, `scores change with ${what}`, 'the same scores', `${moved}`);
    else require(moved > tolerance, `scores do not change with ${what}`, 'other scores', 'the same ones');
  };
  const check = (name: string, run: () => Promise<void>): ContractCheck => ({ name, run });
  const checks = [
    check('counts every prompt, on either side', async () => {
      const whole = await batches();
      const base = await score({});
      const total = whole.reduce((n, { prompts }) => n + prompts.length, 0);
      if (coarse) {
        const all = whole.map((batch) => ({ ...batch, prompts: batch.prompts.map(mirrored('clean')) }));
        return requireRead('prompts', base, await score({}, { batches: all }), 'the prompts');
      }
      for (let k = 0; k < total; k++)
        requireRead('prompts', base, await score({}, { batches: edited(whole, k, mirrored('clean')) }), `prompt ${k}`);
      if (ignores.includes('patch')) return;
      for (const k of [0, total - 1])
        requireRead(
          'prompts',
          base,
          await score({}, { batches: edited(whole, k, mirrored('corrupt')) }),
          `the other side of prompt ${k}`,
        );
    }),
    check('follows the objective', async () => {
      const [a, b] = [await score({ objective: DIFFERENCE }), await score({ objective: ANSWERS })];
      requireRead('objective', a, b, 'the objective');
    }),
    check('patches in what it is told to', async () => {
      requireRead('patch', await score({}), await score({}, { patch: { kind: 'zero' } }), 'what is patched in');
    }),
    check('leaves prompts as they were', async () => {
      const given = await batches();
      const before = JSON.stringify(given);
      await score({}, { batches: given });
      require(JSON.stringify(given) === before, 'the algorithm changed the prompts that it was given');
    }),
  ];
  if (!byBatch)
    checks.push(
      check('gives the same scores however prompts are cut into batches', async () => {
        const whole = await score({ batches: [5] });
        for (const cuts of [
          [3, 2],
          [1, 4],
          [1, 1, 1, 1, 1],
        ]) {
          const moved = apart(whole, await score({ batches: cuts }));
          require(moved <=
            tolerance, `batches of ${cuts} prompts give other scores`, `a change of at most ${tolerance} of the largest`, `${moved}`);
        }
      }),
    );
  if (!mixesSides && !ignores.includes('patch'))
    checks.push(
      check('runs on the clean side: corrupt prompts do not matter where zeros are patched in', async () => {
        const whole = await batches();
        const other = whole.map((batch) => ({ ...batch, prompts: batch.prompts.map(mirrored('corrupt')) }));
        const [a, b] = [
          await score({}, { patch: { kind: 'zero' } }),
          await score({}, { patch: { kind: 'zero' }, batches: other }),
        ];
        const moved = apart(a, b);
        require(moved <=
          tolerance, 'scores change with corrupt prompts that are not patched in', 'the same scores', `${moved}`);
      }),
    );
  if (signed && !ignores.includes('prompts'))
    checks.push(
      check('gives scores that are above 0 for edges that support the answer', async () => {
        const { scores } = await score({ objective: DIFFERENCE });
        const { flat, effects } = await withContext({ objective: DIFFERENCE }, async (context) => ({
          flat: [...flattenScores(context.graph, scores)].map(clamped),
          effects: await exactEffects(context),
        }));
        const agreement = correlation(flat, effects);
        require(agreement >
          0, 'scores do not go with what patching each edge by itself does to the loss', 'a correlation above 0', `${agreement}`);
      }),
    );
  return checks;
}

const DIFFERENCE: Objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' };
const ANSWERS: Objective = { kind: 'answers', tokenFunction: 'prob', value: 'value' };

/** Scores of edges that are always kept may be infinite. */
const clamped = (x: number): number => Math.max(-1e6, Math.min(1e6, x));

/** Every prompt as it was but for one. */
function edited(batches: readonly PromptBatch[], k: number, edit: (prompt: Prompt) => Prompt): PromptBatch[] {
  return batches.map((batch) => ({
    ...batch,
    prompts: batch.prompts.map((prompt) => (prompt.index === k ? edit(prompt) : prompt)),
  }));
}

/** A side with every number moved: by unequal amounts, so that no sum stays. */
const mirrored =
  (side: 'clean' | 'corrupt') =>
  (prompt: Prompt): Prompt => ({
    ...prompt,
    [side]: (prompt[side] as number[][]).map((features, pos) =>
      features.map((x, d) => 0.7 - 1.5 * x + 0.2 * pos - 0.45 * d),
    ) as Prompt['clean'],
  });

/** loss(edge patched) − loss(nothing patched), mean over prompts, by canonical number. */
async function exactEffects({ model, graph, batches, patch, objective }: PruneAlgoContext): Promise<number[]> {
  const effects = new Array<number>(graph.edgeCount).fill(0);
  for (const batch of batches) {
    const losses = async (edges: readonly number[]): Promise<Float64Array> => {
      const mask = maskFromEdges(graph, edges, { inside: 1, outside: 0 });
      return objectiveOnLogits(objective, await model.patchedRun(batch, { input: 'clean', patch, mask }), batch);
    };
    const before = await losses([]);
    for (let edge = 0; edge < graph.edgeCount; edge++) {
      const after = await losses([edge]);
      effects[edge]! += after.reduce((sum, x, i) => sum + x - before[i]!, 0);
    }
  }
  return effects;
}

/** Pearson's, 0 where either side is constant. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const centred = (x: readonly number[]): number[] => {
    const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
    return x.map((value) => value - mean);
  };
  const [u, v] = [centred(a), centred(b)];
  const dot = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  const size = Math.sqrt(dot(u, u) * dot(v, v));
  return size === 0 ? 0 : dot(u, v) / size;
}

/** The largest difference between two scores of an edge, as a share of the largest score. */
function largestDifference(a: PruneScores, b: PruneScores): number {
  let [difference, largest] = [0, 0];
  for (const [module, { data }] of Object.entries(a)) {
    for (const [i, x] of data.entries()) {
      const y = b[module]!.data[i]!;
      if (x === y) continue;
      if (!Number.isFinite(x - y)) return Number.POSITIVE_INFINITY;
      difference = Math.max(difference, Math.abs(x - y));
      largest = Math.max(largest, Math.abs(x), Math.abs(y));
    }
  }
  return largest === 0 ? 0 : difference / largest;
}
