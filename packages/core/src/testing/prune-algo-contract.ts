/** @file The contract of a pruning algorithm: what every algorithm, first-party or not, has to keep to. */

import type { Backend } from '../backend/backend.js';
import { scoreShape } from '../graph/build.js';
import { checkScores } from '../graph/score-index.js';
import type { Graph, PruneScores } from '../graph/types.js';
import type { Objective } from '../objectives/objective.js';
import { parseOptions } from '../plugin/option-values.js';
import type { PruneAlgo, PruneAlgoContext, PruneResult } from '../plugin/prune-algo.js';
import { checkPromptMeans, promptScoreKeeper } from '../run/prompt-score-keeper.js';
import { toFileNodes } from '../run-folder/node-files.js';
import { toFileScores } from '../run-folder/score-files.js';
import { type ContractCheck, require } from './contract.js';
import { contributionChecks } from './contribution-checks.js';
import { microModel } from './micro-model.js';
import { memoryCheckpoint, type PruneAlgoContextSpec, pruneAlgoContext } from './prune-algo-contexts.js';
import { readsChecks, type ScoreInput } from './prune-algo-reads.js';

type AlgoOptions = Readonly<Record<string, unknown>>;

/** How an algorithm is tried. */
export interface PruneAlgoContractOptions {
  /** Options other than the defaults to run the suite with; make slow algorithms quick here. By graph, where they name its edges or files. */
  readonly options?: AlgoOptions | ((graph: Graph) => AlgoOptions | Promise<AlgoOptions>);
  /** The run's objective; default the logit difference. */
  readonly objective?: Objective;
  /** Default: the interpreter in float64. */
  readonly backend?: () => Backend | Promise<Backend>;
  /** How far scores may move with the micro-batch, as a share of the largest one; default 1e-6, a few float32 steps. */
  readonly tolerance?: number;
  /** What scores do not depend on, such as the objective of an algorithm that has its own; the suite checks that too. Default: nothing. */
  readonly ignores?: readonly ScoreInput[];
  /** Whether scores depend on how prompts are cut into batches, as those of training batch by batch do. Default: no. */
  readonly byBatch?: boolean;
  /** Whether scores have few levels, as those of a search over a few thresholds: then no single prompt need move them. Default: no. */
  readonly coarse?: boolean;
  /** Whether corrupt prompts matter where zeros are patched in, as on a path between the two inputs. Default: no. */
  readonly mixesSides?: boolean;
}

/**
 * Every check of a pruning algorithm, run on the micro model: valid name, doc and options; a score for every edge in every
 * kind of graph; the same scores for the same seed, for any micro-batch, and after being stopped and taken up again;
 * batches of several sizes and lengths, one prompt, several answers, the smallest graph; scores that follow every prompt, the
 * objective and the patch, that have the right sign and do not depend on how prompts are batched; prompts left as they were;
 * progress that only grows; an abort that is honoured; the scores of single prompts, where it says that it has them.
 */
export function pruneAlgoContract(algo: PruneAlgo, contract: PruneAlgoContractOptions = {}): ContractCheck[] {
  const {
    objective,
    backend,
    tolerance = 1e-6,
    ignores = [],
    byBatch = false,
    coarse = false,
    mixesSides = false,
  } = contract;
  const optionsFor = async (graph: Graph) => {
    const { options = {} } = contract;
    return parseOptions(algo.options, typeof options === 'function' ? await options(graph) : options, algo.name);
  };
  const base = { ...(objective ? { objective } : {}), ...(backend ? { backend } : {}) };
  const withContext = async <T>(
    spec: PruneAlgoContextSpec,
    use: (context: PruneAlgoContext) => Promise<T>,
  ): Promise<T> => {
    const { context, dispose } = await pruneAlgoContext({ ...base, ...spec });
    try {
      return await use(context);
    } finally {
      await dispose();
    }
  };
  const score = (spec: PruneAlgoContextSpec, more: Partial<PruneAlgoContext> = {}): Promise<PruneResult> =>
    withContext(spec, async (context) => {
      const result = await algo.score({ ...context, ...more }, await optionsFor(context.graph));
      requireResult(context.graph, result);
      return result;
    });
  const check = (name: string, run: () => Promise<unknown>): ContractCheck => ({
    name,
    run: async () => {
      await run();
    },
  });
  /** The mean of what is kept is the result, and the first prompt's is what it has alone. */
  const keepsPrompts = () =>
    withContext({ batches: [1, 3, 2] }, async (context) => {
      const { graph, batches, model } = context;
      const options = await optionsFor(graph);
      const keeper = promptScoreKeeper({ model, perPrompt: 'float32' }, batches, null)!;
      const { scores } = await algo.score({ ...context, byPrompt: keeper.sink }, options);
      checkPromptMeans(keeper, toFileScores(graph, scores), undefined);
      const alone = await algo.score({ ...context, batches: batches.slice(0, 1) }, options);
      requireCloseScores(alone.scores, keeper.table().read(0, 1).tensors, tolerance, 'the first prompt’s scores');
    });
  return [
    ...contributionChecks(algo),
    ...Object.entries(GRAPHS).map(([name, spec]) => check(`gives every edge a score: ${name}`, () => score(spec))),
    check('gives the same scores twice', async () => {
      requireClose(await score({ seed: 3 }), await score({ seed: 3 }), 0, 'the same run twice');
    }),
    check('does not depend on the micro-batch', async () => {
      requireClose(await score({}), await score({ microBatchTokens: 3 }), tolerance, 'another micro-batch');
    }),
    check('takes batches of several sizes and lengths', () => score({ batches: [1, 3, 2], lengths: [3, 2, 5] })),
    check('takes one prompt', () => score({ batches: [1] })),
    check('takes prompts with several answers', () => score({ ragged: true })),
    ...readsChecks(score, withContext, {
      ignores,
      byBatch,
      coarse,
      mixesSides,
      signed: algo.signed ?? true,
      tolerance,
    }),
    check('reports progress that only grows and comes to its end', async () => {
      const reports: (readonly [number, number])[] = [];
      await score({}, { progress: { report: (done, total) => reports.push([done, total]) } });
      const [last, total] = reports.at(-1) ?? [0, 1];
      require(reports.length > 0, 'no progress was reported');
      require(last === total, 'progress stops before its end', `${total}`, `${last}`);
      for (const [i, [done, of]] of reports.entries()) {
        require(done >= 0 &&
          done <= of &&
          of === total, 'progress is out of range', `0 to ${total}`, `${done} of ${of}`);
        require(done >= (reports[i - 1]?.[0] ?? 0), 'progress goes back', `at least ${reports[i - 1]?.[0]}`, `${done}`);
      }
    }),
    check('does nothing when it is aborted before it starts', async () => {
      const controller = new AbortController();
      controller.abort(new Error('stopped'));
      const outcome = await settled(score({}, { signal: controller.signal }));
      require(outcome.error === controller.signal.reason, 'the abort was not honoured', "the signal's reason", String(
        outcome.error ?? 'scores',
      ));
    }),
    check('stops soon after an abort, and goes on from its checkpoint to the same scores', async () => {
      const whole = await score({});
      for (const stopAfter of [1, 2, 7]) await requireResumes(score, whole, stopAfter);
    }),
    ...(algo.byPrompt ? [check('keeps the scores of each prompt, in their order', keepsPrompts)] : []),
  ];
}

const GRAPHS: Readonly<Record<string, PruneAlgoContextSpec>> = {
  'edges between heads': {},
  'edges for each token position': { graph: { positions: 3 } },
  'the residual graph': { graph: { factorized: false } },
  'the residual graph for each token position': { graph: { factorized: false, positions: 3 } },
  'the smallest graph, of two edges': { model: microModel([[[2, -1]]]), graph: { factorized: false } },
};

/** Aborts after so many progress reports, then runs again from what was saved. */
async function requireResumes(
  score: (spec: PruneAlgoContextSpec, more: Partial<PruneAlgoContext>) => Promise<PruneResult>,
  whole: PruneResult,
  stopAfter: number,
): Promise<void> {
  const checkpoint = memoryCheckpoint();
  const controller = new AbortController();
  let afterAbort = 0;
  let reports = 0;
  const report = (): void => {
    if (controller.signal.aborted) afterAbort++;
    if (++reports === stopAfter) controller.abort(new Error('stopped'));
  };
  const first = await settled(score({}, { checkpoint, signal: controller.signal, progress: { report } }));
  if (first.result) return requireClose(whole, first.result, 0, 'a run that was over when it was aborted');
  require(first.error === controller.signal.reason, 'an aborted run failed otherwise', "the signal's reason", String(
    first.error,
  ));
  require(afterAbort <= 1, 'work went on after the abort', 'at most one more step', `${afterAbort}`);
  requireClose(whole, await score({}, { checkpoint }), 0, `a run stopped after ${stopAfter} steps and taken up again`);
}

async function settled(run: Promise<PruneResult>): Promise<{ result?: PruneResult; error?: unknown }> {
  try {
    return { result: await run };
  } catch (error) {
    return { error };
  }
}

function requireResult(graph: Graph, { scores, standardErrors, nodes }: PruneResult): void {
  checkScores(graph, scores); // every module, its shape, no NaN
  if (nodes) toFileNodes(graph, nodes); // the same for nodes
  if (!standardErrors) return;
  for (const block of graph.destinationBlocks) {
    const tensor = standardErrors[block.module];
    const expected = scoreShape(graph, block).join();
    require(tensor?.shape.join() ===
      expected, `standard errors of ${block.module}`, `shape ${expected}`, `${tensor?.shape}`);
    require(tensor.data.every(
      (x) => x >= 0 && Number.isFinite(x),
    ), `standard errors of ${block.module}`, 'numbers from 0', 'others');
  }
}

/** Scores and standard errors equal up to a share of the largest number. */
function requireClose(a: PruneResult, b: PruneResult, tolerance: number, what: string): void {
  requireCloseScores(a.scores, b.scores, tolerance, `${what}: other scores`);
  require((a.standardErrors === undefined) ===
    (b.standardErrors === undefined), `${what}: standard errors are there once only`);
  requireCloseScores(a.standardErrors ?? {}, b.standardErrors ?? {}, tolerance, `${what}: other standard errors`);
}

function requireCloseScores(a: PruneScores, b: PruneScores, tolerance: number, what: string): void {
  const largest = Math.max(
    0,
    ...Object.values(a).flatMap(({ data }) => [...data].filter(Number.isFinite).map(Math.abs)),
  );
  for (const [module, { data }] of Object.entries(a)) {
    for (const [i, x] of data.entries()) {
      const y = b[module]!.data[i]!;
      const same = x === y || Math.abs(x - y) <= tolerance * largest;
      require(same, `${what} (${module}, place ${i})`, `${x}`, `${y}`);
    }
  }
}
