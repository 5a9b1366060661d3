/**
 * @file From a request to a circuit: scores on the training prompts, circuits of several sizes measured on the test prompts,
 * and the run folder that keeps it all. What is finished is read, not recomputed.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { AutoCircuitError } from '../errors/error.js';
import { circuitToJson, parseCircuitJson } from '../graph/circuit-json.js';
import { selectionText } from '../graph/edge-ranking.js';
import { invalidEdgeCount } from '../graph/scores.js';
import type { Circuit, NodeScores, PruneScores } from '../graph/types.js';
import type { ObjectiveName } from '../objectives/names.js';
import type { PatchDescription } from '../patch/requests/ablations.js';
import type { ResultFigure } from '../plugin/figures.js';
import { type ChosenObjective, objectiveChosen } from '../plugin/objective.js';
import type { PromptScoreTable } from '../plugin/prompt-scores.js';
import type { PruneResult } from '../plugin/prune-algo.js';
import { checkSameMaker, type OpenedStore, openRunStore } from '../run-folder/open-run.js';
import { readPromptScores } from '../run-folder/prompt-score-file.js';
import { figuresOf } from '../run-folder/report-input.js';
import type { Measurement, RunJson, Timings } from '../run-folder/schemas.js';
import type { RunStore } from '../run-folder/store.js';
import { runAlgorithm } from './algorithm-run.js';
import { checkedScores } from './check-results.js';
import { checkSelection, keptCircuit, type MadeCircuit, sizesToMeasure, tiesWarning } from './circuits-to-measure.js';
import type { DiscoverHooks } from './hooks.js';
import { SizeMeasurer } from './measure-circuits.js';
import { checkPerPrompt, checkPromptMeans, type PromptScoreKeeper, promptScoreKeeper } from './prompt-score-keeper.js';
import { promptsOfRun, type RunPrompts } from './prompts-of-run.js';
import type { DiscoverRequest } from './request.js';
import { checkCircuitRun, checkMetrics, patchDescription } from './run-circuits.js';
import { runJsonOf } from './run-json.js';
import type { ScoredEdges } from './scored-edges.js';

/** What a run found. */
export interface DiscoverResult {
  /** The run folder, absolute; null without a store. */
  readonly folder: string | null;
  readonly run: RunJson | null;
  readonly scores: PruneScores;
  readonly standardErrors?: PruneScores;
  /** How many standard errors to each side hold a score in 95 of 100 draws of the prompts. */
  readonly intervalFactor?: number;
  /** The scores of every training prompt, where they were asked for. */
  readonly byPrompt?: PromptScoreTable;
  /** Of an algorithm that scores nodes. */
  readonly nodes?: NodeScores;
  /** What an algorithm that trains saw at each step. */
  readonly curves?: Readonly<Record<string, readonly number[]>>;
  /** What the algorithm shows beyond these. */
  readonly figures?: readonly ResultFigure[];
  /** The circuit that was kept. */
  readonly circuit: Circuit;
  readonly measurements: readonly Measurement[];
  readonly timings: Timings;
}

/**
 * Runs a discovery. With a store, work goes on where an earlier process stopped, and the files come out byte for byte as if
 * it had not stopped. On an aborted signal the signal's reason is thrown; what is finished stays for `resume`.
 * @throws AutoCircuitError for requests that make no sense with this model and data, and for run folders that cannot be used
 */
export async function discover(request: DiscoverRequest, hooks: DiscoverHooks = {}): Promise<DiscoverResult> {
  checkCircuitRun(request, request.force ?? false);
  const { graph } = request.model;
  const prompts = promptsOfRun(request.prompts, graph, request.ablation, request);
  checkMetrics(request.metrics, prompts.test, request.known ?? null);
  checkObjective(request.objective, prompts);
  checkSizes(request, graph.edgeCount);
  checkPerPrompt(request);
  if (!request.store) return runParts(request, hooks, prompts, null, null);
  const { folder, existing, identity, readDamaged = false } = request.store;
  const run = runJsonOf(request, identity, prompts);
  const opened = await openRunStore(folder, run, existing, {
    force: readDamaged,
    ...(hooks.onWarning ? { onWarning: hooks.onWarning } : {}),
  });
  const { store } = opened;
  try {
    const finished = await finishedRun(request, hooks, opened);
    if (finished) {
      await store.finish();
      return finished;
    }
    if (store.resumed) {
      checkSameMaker(store.folder, opened.run, run);
      await store.begin();
    }
    return await runParts(request, hooks, prompts, store, opened.run);
  } catch (cause) {
    if (isMistake(cause)) await store.abandon();
    throw cause;
  } finally {
    await store.close();
  }
}

/** Whether an error is about what was asked: what a file system refuses may succeed with the same request. */
const isMistake = (error: unknown): boolean =>
  error instanceof AutoCircuitError && error.kind === 'user' && error.fields.errno === undefined;

async function runParts(
  request: DiscoverRequest,
  hooks: DiscoverHooks,
  prompts: RunPrompts,
  store: RunStore | null,
  run: RunJson | null,
): Promise<DiscoverResult> {
  const { model, loadSeconds = 0 } = request;
  const patch = await patchDescription(model, request, prompts.train, {
    seed: request.seed,
    checkpoint: store?.constants(),
    signal: hooks.signal,
    onProgress: (done, total) => hooks.onProgress?.('reference', done, total, 'steps'),
  });
  try {
    const measurer = measurerOf(request, hooks, prompts, patch, store);
    const start = performance.now();
    await measurer.references(); // before scoring, so that prompts on which nothing can be measured are found at once
    const referenced = performance.now();
    const keeper = promptScoreKeeper(request, prompts.train, store);
    const result = await scoresOf(request, hooks, prompts, patch, store, keeper);
    const scored = performance.now();
    const { circuit, connected, gap, measurements } = await measuredOf(request, hooks, measurer, result);
    await store?.writeJson('measurements', measurements);
    await store?.writeJson(
      'circuit',
      circuitToJson(circuit, result.scores, {
        select: selectionText(request.select ?? 'threshold'),
        rankBy: request.rankBy ?? 'absolute',
        connected,
        gap,
      }),
    );
    await store?.commit('measurements', 'circuit');
    const timings: Timings = {
      seconds: {
        load: loadSeconds,
        score: (scored - referenced) / 1000,
        measure: (performance.now() - scored + referenced - start) / 1000,
      },
      memoryMb: Math.round(process.resourceUsage().maxRSS / 1024 + ((await request.processMemory?.()) ?? 0) / 2 ** 20),
      resumed: store?.resumed ?? false,
    };
    await store?.writeTimings(timings);
    if (store && run && hooks.renderReport) {
      await store.writeReport(
        hooks.renderReport({
          run,
          graph: model.graph,
          ...result,
          ...figuresOf(result, measurements, circuit),
          circuit,
          measurements,
        }),
      );
    }
    await store?.finish();
    const byPrompt = keeper?.table();
    return {
      folder: store?.folder ?? null,
      run,
      ...result,
      ...(byPrompt ? { byPrompt } : {}),
      circuit,
      measurements,
      timings,
    };
  } finally {
    if (patch.kind === 'mean') patch.dispose();
  }
}

/** A run of which nothing is left to do, or null. */
async function finishedRun(
  request: DiscoverRequest,
  { renderReport }: DiscoverHooks,
  { store, run }: OpenedStore,
): Promise<DiscoverResult | null> {
  const result = store.scores(request.model.graph);
  const measurements = await store.measurements();
  const timings = await store.timings();
  const written = existsSync(store.path('circuit')) && (!renderReport || existsSync(store.path('report')));
  if (!result || !measurements || !timings || !written) return null;
  const path = store.path('circuit');
  const { circuit } = parseCircuitJson(await readFile(path, 'utf8'), path, request.model.graph);
  const byPrompt = run.asked.perPrompt ? { byPrompt: readPromptScores(store.path('promptScores'), circuit.graph) } : {};
  return { folder: store.folder, run, ...result, ...byPrompt, circuit, measurements, timings };
}

/** What measures circuits of a request. @param store keeps points that are done */
export function measurerOf(
  request: DiscoverRequest,
  hooks: Pick<DiscoverHooks, 'onProgress' | 'signal'>,
  prompts: RunPrompts,
  patch: PatchDescription,
  store: RunStore | null,
): SizeMeasurer {
  return new SizeMeasurer({
    model: request.model,
    batches: prompts.test,
    settings: request,
    patch,
    metrics: request.metrics,
    needFaithfulness: request.keep === 'auto',
    seed: request.seed,
    partial: store ?? undefined,
    shares: request.measuring,
    signal: hooks.signal,
    onProgress: (done, total) => hooks.onProgress?.('measure', done, total, 'circuits'),
  });
}

/**
 * The scores of a store, or new ones in the precision of the file. `patch` stays the caller's.
 * @param keeper gets the scores of single prompts, for an algorithm that has them; it is closed then
 */
export async function scoresOf(
  request: Pick<DiscoverRequest, 'model' | 'algo' | 'algoOptions' | 'objective' | 'seed' | 'parts'>,
  hooks: Pick<DiscoverHooks, 'onProgress' | 'onWarning' | 'signal'>,
  prompts: RunPrompts,
  patch: PatchDescription,
  store: RunStore | null,
  keeper: PromptScoreKeeper | null = null,
): Promise<PruneResult> {
  const { model, algo, parts } = request;
  try {
    const kept = store?.scores(model.graph);
    if (kept) return kept;
    const work = parts ? { parts: parts() } : store ? { checkpoint: store.checkpoint() } : {};
    const watched = keeper ? { ...work, byPrompt: keeper.sink } : work;
    const given = await runAlgorithm(request, hooks, prompts, patch, watched);
    hooks.signal?.throwIfAborted();
    // In the precision of the file, so that a run that goes on from the file decides the same.
    const result = checkedScores(algo.name, model.graph, given);
    if (keeper) checkPromptMeans(keeper, result.scores, store?.path('promptScores'));
    await store?.writeScores(model.graph, result);
    return result;
  } finally {
    keeper?.close();
  }
}

async function measuredOf(
  request: DiscoverRequest,
  { onWarning }: DiscoverHooks,
  measurer: SizeMeasurer,
  scored: ScoredEdges,
): Promise<MadeCircuit & { measurements: readonly Measurement[] }> {
  const { keep, sizes, model } = request;
  const plan = sizesToMeasure(model.graph, scored, sizes, request, keep === 'auto' ? undefined : keep);
  const known = request.known ?? null;
  const { circuits, measurements, auto } = await measurer.measure(plan, { ...scored, known });
  const ties = tiesWarning(circuits);
  if (ties) onWarning?.(ties);
  if (keep !== 'auto') {
    return { ...keptCircuit(model.graph, scored, circuits, keep, request).make(), measurements };
  }
  const made = circuits[auto.index]!.make();
  const { circuit } = made;
  if (!auto.found) {
    const kept =
      circuit.edges.length === model.graph.edgeCount
        ? 'nothing but the whole model was measured, so it is kept'
        : `no two neighbouring sizes are both faithful, so the largest below the whole model is kept (${circuit.edges.length} ${circuit.edges.length === 1 ? 'edge' : 'edges'})`;
    onWarning?.(`${kept}; measure more sizes, or choose the size to keep`);
  }
  return { ...made, measurements };
}

/** Before anything is scored. @throws AutoCircuitError for sizes that the graph does not have */
function checkSizes({ keep, sizes, select = 'threshold' }: DiscoverRequest, edgeCount: number): void {
  checkSelection(sizes, select);
  const asked = [...(keep === 'auto' ? [] : [keep]), ...(sizes.by === 'list' ? sizes.counts : [])];
  const bad = asked.find((size) => !(size >= 0 && size <= edgeCount && (size < 1 || Number.isInteger(size))));
  if (bad === undefined && (keep === 'auto' || Number.isInteger(keep))) return;
  throw invalidEdgeCount('measure', bad ?? Number(keep), 0, edgeCount);
}

/** @throws AutoCircuitError when an objective needs wrong answers and a training prompt has none */
export function checkObjective(objective: ObjectiveName | ChosenObjective, { train }: RunPrompts): void {
  const { text, needsWrongAnswers } = objectiveChosen(objective);
  const lacking = train.flatMap((batch) => batch.prompts).find((prompt) => prompt.wrongAnswers.length === 0);
  if (!lacking || !needsWrongAnswers) return;
  throw new AutoCircuitError({
    code: 'missing-wrong-answers',
    fields: { prompt: lacking.index, objective: text },
    where: 'discover',
    what: `the objective "${text}" needs wrong answers, and prompt ${lacking.index} has none`,
    fix: 'choose another objective (answer-logit, kl, …), or add wrong_answers to the data',
  });
}
