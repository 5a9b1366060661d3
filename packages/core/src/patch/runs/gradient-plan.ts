/** @file How a gradient is run: its program and micro-batches, and what it is fed at an interpolated point. */

import type { Feeds } from '../../backend/backend.js';
import { AutoCircuitError } from '../../errors/error.js';
import type { Graph, Mask } from '../../graph/types.js';

import type { PromptBatch } from '../../prompts/types.js';
import { floatTensor, intTensor, type Tensor } from '../../tensor/tensor.js';
import type { SiteTensors } from '../exec/activation-means.js';
import { filledMask } from '../exec/feeds.js';
import type { Cut } from '../exec/micro-batches.js';
import type { RunContext } from '../exec/run-context.js';
import { planCuts, type RunPlan, storedSupply, supplyOf } from '../exec/run-plan.js';
import { INTERPOLATED_ALPHA, INTERPOLATED_BLOCK } from '../modes/interpolated.js';
import { type GradientSpec, objectiveShape } from '../programs/program-spec.js';
import { START_INPUT } from '../programs/programs.js';
import type { GradientPoint, MaskGradientRequest } from '../requests/patchable-model.js';

/** The mask that a gradient is taken under; null where it is 0 everywhere, so that the forward pass is a plain one. */
export function maskOf(graph: Graph, at: GradientPoint | undefined): Mask | null {
  if (at?.kind !== 'mask' || at.mask === 0) return null;
  return typeof at.mask === 'number' ? filledMask(graph, at.mask) : at.mask;
}

/**
 * How a gradient is run.
 * @param times how often one run takes the batch
 * @throws AutoCircuitError `invalid-request` for scores of what nodes write under a mask
 */
export function gradientPlan(
  context: RunContext,
  batch: PromptBatch,
  request: MaskGradientRequest,
  times = 1,
): RunPlan {
  const { budget, graph } = context;
  const { at, input, patch } = request;
  const spec = gradientSpec(context, batch, request);
  const prompts = times * batch.prompts.length;
  const cuts = planCuts(context, spec, {
    prompts,
    length: batch.length,
    results: prompts * graph.edgeCount * (graph.options.positions ?? 1),
    tokens: spec.forward === 'patched' ? budget.patched : budget.plain,
  });
  const needsCurrent = at !== undefined && at.kind !== 'mask';
  return { spec, use: { big: true }, input, patch, supply: spec.supply, needsCurrent, cuts };
}

/** The program of a gradient. */
export function gradientSpec(
  context: RunContext,
  batch: PromptBatch,
  { at, patch, objective, losses = false, neurons = false, backward = [] }: MaskGradientRequest,
): GradientSpec {
  const shared = { kind: 'gradient', objective: objectiveShape(objective), losses, backward } as const;
  if (at?.kind === 'input' || at?.kind === 'start' || at?.kind === 'activations') {
    const forward = at.kind === 'activations' ? 'interpolatedActivations' : 'interpolatedInput';
    return { ...shared, forward, supply: storedSupply(patch), neurons };
  }
  // At mask 0 both passes are wanted once. Otherwise pass 1 is kept for the next mask or step.
  if (!at || at.mask === 0) {
    return { ...shared, forward: 'atZero', supply: supplyOf(context, batch, patch, true), neurons };
  }
  if (neurons) {
    throw new AutoCircuitError({
      code: 'invalid-request',
      where: 'core/patch',
      what: 'what nodes write has scores at mask 0 only',
      got: 'neurons and a mask',
      kind: 'internal',
    });
  }
  const perItem = typeof at.mask !== 'number' && at.mask.perItem;
  return { ...shared, forward: 'patched', supply: supplyOf(context, batch, patch, false), perItem, neurons };
}

/** What `Resid Start` writes between two runs: patch + alpha · (current − patch); without a patch alpha · current. */
export function interpolatedInputFeeds(current: SiteTensors, patch: SiteTensors | null, alpha: number): Feeds {
  const here = current.get('start')!;
  const there = patch?.get('start')?.data;
  const between = here.data.map((x, i) => (there ? there[i]! + alpha * (x - there[i]!) : alpha * x));
  return { [START_INPUT]: floatTensor(between, here.shape) };
}

/**
 * What `Resid Start` writes for the prompts of a cut, [1, batch, pos, dModel].
 * @throws AutoCircuitError `wrong-shape` for values of other prompts
 */
export function startFeeds(
  { layout }: Graph,
  { prompts, length }: PromptBatch,
  values: Tensor<Float32Array>,
  [from, to]: Cut,
): Feeds {
  const slab = length * layout.dModel;
  if (values.data.length === prompts.length * slab) {
    const data = values.data.slice(from * slab, to * slab);
    return { [START_INPUT]: floatTensor(data, [1, to - from, length, layout.dModel]) };
  }
  const expected = [prompts.length, length, layout.dModel];
  throw new AutoCircuitError({
    code: 'wrong-shape',
    where: 'core/patch',
    what: 'what Resid Start is to write does not fit the batch',
    expected: `[${expected.join(', ')}]`,
    got: `[${values.shape.join(', ')}]`,
    fields: { shape: values.shape, expectedShape: expected },
  });
}

/**
 * Which source block writes something between the two runs, and how much of the current one it has.
 * @throws AutoCircuitError `unknown-name` for a site where no source writes
 */
export function interpolatedBlockFeeds(
  graph: Graph,
  { site, alpha }: Extract<GradientPoint, { kind: 'activations' }>,
): Feeds {
  const sites = graph.sourceBlocks.map((block) => block.site);
  const index = sites.indexOf(site);
  if (index < 0) {
    throw new AutoCircuitError({
      code: 'unknown-name',
      where: 'core/patch',
      what: `no source block writes at "${site}"`,
      expected: sites.join(', '),
      got: site,
      kind: 'internal',
      fields: { name: site, known: sites },
    });
  }
  return {
    [INTERPOLATED_BLOCK]: intTensor(Int32Array.of(index), [1]),
    [INTERPOLATED_ALPHA]: floatTensor(Float32Array.of(alpha), [1]),
  };
}
