/** @file Runs that patch nothing: logits, pass 1, what sources output, and numbers read off a run for each edge. */

import type { Results } from '../../backend/backend.js';
import type { Graph } from '../../graph/types.js';
import type { OutputPositions } from '../../prompts/output-positions.js';
import { inputOf } from '../../prompts/prompts.js';
import type { ModelInput, PromptBatch, Side } from '../../prompts/types.js';
import { elementCount, floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { CutBatch } from '../exec/activation-cache.js';
import type { SiteTensors } from '../exec/activation-means.js';
import { inputFeeds, prefixFeeds } from '../exec/feeds.js';
import { mapLimit } from '../exec/map-limit.js';
import { type Cut, floats, joinFloats, sliceRows, tensorOf } from '../exec/micro-batches.js';
import type { RunContext } from '../exec/run-context.js';
import { ONCE, outputShape, plainPlan, planCuts, runPlan, siteFeeds } from '../exec/run-plan.js';
import { scoreTensors } from '../exec/score-outputs.js';
import type { ProgramSpec } from '../programs/program-spec.js';
import { INPUT, LOGITS, patchInputName, sourceOutputName } from '../programs/programs.js';
import type { PatchDescription } from '../requests/ablations.js';
import type { EdgeMeasure, PromptGradients } from '../requests/patchable-model.js';

const CAPTURE: ProgramSpec = { kind: 'capture' };
const CAPTURE_WITH_LOGITS: ProgramSpec = { kind: 'capture', logits: true };

/** A plain run of any input: logits [n, outputSize], or [n, positions, outputSize]. */
export async function plainRun(
  context: RunContext,
  input: ModelInput,
  positions: OutputPositions,
): Promise<Tensor<Float32Array>> {
  const { budget, model, programs } = context;
  const [n, length] = input.shape as [number, number];
  const spec: ProgramSpec = { kind: 'plain', positions };
  const shape = outputShape(model.spec, n, length, positions);
  const cuts = planCuts(context, spec, {
    prompts: n,
    length,
    results: elementCount(shape),
    tokens: budget.plain,
  });
  const rows = await mapLimit(cuts, programs.parallel, async ([start, stop]) => {
    const feeds = { [INPUT]: sliceRows(input, start, stop), ...prefixFeeds(input.prompts?.slice(start, stop) ?? []) };
    return floats(await programs.run(spec, feeds, ONCE), LOGITS);
  });
  return floatTensor(joinFloats(rows), shape);
}

/**
 * Plain runs of a side of batches: the logits of each. Where what all sources write can be kept, it is: these runs are pass 1 of
 * that side, too.
 * @param signal looked at before every batch
 */
export async function sideRuns(
  context: RunContext,
  batches: readonly PromptBatch[],
  side: Side,
  signal?: AbortSignal,
): Promise<Tensor<Float32Array>[]> {
  const { activations, programs } = context;
  const bytes = batches.map((batch) => programs.outputBytes(CAPTURE, batch.prompts.length, batch.length));
  const kept = bytes.reduce((sum, n) => sum + n, 0) <= activations.limitBytes;
  const logits: Tensor<Float32Array>[] = [];
  for (const batch of batches) {
    signal?.throwIfAborted();
    const { outputs = 'last' } = context.model.spec;
    logits.push(
      kept ? await capturedRun(context, batch, side) : await plainRun(context, inputOf(batch, side), outputs),
    );
  }
  return logits;
}

async function capturedRun(context: RunContext, batch: PromptBatch, side: Side): Promise<Tensor<Float32Array>> {
  const { activations, budget, graph, model, programs } = context;
  const shape = outputShape(model.spec, batch.prompts.length, batch.length);
  const size = { prompts: batch.prompts.length, length: batch.length, results: elementCount(shape) };
  const cuts = planCuts(context, CAPTURE_WITH_LOGITS, { ...size, tokens: budget.plain });
  const rows = await mapLimit(cuts, programs.parallel, async (cut) => {
    const results = await programs.run(CAPTURE_WITH_LOGITS, inputFeeds(INPUT, model.spec, batch, side, cut), ONCE);
    activations.keepSide(batch, side, cut, writtenBySite(graph, results));
    return floats(results, LOGITS);
  });
  return floatTensor(joinFloats(rows), shape);
}

/** Pass 1 on the prompts of a cut: source activations by site, [rows, batch, pos, width]. */
export async function capture(
  { graph, model, programs }: RunContext,
  batch: PromptBatch,
  side: Side,
  cut: Cut,
): Promise<SiteTensors> {
  const results = await programs.run(CAPTURE, inputFeeds(INPUT, model.spec, batch, side, cut), ONCE);
  return writtenBySite(graph, results);
}

const writtenBySite = (graph: Graph, results: Results): SiteTensors =>
  new Map(graph.sourceBlocks.map(({ site }) => [site, tensorOf(results, sourceOutputName(site))] as const));

/** A batch with the micro-batches of its pass 1. */
export function captureCuts(context: RunContext, batch: PromptBatch): CutBatch {
  const size = { prompts: batch.prompts.length, length: batch.length, results: 0 };
  return { batch, cuts: planCuts(context, CAPTURE, size) };
}

/** What each source adds to the residual stream on a side or under an ablation, [sources, prompts, pos, dModel]. */
export async function sourceOutputs(
  context: RunContext,
  batch: PromptBatch,
  what: Side | PatchDescription,
): Promise<Tensor<Float32Array>> {
  const { activations, graph, programs } = context;
  const patch: PatchDescription = typeof what === 'string' ? { kind: 'resample', from: what } : what;
  const n = batch.prompts.length;
  const slab = batch.length * graph.layout.dModel;
  const out = new Float32Array(graph.sources.length * n * slab); // [sources, prompts, pos, dModel]
  const spec: ProgramSpec = { kind: 'project' };
  const cuts = planCuts(context, spec, { prompts: n, length: batch.length, results: out.length });
  for (const cut of cuts) {
    const [start, stop] = cut;
    const patched = await activations.patch(batch, patch, cut, cuts);
    if (!patched) continue;
    const results = await programs.run(spec, siteFeeds(patched, patchInputName));
    const size = (stop - start) * slab;
    for (const block of graph.sourceBlocks) {
      const rows = floats(results, sourceOutputName(block.site)); // [rows, batch, pos, dModel]
      for (let r = block.start; r < block.stop; r++) {
        out.set(rows.subarray((r - block.start) * size, (r - block.start + 1) * size), (r * n + start) * slab);
      }
    }
  }
  return floatTensor(out, [graph.sources.length, n, batch.length, graph.layout.dModel]);
}

/** Numbers of a measure for every edge and prompt, read off one plain run. */
export async function measureEdges(
  context: RunContext,
  batch: PromptBatch,
  side: Side,
  measure: EdgeMeasure,
): Promise<PromptGradients> {
  const { graph } = context;
  const spec: ProgramSpec = { kind: 'edge-measure', measure };
  const n = batch.prompts.length;
  const cuts = planCuts(context, spec, { prompts: n, length: batch.length, results: n * graph.edgeCount });
  const plan = plainPlan(spec, side, cuts);
  const from = side === 'clean' ? 'corrupt' : 'clean';
  const both = { ...plan, patch: { kind: 'resample', from }, supply: 'fused' } as const;
  const chunks = await runPlan(context, batch, measure.twoSided ? both : plan);
  return { tensors: scoreTensors(graph, chunks, n) };
}
