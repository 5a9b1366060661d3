/**
 * @file Constants in place of activations: one vector for each source node, the same at every position and for every prompt.
 * Where their training starts, and how a loss moves with them.
 */

import type { PromptBatch, Side } from '../../prompts/types.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { ActivationCache, CutBatch } from '../exec/activation-cache.js';
import type { SiteTensors } from '../exec/activation-means.js';
import { maskFeeds, objectiveFeeds } from '../exec/feeds.js';
import { floats } from '../exec/micro-batches.js';
import type { RunContext } from '../exec/run-context.js';
import { planCuts, runPlan } from '../exec/run-plan.js';
import { objectiveShape, type ProgramSpec } from '../programs/program-spec.js';
import { LOSSES, sourceOutputName } from '../programs/programs.js';
import type { ConstantPatch } from '../requests/ablations.js';
import type { ConstantGradient, ConstantGradientRequest } from '../requests/patchable-model.js';

/** The loss of a patched run and its gradient with respect to the constants: means over prompts, summed in float64 in prompt order. */
export async function constantGradient(
  context: RunContext,
  batch: PromptBatch,
  { input, patch, mask, objective }: ConstantGradientRequest,
): Promise<ConstantGradient> {
  const { graph, model } = context;
  const spec: ProgramSpec = {
    kind: 'constant-gradient',
    perItem: mask.perItem,
    objective: objectiveShape(objective),
  };
  const prompts = batch.prompts.length;
  const cuts = planCuts(context, spec, { prompts, length: batch.length, results: 0 });
  const plan = { spec, use: { big: true }, input, patch, supply: 'fed', needsCurrent: false, cuts } as const;
  const chunks = await runPlan(context, batch, plan, (cut) => ({
    ...Object.fromEntries(maskFeeds(graph, mask, prompts, cut)),
    ...Object.fromEntries(objectiveFeeds(model.spec, objective, batch, cut)),
  }));
  const gradients = Object.fromEntries(
    Object.entries(patch.values).map(([site, { data }]) => [site, new Float64Array(data.length)]),
  );
  let loss = 0;
  for (const [c, results] of chunks.entries()) {
    const items = cuts[c]![1] - cuts[c]![0];
    for (const x of floats(results, LOSSES)) loss += x / prompts;
    for (const [site, { shape }] of Object.entries(patch.values)) {
      const [rows, width] = shape as [number, number];
      const data = floats(results, sourceOutputName(site)); // [rows, batch, width]
      if (data.length !== rows * items * width) throw new Error(`gradients of ${site} do not fit`);
      for (let i = 0; i < data.length; i++) {
        const row = Math.floor(i / (items * width));
        gradients[site]![row * width + (i % width)]! += data[i]! / prompts;
      }
    }
  }
  return { loss, gradients };
}

/** The means over prompts and positions of what sources write, by site [rows, width]: where training starts. */
export async function constantMeans(
  activations: ActivationCache,
  batches: readonly CutBatch[],
  from: Side,
): Promise<ConstantPatch> {
  const sums = new Map<string, { readonly shape: readonly number[]; readonly sum: Float64Array }>();
  let total = 0;
  for (const { batch, cuts } of batches) {
    const weight = batch.prompts.length * batch.length;
    const patch = { kind: 'batch-position-mean', from } as const;
    const means: SiteTensors = (await activations.patch(batch, patch, [0, 1], cuts))!;
    for (const [site, { shape, data }] of means) {
      const [rows, , pos, width] = shape as [number, number, number, number]; // [rows, 1, pos, width]
      const entry = sums.get(site) ?? { shape: [rows, width], sum: new Float64Array(rows * width) };
      sums.set(site, entry);
      for (let i = 0; i < rows * width; i++) {
        entry.sum[i]! += weight * data[Math.floor(i / width) * pos * width + (i % width)]!; // at position 0: all are the same
      }
    }
    total += weight;
  }
  const values: Record<string, Tensor<Float32Array>> = {};
  for (const [site, { shape, sum }] of sums)
    values[site] = floatTensor(
      Float32Array.from(sum, (x) => x / total),
      shape,
    );
  return { kind: 'constant', values };
}
