/** @file The circuits of many draws of the prompts, and what they have in common with the run's. */
import { setImmediate } from 'node:timers/promises';
import { AutoCircuitError } from '../errors/error.js';
import { flattenScores } from '../graph/score-index.js';
import type { PatchDescription } from '../patch/requests/ablations.js';
import type { Prompt } from '../prompts/types.js';
import { circuitUnder, overlapOf } from './conditions.js';
import type { StabilityHooks, StabilityRequest } from './request.js';
import {
  type CircuitChoice,
  circuitOfResample,
  drawnAgain,
  type Multiplicities,
  type ResampledCircuit,
  randomOfResample,
  subsetOf,
} from './resamples.js';
import { keptScores, scoresByPrompt } from './scores-by-prompt.js';

/** Scores of single prompts that are held in memory. */
const MOST_BYTES = 2 * 2 ** 30;

/** What is resampled, and from where. */
export interface ResampleRequest extends StabilityRequest {
  /** The size that each circuit is asked to have. */
  readonly size: number;
  /** The training prompts, in their order. */
  readonly trainPrompts: readonly Prompt[];
  /** What is patched in. */
  readonly patch: PatchDescription;
}

/** What came of all resamples together; edges by canonical number. */
export interface Resampled {
  readonly by: 'prompts' | 'runs';
  readonly count: number;
  /** In how many resamples' circuits each edge is: [edgeCount] */
  readonly with: Uint32Array;
  /** In how many resamples its score has the sign that the run's has: [edgeCount] */
  readonly sameSign: Uint32Array;
  /** Overlap with the run's circuit, by resample. */
  readonly overlaps: readonly number[];
  /** Circuits of the first resamples, to be measured. */
  readonly first: readonly (readonly number[])[];
  /** Of random subsets of the prompts; null where prompts could not be scored one by one. */
  readonly subsets: { readonly count: number; readonly with: Uint32Array } | null;
}

/**
 * Resamples the training prompts. Where the run's scores are means over prompts, each prompt is scored once and sums are resampled;
 * otherwise the algorithm runs on each of a few resamples.
 * @throws AutoCircuitError `memory-limit` where the scores of single prompts are too many
 */
export async function resampledCircuits(request: ResampleRequest, hooks: StabilityHooks): Promise<Resampled> {
  const byPrompt = await singleScores(request, hooks);
  return byPrompt ? ofSums(request, hooks, byPrompt) : ofRuns(request, hooks);
}

/** Means over prompts have standard errors; a run without them was not made of such, and is not tried. */
async function singleScores(request: ResampleRequest, hooks: StabilityHooks): Promise<readonly Float32Array[] | null> {
  const { model, before, trainPrompts, patch, seed, kept } = request;
  if (!before.standardErrors) return null;
  const bytes = 4 * trainPrompts.length * model.graph.edgeCount;
  if (bytes > MOST_BYTES) {
    throw new AutoCircuitError({
      code: 'memory-limit',
      fields: { bytes, limit: MOST_BYTES, prompts: trainPrompts.length, edges: model.graph.edgeCount },
      where: 'stability',
      what: 'the scores of every prompt do not fit in the memory that they may take',
      expected: `at most ${MOST_BYTES / 2 ** 30} GiB`,
      got: `${(bytes / 2 ** 30).toFixed(1)} GiB: ${trainPrompts.length} prompts of ${model.graph.edgeCount} edges`,
      fix: 'make the run on fewer prompts, or without edges for each token position',
    });
  }
  const whole = flattenScores(model.graph, before.scores);
  return scoresByPrompt(request, hooks, trainPrompts, patch, { seed, whole, kept });
}

/** Counts what circuits of resamples have. */
class Tally {
  readonly with: Uint32Array;
  readonly sameSign: Uint32Array;
  readonly overlaps: number[] = [];
  readonly first: (readonly number[])[] = [];
  readonly #run: ReadonlySet<number>;
  readonly #signs: Float64Array;
  readonly #measured: number;

  constructor({ model, before, measured }: ResampleRequest) {
    this.with = new Uint32Array(model.graph.edgeCount);
    this.sameSign = new Uint32Array(model.graph.edgeCount);
    this.#run = new Set(before.circuit.edges);
    this.#signs = flattenScores(model.graph, before.scores).map(Math.sign);
    this.#measured = measured;
  }
  add({ scores, edges }: ResampledCircuit): void {
    for (const edge of edges) this.with[edge]!++;
    for (const [edge, sign] of this.#signs.entries()) if (Math.sign(scores[edge]!) === sign) this.sameSign[edge]!++;
    this.overlaps.push(overlapOf(edges, this.#run).overlap);
    if (this.first.length < this.#measured) this.first.push(edges);
  }
}

async function ofSums(
  request: ResampleRequest,
  { onProgress, signal }: StabilityHooks,
  byPrompt: readonly Float32Array[],
): Promise<Resampled> {
  const { model, before, select = 'threshold', rankBy = 'absolute', size, resamples, deletion } = request;
  const { graph } = model;
  // built-in selections, which have names, look at scores alone
  const errors = typeof select !== 'string' && before.standardErrors !== undefined;
  const choice: CircuitChoice = { select, rankBy, edges: size, errors };
  const tally = new Tally(request);
  const inSubsets = new Uint32Array(graph.edgeCount);
  const circuitOf = (times: Multiplicities) => circuitOfResample(graph, byPrompt, times, choice);
  for (let r = 0; r < resamples; r++) {
    if (r % 8 === 0) {
      await setImmediate(); // lets Ctrl-C through
      signal?.throwIfAborted();
      onProgress?.('resample', 2 * r, 2 * resamples, 'circuits');
    }
    tally.add(circuitOf(drawnAgain(byPrompt.length, randomOfResample(request.seed, 'bootstrap', r)))!);
    const subset = subsetOf(byPrompt.length, deletion, randomOfResample(request.seed, 'subset', r));
    for (const edge of circuitOf(subset)?.edges ?? []) inSubsets[edge]!++; // of no prompts at all: no edges
  }
  onProgress?.('resample', 2 * resamples, 2 * resamples, 'circuits');
  const subsets = { count: resamples, with: inSubsets };
  return { by: 'prompts', count: resamples, ...resultOf(tally), subsets };
}

async function ofRuns(request: ResampleRequest, hooks: StabilityHooks): Promise<Resampled> {
  const { model, trainPrompts, reruns, size, kept, seed } = request;
  const tally = new Tally(request);
  const silent = { ...hooks, onProgress: () => undefined };
  for (let r = 0; r < reruns; r++) {
    hooks.signal?.throwIfAborted();
    const times = drawnAgain(trainPrompts.length, randomOfResample(seed, 'bootstrap', r));
    const drawn = trainPrompts.flatMap((prompt, i) => Array.from({ length: times[i]! }, () => prompt));
    const condition = { ...request, prompts: drawn, train: null, test: 'same' as const, limit: null, length: null };
    const piece = `rerun-${r}`;
    const { edges } = await circuitUnder(condition, silent, { edges: size, kept, piece });
    tally.add({ scores: keptScores(await kept.read(piece), model.graph)!.scores, edges });
    hooks.onProgress?.('resample', r + 1, reruns, 'runs');
  }
  return { by: 'runs', count: reruns, ...resultOf(tally), subsets: null };
}

const resultOf = ({ with: having, sameSign, overlaps, first }: Tally) => ({ with: having, sameSign, overlaps, first });
