/** @file Gradients with respect to masks: which program serves a request, micro-batch by micro-batch. */
import type { PromptBatch } from '../data/types.js';
import type { Tensor } from '../ir/tensor.js';
import { filledMask, inputFeeds, maskFeeds, objectiveFeeds } from './feeds.js';
import { gradientForward, gradientKey, mixedFeeds, startBetween } from './gradient-request.js';
import { floats, joinFloats } from './micro-batches.js';
import { currentInputName, gradientProgram, INPUT, LOSSES, patchInputName } from './programs.js';
import { neuronTensors, scoreTensors } from './score-outputs.js';
import {
  axesOf,
  cutsFor,
  eachCut,
  firstPassFeeds,
  named,
  type SharedRuns,
  siteFeeds,
  suppliedBy,
  supplyOf,
} from './shared-runs.js';
import type { MaskGradientRequest, PromptGradients } from './types.js';

/** @param cleanLogits of the whole batch, run when the objective compares with them */
export async function maskGradient(
  runs: SharedRuns,
  batch: PromptBatch,
  request: MaskGradientRequest,
  cleanLogits: () => Promise<Tensor<Float32Array>>,
): Promise<PromptGradients> {
  const { model, graph, executables, store, plainTokens, patchTokens } = runs;
  const { input, patch, objective, inputAlpha, mixed, losses = false, neurons = false, backward = [] } = request;
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
  const gradient = named(gradientKey(setting), () => gradientProgram(setting));
  const n = batch.prompts.length;
  const cuts = cutsFor(runs, gradient, {
    prompts: n,
    length: batch.length,
    results: n * graph.edgeCount * (graph.options.positions ?? 1),
    tokens: forward === 'patched' ? patchTokens : plainTokens,
  });
  const dense = objective.kind === 'kl' && !objective.referenceLogits ? await cleanLogits() : undefined;
  if (supply === 'fed' && patch.kind === 'resample') await store.prepare(batch, patch.from, cuts);
  if (needsCurrent) await store.prepare(batch, input, cuts);
  const chunks = await eachCut(runs, cuts, async (cut) => {
    const [start, stop] = cut;
    const parts = supply === 'fused' ? null : await store.patch(batch, patch, start, stop, cuts);
    const current = needsCurrent ? await store.side(batch, input, start, stop) : null;
    const feeds = {
      ...inputFeeds(INPUT, model.spec, batch, input, start, stop),
      ...firstPassFeeds(runs, supply, batch, patch, cut),
      ...siteFeeds(parts, patchInputName),
      ...siteFeeds(current, currentInputName),
      ...(forward === 'patched' ? Object.fromEntries(maskFeeds(graph, mask!, n, start, stop)) : {}),
      ...(forward === 'interpolated' ? startBetween(current!, parts, inputAlpha!) : {}),
      ...(mixed ? mixedFeeds(graph, mixed) : {}),
      ...Object.fromEntries(objectiveFeeds(model.spec, objective, batch, start, stop, dense)),
    };
    return executables.run(gradient, feeds, { big: true });
  });
  return {
    tensors: scoreTensors(graph, chunks, n),
    ...(losses ? { losses: joinFloats(chunks.map((results) => floats(results, LOSSES))) } : {}),
    ...(neurons ? { neurons: neuronTensors(graph, chunks, n) } : {}),
  };
}
