/** @file Gradients with respect to masks, micro-batch by micro-batch; at several inputs between the two sides also together. */

import type { Feeds, Results } from '../../backend/backend.js';
import { hostGradient, hostLosses } from '../../objectives/on-host.js';
import { fragmentInputs } from '../../objectives/traced-fragment.js';
import type { PromptBatch } from '../../prompts/types.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import { concatFeeds, slicePrompts } from '../exec/batch-concat.js';
import { maskFeeds, objectiveFeeds } from '../exec/feeds.js';
import { type Cut, floats, joinFloats } from '../exec/micro-batches.js';
import type { RunContext } from '../exec/run-context.js';
import {
  type FedActivations,
  fedActivations,
  outputShape,
  planFeeds,
  type RunPlan,
  runPlan,
} from '../exec/run-plan.js';
import { neuronTensors, scoreTensors } from '../exec/score-outputs.js';
import type { GradientSpec } from '../programs/program-spec.js';
import { LOGITS, LOSSES } from '../programs/programs.js';
import type { MaskGradientRequest, PromptGradients } from '../requests/patchable-model.js';
import { gradientPlan, interpolatedBlockFeeds, interpolatedInputFeeds, maskOf, startFeeds } from './gradient-plan.js';

/** Logits of the whole batch's clean run, made when an objective compares with them. */
export type CleanLogits = () => Promise<Tensor<Float32Array>>;

/** ∂M/∂mask of every edge and prompt. */
export async function maskGradient(
  context: RunContext,
  batch: PromptBatch,
  request: MaskGradientRequest,
  cleanLogits: CleanLogits,
): Promise<PromptGradients> {
  const plan = gradientPlan(context, batch, request);
  const host = await hostPass(context, batch, request, plan);
  const dense = host?.cotangent ?? (await denseTarget(context, request, cleanLogits));
  const feeds = ownFeeds(context, batch, request, dense);
  const chunks = await runPlan(context, batch, plan, feeds);
  const gradients = gradientsOf(context, chunks, batch.prompts.length, request);
  return host && request.losses ? { ...gradients, losses: host.losses } : gradients;
}

/** The first of the two runs of a loss on the host: its values, and ∂M/∂logits, which the second run is fed. */
async function hostPass(
  context: RunContext,
  batch: PromptBatch,
  request: MaskGradientRequest,
  plan: RunPlan,
): Promise<{ readonly losses: Float32Array; readonly cotangent: Tensor<Float32Array> } | null> {
  const { objective } = request;
  if (objective.kind !== 'host') return null;
  const spec = { ...(plan.spec as GradientSpec), logitsOnly: true, losses: false, neurons: false } as GradientSpec;
  const feeds = ownFeeds(context, batch, request, null);
  const chunks = await runPlan(context, batch, { ...plan, spec }, feeds);
  const data = joinFloats(chunks.map((results) => floats(results, LOGITS)));
  const logits = floatTensor(data, outputShape(context.model.spec, batch.prompts.length, batch.length));
  const losses = request.losses ? Float32Array.from(hostLosses(objective, logits, batch)) : new Float32Array(0);
  return { losses, cotangent: hostGradient(objective, logits, batch) };
}

/** Fewer points than these gain next to nothing by running together: their prompts fill a run by themselves. */
const FEWEST_TOGETHER = 4;

/**
 * The same at several inputs between the two sides, in order: as many together as one run has tokens for, one by one where that
 * is less than a few.
 */
export async function* gradientsBetween(
  context: RunContext,
  batch: PromptBatch,
  request: Omit<MaskGradientRequest, 'at'>,
  alphas: readonly number[],
  cleanLogits: CleanLogits,
): AsyncGenerator<PromptGradients> {
  const most = Math.max(1, Math.floor(context.budget.plain / (batch.prompts.length * batch.length)));
  for (let from = 0; from < alphas.length; from += most) {
    const requests = alphas
      .slice(from, from + most)
      .map((alpha): MaskGradientRequest => ({ ...request, at: { kind: 'input', alpha } }));
    const together = await gradientsTogether(context, batch, requests, cleanLogits);
    if (together) yield* together;
    else for (const one of requests) yield maskGradient(context, batch, one, cleanLogits);
  }
}

/** The gradients of requests that differ in their alpha only, by one run; null where that does not pay or does not fit. */
async function gradientsTogether(
  context: RunContext,
  batch: PromptBatch,
  requests: readonly MaskGradientRequest[],
  cleanLogits: CleanLogits,
): Promise<PromptGradients[] | null> {
  const { model, programs } = context;
  const [first] = requests as [MaskGradientRequest];
  const { cuts, ...plan } = gradientPlan(context, batch, first, requests.length);
  const alone = cuts.length > 1 || model.spec.prefix || first.objective.kind === 'host';
  if (requests.length < FEWEST_TOGETHER || alone) return null;
  const n = batch.prompts.length;
  const cut: Cut = [0, n];
  const whole = { ...plan, cuts: [cut] };
  const dense = await denseTarget(context, first, cleanLogits);
  const fed = await fedActivations(context, batch, whole, cut);
  const feeds = requests.map((request) => ({
    ...planFeeds(context, batch, whole, cut, fed),
    ...ownFeeds(context, batch, request, dense)(cut, fed),
  }));
  const results = await programs.run(plan.spec, concatFeeds(programs.program(plan.spec), feeds), plan.use);
  const all = gradientsOf(context, [results], requests.length * n, first);
  return requests.map((_, i) => slicePrompts(all, i * n, (i + 1) * n));
}

/** The clean run's logits, where the objective compares with them. */
export async function denseTarget(
  { model }: RunContext,
  { objective }: Pick<MaskGradientRequest, 'objective'>,
  cleanLogits: CleanLogits,
): Promise<Tensor<Float32Array> | undefined> {
  if (objective.kind !== 'kl' && objective.kind !== 'fragment') return undefined;
  if (objective.referenceLogits) return undefined;
  const rank = (model.spec.outputs ?? 'last') === 'last' ? 2 : 3;
  if (objective.kind === 'fragment' && !fragmentInputs(objective, rank).usesReference) return undefined;
  return cleanLogits();
}

/**
 * What a micro-batch is fed besides its prompts and source activations.
 * @param dense what the objective compares with, where it does not say itself; null where no loss is taken
 */
function ownFeeds(
  { graph, model }: RunContext,
  batch: PromptBatch,
  { at, objective }: MaskGradientRequest,
  dense: Tensor<Float32Array> | undefined | null,
): (cut: Cut, fed: FedActivations) => Feeds {
  const mask = maskOf(graph, at);
  return (cut, fed) => ({
    ...(mask ? Object.fromEntries(maskFeeds(graph, mask, batch.prompts.length, cut)) : {}),
    ...(at?.kind === 'input' ? interpolatedInputFeeds(fed.current!, fed.patch, at.alpha) : {}),
    ...(at?.kind === 'start' ? startFeeds(graph, batch, at.values, cut) : {}),
    ...(at?.kind === 'activations' ? interpolatedBlockFeeds(graph, at) : {}),
    ...(dense === null ? {} : Object.fromEntries(objectiveFeeds(model.spec, objective, batch, cut, dense))),
  });
}

function gradientsOf(
  { graph }: RunContext,
  chunks: readonly Results[],
  prompts: number,
  { losses, neurons }: MaskGradientRequest,
): PromptGradients {
  return {
    tensors: scoreTensors(graph, chunks, prompts),
    ...(losses ? { losses: joinFloats(chunks.map((results) => floats(results, LOSSES))) } : {}),
    ...(neurons ? { neurons: neuronTensors(graph, chunks, prompts) } : {}),
  };
}
