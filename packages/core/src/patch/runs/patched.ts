/** @file Pass 2: runs under masks, by whichever program costs least. */

import type { Mask } from '../../graph/types.js';
import type { PromptBatch } from '../../prompts/types.js';
import { elementCount, floatTensor, type Tensor } from '../../tensor/tensor.js';
import { inputFeeds, maskFeeds, withPatched } from '../exec/feeds.js';
import { cutsOf, floats, joinFloats } from '../exec/micro-batches.js';
import {
  axesOf,
  cutsFor,
  eachCut,
  firstPassFeeds,
  named,
  outputShape,
  type SharedRuns,
  siteFeeds,
  supplyOf,
} from '../exec/run-context.js';
import { INPUT, LOGITS, patchedProgram, patchInputName } from '../programs/programs.js';
import type { PatchedRunRequest } from '../requests/patchable-model.js';
import type { Selection, SparseRuns } from '../sparse/index.js';

/** A run whose differences leave the cache by this much still gains by being larger. */
const FEW_SOURCES = 0.7;

/** Masks run together where so many fit into a run: with fewer, their prompts fill one well enough by themselves. */
const FEWEST_TOGETHER = 8;

export interface PatchedRuns extends SharedRuns {
  /** null where the graph or the backend allows dense programs only. */
  readonly selected: SparseRuns | null;
}

export async function patchedRun(
  runs: PatchedRuns,
  batch: PromptBatch,
  request: PatchedRunRequest,
): Promise<Tensor<Float32Array>> {
  const { patch, mask } = request;
  // Selected runs need what pass 1 wrote.
  const fused = supplyOf(runs, batch, patch, false) === 'fused';
  const selection = fused ? null : runs.selected?.choice.choose(mask, patch, batch);
  const rows = await (selection ? selectedRun(runs, batch, request, selection) : denseRun(runs, batch, request));
  return floatTensor(joinFloats(rows), outputShape(runs.model.spec, batch.prompts.length, batch.length));
}

async function selectedRun(runs: PatchedRuns, batch: PromptBatch, request: PatchedRunRequest, selection: Selection) {
  const { plainTokens, patchTokens, selected, tokensFor } = runs;
  // One of two sizes, so that circuits of a curve share pass 1.
  const tokens = tokensFor(selection.sources) >= FEW_SOURCES * plainTokens ? plainTokens : patchTokens;
  return selected!.run(batch, request, selection, denseCuts(runs, batch, request, tokens));
}

async function denseRun(runs: PatchedRuns, batch: PromptBatch, request: PatchedRunRequest) {
  const { executables, graph, model, store } = runs;
  const { input, patch, mask } = request;
  const supply = supplyOf(runs, batch, patch, false);
  const cuts = denseCuts(runs, batch, request);
  if (supply === 'fed' && patch.kind === 'resample') await store.prepare(batch, patch.from, cuts);
  return eachCut(runs, cuts, async (cut) => {
    const [start, stop] = cut;
    const parts = supply === 'fused' ? null : await store.patch(batch, patch, start, stop, cuts);
    const results = await executables.run(denseProgram(runs, batch, request), {
      ...inputFeeds(INPUT, model.spec, batch, input, start, stop),
      ...firstPassFeeds(runs, supply, batch, patch, cut),
      ...siteFeeds(parts, patchInputName),
      ...Object.fromEntries(maskFeeds(graph, mask, batch.prompts.length, start, stop)),
    });
    return floats(results, LOGITS);
  });
}

function denseProgram(runs: PatchedRuns, batch: PromptBatch, { patch, mask }: PatchedRunRequest) {
  const { graph, model } = runs;
  const axes = axesOf(graph, mask);
  const supply = supplyOf(runs, batch, patch, false);
  return named(`patched-${supply}${axes.perItem ? '-by-item' : ''}`, () =>
    patchedProgram({ model, graph, supply, axes }),
  );
}

function denseCuts(runs: PatchedRuns, batch: PromptBatch, request: PatchedRunRequest, tokens = runs.patchTokens) {
  const [prompts, length] = [batch.prompts.length, batch.length];
  const results = elementCount(outputShape(runs.model.spec, prompts, length));
  return cutsFor(runs, denseProgram(runs, batch, request), { prompts, length, results, tokens });
}

/** Under the mask with each variant's edges patched, too. */
export async function patchedVariants(
  runs: PatchedRuns,
  batch: PromptBatch,
  request: PatchedRunRequest,
  variants: readonly (readonly number[])[],
): Promise<Tensor<Float32Array>[]> {
  const { graph, model, plainTokens, selected } = runs;
  const { mask, patch } = request;
  const fused = supplyOf(runs, batch, patch, false) === 'fused';
  const entry = fused ? null : selected?.entryOf(mask, variants);
  if (!selected || !entry)
    return oneByOne(
      runs,
      batch,
      request,
      variants.map((edges) => withPatched(graph, mask, edges)),
    );
  const shape = outputShape(model.spec, batch.prompts.length, batch.length);
  const cuts = cutsOf(batch.prompts.length, batch.length, plainTokens);
  const size = elementCount(shape.slice(1));
  const logits = await selected.variants(batch, request, { ...entry, edges: variants }, cuts, size);
  return logits.map((data) => floatTensor(data, shape));
}

/** Under each of several masks; those that cost less together run as one. */
export async function patchedMasks(
  runs: PatchedRuns,
  batch: PromptBatch,
  request: Omit<PatchedRunRequest, 'mask'>,
  masks: readonly Mask[],
): Promise<Tensor<Float32Array>[]> {
  const { model, selected } = runs;
  const fused = supplyOf(runs, batch, request.patch, false) === 'fused';
  if (!selected || fused) return oneByOne(runs, batch, request, masks);
  const shape = outputShape(model.spec, batch.prompts.length, batch.length);
  const logits: Tensor<Float32Array>[] = [];
  for (const [start, stop] of selected.choice.together(
    masks,
    request.patch,
    batch,
    mostTogether(runs, batch, request, masks),
  )) {
    const group = masks.slice(start, stop);
    if (group.length === 1) logits.push(...(await oneByOne(runs, batch, request, group)));
    else {
      const rows = await selected.runTogether(batch, { ...request, masks: group });
      logits.push(...rows.map((data) => floatTensor(data, shape)));
    }
  }
  return logits;
}

/** How many masks one run of this batch can take, by tokens and by memory. */
function mostTogether(
  runs: PatchedRuns,
  batch: PromptBatch,
  request: Omit<PatchedRunRequest, 'mask'>,
  masks: readonly Mask[],
): number {
  const { executables, model, plainTokens } = runs;
  const [n, length] = [batch.prompts.length, batch.length];
  const fitting = Math.floor(plainTokens / (n * length));
  if (fitting < FEWEST_TOGETHER || masks.length === 1) return 1;
  const prompts = n * Math.min(masks.length, fitting);
  const hostBytes = 8 * elementCount(outputShape(model.spec, prompts, length));
  const fit = executables.promptsPerRun(denseProgram(runs, batch, { ...request, mask: masks[0]! }), {
    prompts,
    length,
    hostBytes,
  });
  return Math.max(1, Math.floor(fit / n));
}

async function oneByOne(
  runs: PatchedRuns,
  batch: PromptBatch,
  request: Omit<PatchedRunRequest, 'mask'>,
  masks: readonly Mask[],
): Promise<Tensor<Float32Array>[]> {
  const logits: Tensor<Float32Array>[] = [];
  for (const mask of masks) logits.push(await patchedRun(runs, batch, { ...request, mask }));
  return logits;
}
