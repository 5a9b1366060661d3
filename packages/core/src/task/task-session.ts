/** @file What can be done with an opened task: score edges, choose circuits, measure and run them, patch edges. */
import type { Backend } from '../backend/backend.js';
import { makeCircuit, maskFromEdges } from '../graph/circuit.js';
import { checkSameGraph } from '../graph/circuit-json.js';
import { edgeSelection, type Selecting } from '../graph/edge-ranking.js';
import type { RankBy } from '../graph/edge-ranking-names.js';
import { edgeAt, edgesByName } from '../graph/edges.js';
import { flattenScores } from '../graph/score-index.js';
import type { Circuit, Edge, Graph, PruneScores } from '../graph/types.js';
import type { ObjectiveName } from '../objectives/names.js';
import type { PatchDescription } from '../patch/requests/ablations.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { BatchOutputs, Metric } from '../plugin/metric.js';
import type { ChosenObjective } from '../plugin/objective.js';
import { optionDefaults, parseOptions } from '../plugin/option-values.js';
import type { OptionTable, OptionValues } from '../plugin/options.js';
import type { PromptScoreDType, PromptScoreTable } from '../plugin/prompt-scores.js';
import type { PruneAlgoWith, PruneResult } from '../plugin/prune-algo.js';
import type { Prompt } from '../prompts/types.js';
import type { Ablating } from '../run/ablations.js';
import { circuitsToMeasure, knownCircuit, tiesWarning } from '../run/circuits-to-measure.js';
import { checkObjective, scoresOf } from '../run/discover.js';
import { circuitOutputs, outputsOfCircuits, referenceOutputs } from '../run/outputs-of-circuits.js';
import { checkPerPrompt, type PromptScoreKeeper, promptScoreKeeper } from '../run/prompt-score-keeper.js';
import type { RunPrompts } from '../run/prompts-of-run.js';
import {
  type CircuitRunSettings,
  checkMetrics,
  circuitPatch,
  measureOne,
  metricText,
  metricUnit,
  patchDescription,
  type References,
} from '../run/run-circuits.js';
import { PromptBootstrap } from '../statistics/bootstrap.js';
import { type Interval, measuredIntervals } from '../statistics/measured-intervals.js';
import { COUNT_RULES, checkKind, checkList, checkSettings, PATCH_RULES, SELECT_RULES } from './check-settings.js';
import type { PatchEdgesOptions } from './requests.js';

/** An edge with its score. */
export interface ScoredEdge extends Edge {
  readonly score: number;
}

/** One number for a circuit (or a patched run), with what it lies between. */
export interface MeasuredValue {
  readonly metric: string;
  /** `nats`, `logits`, `%`, … */
  readonly unit: string;
  readonly value: number;
  /** Standard error over prompts, by the bootstrap; absent for metrics that are not made of prompts. */
  readonly standardError?: number;
  /** The interval that contains the value in 95 of 100 draws of the prompts. */
  readonly interval?: Interval;
  /** The same of the whole model, and of the empty circuit (every edge patched). */
  readonly model: number;
  readonly empty: number;
}

/** A point of a curve: a circuit of so many edges and its numbers, in the order of the metrics. */
export interface MeasuredSize {
  readonly edges: number;
  readonly measured: readonly MeasuredValue[];
}

/** Scores with those of every training prompt. */
export interface ScoredPrompts extends PruneResult {
  readonly byPrompt: PromptScoreTable;
  /** The prompts, in the table's order. */
  readonly prompts: readonly Prompt[];
}

/** How scoring is stopped and followed. */
interface ScoringHooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

interface TaskSetup {
  readonly model: PatchableModel;
  readonly prompts: RunPrompts;
  readonly settings: CircuitRunSettings;
  readonly objective: ObjectiveName | ChosenObjective;
  readonly seed: number;
  readonly onWarning: (line: string) => void;
}

/** A task, opened: what a script scores, measures and patches with. Made by `openTask`; dispose it at the end. */
export class TaskSession {
  readonly graph: Graph;
  /** The engine itself: plain runs, patched runs and gradients with masks of your own. */
  readonly model: PatchableModel;
  /** Training and test prompts in batches. */
  readonly prompts: RunPrompts;
  readonly #setup: TaskSetup;
  readonly #ownBackend: Backend | null;
  readonly #bootstrap: PromptBootstrap;
  readonly #patches = new Map<Ablating, Promise<PatchDescription>>();
  #references: Promise<References> | null = null;

  /** Made by `openTask`. @param ownBackend disposed with the task */
  constructor(setup: TaskSetup, ownBackend: Backend | null) {
    this.graph = setup.model.graph;
    this.model = setup.model;
    this.prompts = setup.prompts;
    this.#setup = setup;
    this.#ownBackend = ownBackend;
    this.#bootstrap = new PromptBootstrap(setup.seed);
  }

  /**
   * Scores every edge on the training prompts.
   * @param options those of the algorithm; what is left out has its default
   * @throws AutoCircuitError for options that the algorithm does not have, or an objective that the prompts do not allow
   */
  async score<T extends OptionTable>(
    algo: PruneAlgoWith<T>,
    options: Partial<OptionValues<NoInfer<T>>> = {},
    hooks: ScoringHooks = {},
  ): Promise<PruneResult> {
    const { keeper: _, ...result } = await this.#scored(algo, options, hooks, null);
    return result;
  }

  /**
   * Scores every edge on the training prompts, and keeps each prompt's scores in memory: 4 bytes for each prompt and edge.
   * @throws AutoCircuitError like `score`, and `conflicting-options` for an algorithm that does not average over prompts
   */
  async scorePrompts<T extends OptionTable>(
    algo: PruneAlgoWith<T>,
    options: Partial<OptionValues<NoInfer<T>>> = {},
    hooks: ScoringHooks = {},
  ): Promise<ScoredPrompts> {
    const prompts = this.prompts.train.flatMap((batch) => batch.prompts);
    const { keeper, ...result } = await this.#scored(algo, options, hooks, 'float32');
    return { ...result, byPrompt: keeper!.table(), prompts };
  }

  /** The edges of largest |score|, the largest first. */
  strongest(scores: PruneScores, count: number): ScoredEdge[] {
    checkSettings('strongest', { count }, COUNT_RULES);
    const all = flattenScores(this.graph, scores);
    return [...all.keys()]
      .sort((a, b) => Math.abs(all[b]!) - Math.abs(all[a]!) || a - b)
      .slice(0, count)
      .map((number) => ({ ...edgeAt(this.graph, number), score: all[number]! }));
  }

  /**
   * The circuit of so many edges. `threshold` (the default) takes the largest |score|, and ties whole, so it may have more;
   * `top` exactly so many; `greedy` grows from the output.
   * @throws AutoCircuitError `invalid-edge-count` for a number that the graph cannot keep
   */
  circuit(scores: PruneScores, edges: number, select: Selecting = 'threshold', rankBy: RankBy = 'absolute'): Circuit {
    checkSettings('circuit', { select, rankBy }, SELECT_RULES);
    return makeCircuit(this.graph, edgeSelection(this.graph, scores, select, { rankBy }).edges(edges));
  }

  /** The circuit of these edges, by name (`A2.3->Resid End`) or number. @throws AutoCircuitError for edges that are not there */
  circuitOf(edges: readonly (string | number)[]): Circuit {
    return makeCircuit(this.graph, this.#numbers(edges));
  }

  /**
   * Measures a circuit on the test prompts, or outputs that were made by `run` or `patch`.
   * @throws AutoCircuitError for a metric that needs wrong answers where a prompt has none, or that gives no number
   */
  async measure(what: Circuit | readonly BatchOutputs[], metrics: readonly Metric[]): Promise<MeasuredValue[]> {
    checkMetrics(chosen(metrics), this.prompts.test);
    const outputs = isOutputs(what) ? what : await this.run(what);
    return this.#measured(outputs, metrics);
  }

  /** Measures circuits of several sizes of the same scores: the points of a curve, by rising size; ties may make a size larger. */
  async curve(
    scores: PruneScores,
    sizes: readonly number[],
    metrics: readonly Metric[],
    select: Selecting = 'threshold',
    rankBy: RankBy = 'absolute',
  ): Promise<MeasuredSize[]> {
    checkSettings('curve', { select, rankBy }, SELECT_RULES);
    checkMetrics(chosen(metrics), this.prompts.test);
    const { settings, onWarning } = this.#setup;
    const circuits = circuitsToMeasure(
      this.graph,
      { scores },
      { by: 'list', counts: [...sizes] },
      { ...settings, select, rankBy },
    );
    const ties = tiesWarning(circuits);
    if (ties) onWarning(ties);
    const points: MeasuredSize[] = [];
    for (const [start, stop] of this.model.maskWindows(this.prompts.test, circuits.length)) {
      const group = circuits.slice(start, stop);
      const connected = group.map(({ make }) => make().connected.edges);
      const patch = await this.#patch(settings.ablation);
      const outputs = await outputsOfCircuits(this.model, this.prompts.test, connected, settings, patch);
      for (const [i, { edges }] of group.entries())
        points.push({ edges, measured: await this.#measured(outputs[i]!, metrics) });
    }
    return points;
  }

  /** The outputs of a circuit on the test prompts: logits of each batch. */
  async run(circuit: Circuit): Promise<readonly BatchOutputs[]> {
    const { settings } = this.#setup;
    if (circuit.graph !== this.graph) checkSameGraph(circuit.graph, this.graph, 'the circuit');
    const { connected } = knownCircuit(circuit, settings).make();
    const patch = await this.#patch(settings.ablation);
    return circuitOutputs(this.model, this.prompts.test, connected.edges, settings, patch);
  }

  /**
   * Runs the test prompts with these edges patched and all others left: the effect of an edge, by name or number.
   * @throws AutoCircuitError for edges that are not there
   */
  async patch(edges: readonly (string | number)[], options: PatchEdgesOptions = {}): Promise<readonly BatchOutputs[]> {
    checkSettings('patch', { ...options }, PATCH_RULES);
    const { settings } = this.#setup;
    const { ablation = settings.ablation, input = settings.reverse ? 'corrupt' : 'clean' } = options;
    // as a tree patch of that side has it: what is patched in is seen from the side that is run
    const seen = { ...settings, patchType: 'tree' as const, reverse: input === 'corrupt' };
    const patch = circuitPatch(seen, await this.#patch(ablation));
    const mask = maskFromEdges(this.graph, this.#numbers(edges), { inside: 1, outside: 0 });
    const outputs: BatchOutputs[] = [];
    for (const batch of this.prompts.test) {
      outputs.push({ batch, logits: (await this.model.patchedRun(batch, { input, patch, mask })).data });
    }
    return outputs;
  }

  /** Frees what the runtime holds: programs, weights, means; and the backend, where `openTask` made it. */
  async dispose(): Promise<void> {
    const patches = [...this.#patches.values()];
    this.#patches.clear();
    try {
      for (const made of patches) {
        const patch = await made.catch(() => null);
        if (patch?.kind === 'mean') patch.dispose();
      }
      await this.model.dispose();
    } finally {
      await this.#ownBackend?.dispose();
    }
  }

  /** What an ablation patches in; means and constants are made once. */
  #patch(ablation: Ablating): Promise<PatchDescription> {
    const made = this.#patches.get(ablation);
    if (made) return made;
    const { settings, seed } = this.#setup;
    const patch = patchDescription(this.model, { ...settings, ablation }, this.prompts.train, { seed });
    this.#patches.set(ablation, patch);
    patch.catch(() => this.#patches.delete(ablation));
    return patch;
  }

  async #measured(outputs: readonly BatchOutputs[], metrics: readonly Metric[]): Promise<MeasuredValue[]> {
    const references = await this.#reference();
    return chosen(metrics).map((metric): MeasuredValue => {
      const valueUnder = (of: readonly BatchOutputs[]) => measureOne(metric, of, references, this.model);
      const { value, standardError: own, prompts } = valueUnder(outputs);
      const standardError = prompts ? this.#bootstrap.standardError(prompts) : own;
      const [interval] = prompts ? measuredIntervals([prompts]) : [];
      return {
        metric: metricText(metric),
        unit: metricUnit(metric),
        value,
        ...(standardError === undefined ? {} : { standardError }),
        ...(interval ? { interval } : {}),
        model: valueUnder(references.model).value,
        empty: valueUnder(references.empty).value,
      };
    });
  }

  /** The whole model's and the empty circuit's outputs, made once. */
  #reference(): Promise<References> {
    const make = async (): Promise<References> => {
      const { settings } = this.#setup;
      return referenceOutputs(this.model, this.prompts.test, settings, await this.#patch(settings.ablation));
    };
    this.#references ??= make();
    this.#references.catch(() => {
      this.#references = null;
    });
    return this.#references;
  }

  async #scored<T extends OptionTable>(
    algo: PruneAlgoWith<T>,
    options: Partial<OptionValues<NoInfer<T>>>,
    { signal, onProgress }: ScoringHooks,
    perPrompt: PromptScoreDType | null,
  ): Promise<PruneResult & { readonly keeper: PromptScoreKeeper | null }> {
    checkKind(algo, 'prune-algo', 'an algorithm, such as eap of @auto-circuit/prune-algos');
    const { objective, seed, onWarning, settings } = this.#setup;
    checkObjective(objective, this.prompts);
    const request = { model: this.model, algo, algoOptions: parseOptions(algo.options, options, algo.name), perPrompt };
    checkPerPrompt(request);
    const hooks = {
      onWarning,
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress: (_: unknown, done: number, total: number) => onProgress(done, total) } : {}),
    };
    const patch = await this.#patch(settings.ablation);
    const keeper = promptScoreKeeper(request, this.prompts.train, null);
    const result = await scoresOf({ ...request, objective, seed }, hooks, this.prompts, patch, null, keeper);
    return { ...result, keeper };
  }

  #numbers(edges: readonly (string | number)[]): number[] {
    checkList(edges, 'edges');
    const numbers = edges.flatMap((edge) =>
      typeof edge === 'string' ? edgesByName(this.graph, edge) : [edgeAt(this.graph, edge).number],
    );
    return [...new Set(numbers)].sort((a, b) => a - b);
  }
}

function chosen(metrics: readonly Metric[]) {
  checkList(metrics, 'metrics');
  return metrics.map((metric) => {
    checkKind(metric, 'metric', 'a metric, such as kl of @auto-circuit/metrics');
    return { metric, options: optionDefaults(metric.options) };
  });
}

const isOutputs = (what: Circuit | readonly BatchOutputs[]): what is readonly BatchOutputs[] => Array.isArray(what);
