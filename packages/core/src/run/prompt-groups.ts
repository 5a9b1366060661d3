/** @file How well one circuit for all prompts serves each group of them, beside circuits of their own. */
import { connectedPart } from '../graph/circuit.js';
import type { Circuit } from '../graph/types.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { Checkpoint } from '../plugin/checkpoint.js';
import type { PromptValues } from '../plugin/metric.js';
import type { PromptScoreSink } from '../plugin/prompt-scores.js';
import type { Prompt, PromptBatch } from '../prompts/types.js';
import type { Clusters } from '../run-folder/clusters-file.js';
import { toJsonNumber } from '../run-folder/schemas.js';
import { PromptBootstrap, ratioOfSums } from '../statistics/bootstrap.js';
import { promptNdf } from '../statistics/ndf.js';
import { percentileInterval } from '../statistics/paired-bootstrap.js';
import { runAlgorithm } from './algorithm-run.js';
import { circuitReading } from './circuit-reading.js';
import { type FaithfulnessScale, faithfulnessScale } from './faithfulness.js';
import type { DiscoverHooks } from './hooks.js';
import { outputsOfCircuits, referenceOutputs } from './outputs-of-circuits.js';
import { promptsOfRun, type RunPromptSettings } from './prompts-of-run.js';
import type { DiscoverRequest } from './request.js';
import { type CircuitRunSettings, patchDescription } from './run-circuits.js';

/** Groups of a run's training prompts, and circuits to compare on them. */
export interface MeasureGroupsRequest
  extends CircuitRunSettings,
    RunPromptSettings,
    Pick<DiscoverRequest, 'algo' | 'algoOptions' | 'objective'> {
  readonly model: PatchableModel;
  readonly prompts: readonly Prompt[];
  /** The group of each training prompt, from 0. */
  readonly groups: readonly number[];
  /** Puts prompts that were not scored into groups, as their scores come. @param prompts how many there are */
  readonly assign: (prompts: number) => PromptScoreSink & { readonly groups: readonly number[] };
  /** The shared one, then one for each group. */
  readonly circuits: readonly Circuit[];
  /** The run's constants of optimal ablation; without it they are trained anew. */
  readonly constants?: Checkpoint | undefined;
}
/** What `clusters.json` says of the measurements. */
export type GroupMeasurements = Pick<Clusters, 'by' | 'faithfulness' | 'gains' | 'measured' | 'measuredOn' | 'verdict'>;

/**
 * Runs each circuit on all test prompts. These are scored by the run's algorithm, which tells their groups; where a run was
 * measured on its training prompts, they have theirs.
 * @throws AutoCircuitError like `discover`; `nothing-to-find` where the whole model and the empty circuit cannot be told apart
 */
export async function measureGroups(
  request: MeasureGroupsRequest,
  hooks: Pick<DiscoverHooks, 'onProgress' | 'onWarning' | 'signal'> = {},
): Promise<GroupMeasurements> {
  const { model, ablation, circuits, seed, constants } = request;
  const { train, test } = promptsOfRun(request.prompts, model.graph, ablation, request);
  const { signal } = hooks;
  const patch = await patchDescription(model, request, train, { seed, checkpoint: constants, signal });
  try {
    const groups = test === train ? request.groups : await groupsOf(request, test, patch, hooks);
    const references = await referenceOutputs(model, test, request, patch, signal);
    const scale = faithfulnessScale(references, model.outputSize);
    if (scale.kind === 'none') throw scale.error;
    const reading = circuitReading(model, [], references, scale);
    const requireWayIn = request.patchType === 'tree' && ablation === 'resample';
    const values: PromptValues[] = [];
    for (const [i, circuit] of circuits.entries()) {
      hooks.onProgress?.('measure', i, circuits.length, 'circuits');
      const { edges } = connectedPart(circuit, { requireWayIn, requireWayOut: true });
      const [outputs] = await outputsOfCircuits(model, test, [edges], request, patch, signal, reading);
      values.push(scale.prompts(outputs!));
    }
    hooks.onProgress?.('measure', circuits.length, circuits.length, 'circuits');
    return {
      measuredOn: test === train ? 'train' : 'test',
      ...comparedOnGroups(
        scale.by,
        test.flatMap(({ prompts }) => prompts.map(({ index }) => index)),
        groups,
        values,
        seed,
      ),
    };
  } finally {
    if (patch.kind === 'mean') patch.dispose();
  }
}

async function groupsOf(
  request: MeasureGroupsRequest,
  test: readonly PromptBatch[],
  patch: Parameters<typeof runAlgorithm>[3],
  hooks: Pick<DiscoverHooks, 'onProgress' | 'onWarning' | 'signal'>,
): Promise<readonly number[]> {
  const prompts = test.reduce((sum, batch) => sum + batch.prompts.length, 0);
  const sink = request.assign(prompts);
  const scored = { train: test, test, counts: { train: prompts, test: prompts, lengths: {} } };
  await runAlgorithm(request, hooks, scored, patch, { byPrompt: sink });
  hooks.signal?.throwIfAborted();
  return sink.groups;
}

/**
 * What follows from each circuit's values by prompt, as `FaithfulnessScale.prompts` gives them.
 * @param values by circuit, the shared one first
 */
export function comparedOnGroups(
  by: FaithfulnessScale['by'],
  indices: readonly number[],
  groups: readonly number[],
  values: readonly PromptValues[],
  seed: number,
): Omit<GroupMeasurements, 'measuredOn'> {
  const bootstrap = new PromptBootstrap(seed);
  const deviation = (prompts: PromptValues): number => deviationOf(by, ratioOfSums(prompts));
  const count = values.length - 1;
  const ofGroups = Array.from({ length: count }, (_, group) => {
    const places = groups.flatMap((own, place) => (own === group ? [place] : []));
    const own = values.map((one) => partOf(one, places));
    if (places.length === 0 || !canBeTold(by, own[0]!)) return { faithfulness: null, gain: null };
    const faithfulness = own.map((prompts) => {
      const error = bootstrap.standardError(prompts);
      return {
        value: toJsonNumber(ratioOfSums(prompts), 'faithfulness'),
        ...(error === undefined ? {} : { standardError: toJsonNumber(error, 'the standard error of faithfulness') }),
      };
    });
    const [shared, mine] = [own[0]!, own[group + 1]!];
    const gain = percentileInterval(
      places.length,
      seed,
      (drawn) => deviation(partOf(shared, drawn)) - deviation(partOf(mine, drawn)),
    );
    return { faithfulness, gain: Object.values(gain).every(Number.isFinite) ? gain : null };
  });
  const gains = ofGroups.map(({ gain }) => gain);
  const told = gains.filter((gain) => gain !== null);
  const better = told.filter(({ low }) => low > 0).length;
  return {
    by,
    measured: indices.map((index, place) => ({
      index,
      group: groups[place]!,
      kept: values.map(({ values: own, weights }) => ndf(by, own[place]!, weights![place]!)),
    })),
    faithfulness: ofGroups.map(({ faithfulness }) => faithfulness),
    gains,
    verdict: count < 2 || better === 0 ? 'one' : better === told.length ? 'several' : 'some',
  };
}

const partOf = ({ values, weights }: PromptValues, places: readonly number[]): PromptValues => ({
  values: places.map((place) => values[place]!),
  weights: places.map((place) => weights![place]!),
});

/** How far a circuit is from the whole model, as a share of how far the empty one is. */
const deviationOf = (by: FaithfulnessScale['by'], faithfulness: number): number =>
  by === 'logit-diff' ? Math.abs(1 - faithfulness) : faithfulness;

/** The normalised deviation faithfulness of one prompt; a distance falls from the empty circuit's to 0 where a difference rises. */
const ndf = (by: FaithfulnessScale['by'], value: number, weight: number): number =>
  promptNdf(by === 'logit-diff' ? value : weight - value, weight);

/** Whether a group's whole model and empty circuit differ by more than two standard errors, as for all prompts of a run. */
function canBeTold(by: FaithfulnessScale['by'], { weights = [] }: PromptValues): boolean {
  const n = weights.length;
  const mean = weights.reduce((sum, x) => sum + x, 0) / n;
  if (by !== 'logit-diff') return mean > 0;
  const error = n > 1 ? Math.sqrt(weights.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n * (n - 1))) : 0;
  return Math.abs(mean) > 2 * error;
}
