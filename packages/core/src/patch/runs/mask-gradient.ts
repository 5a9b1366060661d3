/** @file Gradients with respect to masks: which program serves a request, micro-batch by micro-batch. */

import type { Feeds, Results } from '../../backend/backend.js';
import type { PromptBatch } from '../../prompts/types.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { SiteTensors } from '../exec/activation-cache.js';
import { itemsJoined, itemsOf } from '../exec/batch-concat.js';
import { filledMask, inputFeeds, maskFeeds, objectiveFeeds } from '../exec/feeds.js';
import { type Cut, floats, joinFloats } from '../exec/micro-batches.js';
import {
  axesOf,
  cutsFor,
  eachCut,
  firstPassFeeds,
  named,
  type RunSize,
  type SharedRuns,
  siteFeeds,
  suppliedBy,
  supplyOf,
} from '../exec/run-context.js';
import { neuronTensors, scoreTensors } from '../exec/score-outputs.js';
import { currentInputName, gradientProgram, INPUT, LOSSES, patchInputName } from '../programs/programs.js';
import type { MaskGradientRequest, PromptGradients } from '../requests/patchable-model.js';
import { gradientForward, gradientKey, mixedFeeds, startBetween } from './gradient-plan.js';

/** Logits of the whole batch's clean run, made when an objective compares with them. */
type CleanLogits = () => Promise<Tensor<Float32Array>>;

/** What a request is run by: the program and its settings. */
function planned(runs: SharedRuns, batch: PromptBatch, request: MaskGradientRequest) {
  const { model, graph, plainTokens, patchTokens } = runs;
  const { patch, objective, losses = false, neurons = false, backward = [] } = request;
  const mask = typeof request.mask === 'number' ? filledMask(graph, request.mask) : request.mask;
  const forward = gradientForward(request);
  const needsCurrent = forward === 'interpolated' || forward === 'mixed';
  // At mask 0 both passes are wanted once. Otherwise pass 1 is kept for the next mask or step.
  const supply = needsCurrent ? suppliedBy(patch) : supplyOf(runs, batch, patch, forward === 'atZero');
  const shape =
    objective.kind === 'kl'
      ? { kind: objective.kind }
      : { kind: objective.kind, tokenFunction: objective.tokenFunction };
  const axes = axesOf(graph, mask);
  const setting = { model, graph, supply, axes, forward, objective: shape, losses, neurons, backward } as const;
  const program = named(gradientKey(setting), () => gradientProgram(setting));
  const tokens = forward === 'patched' ? patchTokens : plainTokens;
  return { mask, forward, needsCurrent, supply, program, tokens };
}
type Plan = ReturnType<typeof planned>;

const sizeOf = ({ graph }: SharedRuns, prompts: number, length: number, tokens: number): RunSize => {
  return { prompts, length, tokens, results: prompts * graph.edgeCount * (graph.options.positions ?? 1) };
};

export async function maskGradient(
  runs: SharedRuns,
  batch: PromptBatch,
  request: MaskGradientRequest,
  cleanLogits: CleanLogits,
): Promise<PromptGradients> {
  const { input, patch } = request;
  const plan = planned(runs, batch, request);
  const { needsCurrent, supply, program, tokens } = plan;
  const cuts = cutsFor(runs, program, sizeOf(runs, batch.prompts.length, batch.length, tokens));
  const dense = await denseTarget(request, cleanLogits);
  if (supply === 'fed' && patch.kind === 'resample') await runs.store.prepare(batch, patch.from, cuts);
  if (needsCurrent) await runs.store.prepare(batch, input, cuts);
  const chunks = await eachCut(runs, cuts, async (cut) => {
    const sides = await sidesOf(runs, batch, request, plan, cut, cuts);
    return runs.executables.run(program, gradientFeeds(runs, batch, request, plan, cut, sides, dense), { big: true });
  });
  return gradientsOf(runs, chunks, batch.prompts.length, request);
}

/** Fewer points than these gain next to nothing by running together: their prompts fill a run by themselves. */
const FEWEST_TOGETHER = 4;

/** The same at several inputs between the two sides; small batches take several in one run. */
export async function gradientsBetween(
  runs: SharedRuns,
  batch: PromptBatch,
  request: Omit<MaskGradientRequest, 'inputAlpha'>,
  alphas: readonly number[],
  cleanLogits: CleanLogits,
): Promise<PromptGradients[]> {
  const requests = alphas.map((inputAlpha) => ({ ...request, inputAlpha }));
  const plan = planned(runs, batch, requests[0]!);
  const n = batch.prompts.length;
  const together = cutsFor(runs, plan.program, sizeOf(runs, alphas.length * n, batch.length, plan.tokens));
  if (alphas.length < FEWEST_TOGETHER || together.length > 1 || runs.model.spec.prefix) {
    const gradients: PromptGradients[] = [];
    for (const one of requests) gradients.push(await maskGradient(runs, batch, one, cleanLogits));
    return gradients;
  }
  const cut: Cut = [0, n];
  const dense = await denseTarget(request, cleanLogits);
  const sides = await sidesOf(runs, batch, requests[0]!, plan, cut, [cut]);
  const feeds = requests.map((one) => gradientFeeds(runs, batch, one, plan, cut, sides, dense));
  const results = await runs.executables.run(plan.program, itemsJoined(runs.executables.program(plan.program), feeds), {
    big: true,
  });
  const all = gradientsOf(runs, [results], alphas.length * n, request);
  return alphas.map((_, i) => itemsOf(all, i * n, (i + 1) * n));
}

/** What is patched in and what runs, for one micro-batch, as far as it is fed. */
interface Sides {
  readonly parts: SiteTensors | null;
  readonly current: SiteTensors | null;
}
async function sidesOf(
  { store }: SharedRuns,
  batch: PromptBatch,
  { input, patch }: MaskGradientRequest,
  { supply, needsCurrent }: Plan,
  [start, stop]: Cut,
  cuts: readonly Cut[],
): Promise<Sides> {
  const parts = supply === 'fused' ? null : await store.patch(batch, patch, start, stop, cuts);
  return { parts, current: needsCurrent ? await store.side(batch, input, start, stop) : null };
}

const denseTarget = async ({ objective }: Pick<MaskGradientRequest, 'objective'>, cleanLogits: CleanLogits) =>
  objective.kind === 'kl' && !objective.referenceLogits ? cleanLogits() : undefined;

function gradientFeeds(
  runs: SharedRuns,
  batch: PromptBatch,
  { input, patch, objective, inputAlpha, mixed }: MaskGradientRequest,
  { mask, forward, supply }: Plan,
  cut: Cut,
  { parts, current }: Sides,
  dense: Tensor<Float32Array> | undefined,
): Feeds {
  const { model, graph } = runs;
  const [start, stop] = cut;
  return {
    ...inputFeeds(INPUT, model.spec, batch, input, start, stop),
    ...firstPassFeeds(runs, supply, batch, patch, cut),
    ...siteFeeds(parts, patchInputName),
    ...siteFeeds(current, currentInputName),
    ...(forward === 'patched' ? Object.fromEntries(maskFeeds(graph, mask!, batch.prompts.length, start, stop)) : {}),
    ...(forward === 'interpolated' ? startBetween(current!, parts, inputAlpha!) : {}),
    ...(mixed ? mixedFeeds(graph, mixed) : {}),
    ...Object.fromEntries(objectiveFeeds(model.spec, objective, batch, start, stop, dense)),
  };
}

function gradientsOf(
  { graph }: SharedRuns,
  chunks: readonly Results[],
  prompts: number,
  { losses, neurons }: Pick<MaskGradientRequest, 'losses' | 'neurons'>,
): PromptGradients {
  return {
    tensors: scoreTensors(graph, chunks, prompts),
    ...(losses ? { losses: joinFloats(chunks.map((results) => floats(results, LOSSES))) } : {}),
    ...(neurons ? { neurons: neuronTensors(graph, chunks, prompts) } : {}),
  };
}
