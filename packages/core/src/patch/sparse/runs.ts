/**
 * @file Runs that compute only what a mask asks for: `run` gives the same logits as the dense program, `runTogether` those of
 * several masks, `variants` of many that differ at one site. `choice` says which way to take.
 */

import type { Feeds, Results } from '../../backend/backend.js';
import { edgeEnds } from '../../graph/edges.js';
import { blocksBySite } from '../../graph/site-blocks.js';
import type { Graph, Mask } from '../../graph/types.js';
import type { PromptBatch } from '../../prompts/types.js';
import type { SourceStore } from '../exec/activation-cache.js';
import { joinedAlong } from '../exec/batch-concat.js';
import { promptFeed } from '../exec/feeds.js';
import { inOrder } from '../exec/map-limit.js';
import { type Cut, floats } from '../exec/micro-batches.js';
import type { Executables } from '../exec/program-cache.js';
import { edgeSumGroups } from '../modes/edge-sum-groups.js';
import { INPUT, LOGITS } from '../programs/programs.js';
import type { PatchedRunRequest } from '../requests/patchable-model.js';
import { knownFeed, selectionFeeds } from './feeds.js';
import { residualInput, residualSiteBefore } from './names.js';
import { sparseProgram } from './programs.js';
import { KeptRuns } from './residual-cache.js';
import type { Entry, Selection, Variants } from './row-selection.js';
import { Choice, type ChoiceRequest } from './strategy.js';

export interface SparseRunsRequest extends ChoiceRequest {
  readonly executables: Executables;
  readonly store: SourceStore;
  /** Tokens (masks × prompts × positions) of one run whose masks differ at one site: what comes before it is not run. */
  readonly variantTokens: number;
  /** Most bytes of residuals and differences that are kept. */
  readonly keepBytes: number;
}

export class SparseRuns {
  readonly #request: SparseRunsRequest;
  readonly #kept: KeptRuns;
  /** Which way masks are run. */
  readonly choice: Choice;

  constructor(request: SparseRunsRequest) {
    this.#request = request;
    const { model, graph, executables, store, keepBytes } = request;
    this.choice = new Choice(request);
    this.#kept = new KeptRuns(model, graph, executables, store, keepBytes);
  }

  /** Graphs whose single heads can be left out: transformers with edges between heads and MLPs, without latents. */
  static fits({ layout, options }: Graph): boolean {
    return (
      layout.kind === 'transformer' &&
      layout.latents === undefined &&
      options.factorized &&
      (options.kvInputs === 'query-head' || layout.heads === layout.kvHeads)
    );
  }

  /** Logits under each of several masks, which run as one: [prompts · outputs] each. */
  async runTogether(
    batch: PromptBatch,
    { input, patch, masks }: Omit<PatchedRunRequest, 'mask'> & { readonly masks: readonly Mask[] },
  ): Promise<Float32Array[]> {
    const { model, store } = this.#request;
    const selection = this.choice.select('denoising', masks, patch, null);
    const cut: Cut = [0, batch.prompts.length];
    const parts = await store.patch(batch, patch, ...cut, [cut]);
    const prompts = promptFeed(model.spec, batch, input, ...cut);
    const feeds = {
      [INPUT]: joinedAlong(
        masks.map(() => prompts),
        0,
      ), // the same for each mask
      ...Object.fromEntries(selectionFeeds(selection, parts)),
      ...(await this.#kept.carried(batch, patch, cut, parts)),
    };
    const rows = floats(await this.#execute(selection, parts ? 'fed' : 'zero', feeds), LOGITS); // [masks · prompts, outputs]
    const size = rows.length / masks.length;
    return masks.map((_, m) => rows.slice(m * size, (m + 1) * size));
  }

  /** Logits under the selection's mask, [prompts of a cut, …] for each cut. */
  async run(
    batch: PromptBatch,
    { input, patch }: PatchedRunRequest,
    selection: Selection,
    cuts: readonly Cut[],
  ): Promise<readonly Float32Array[]> {
    const { model, store } = this.#request;
    if (patch.kind === 'resample') await store.prepare(batch, patch.from, cuts);
    return inOrder(cuts, this.#request.executables.parallel, async (cut) => {
      const parts = await store.patch(batch, patch, ...cut, cuts);
      const carried = selection.base === 'denoising' ? await this.#kept.carried(batch, patch, cut, parts) : {};
      const feeds = {
        [INPUT]: promptFeed(model.spec, batch, input, ...cut),
        ...Object.fromEntries(selectionFeeds(selection, parts)),
        ...carried,
      };
      return floats(await this.#execute(selection, parts ? 'fed' : 'zero', feeds), LOGITS);
    });
  }

  /**
   * Where runs of these variants can start: before the first site that anything is patched into. null where that is not the site
   * that all variants' edges lead to, nor the one that mixes for it.
   */
  entryOf(mask: Mask, variants: readonly (readonly number[])[]): Entry | null {
    const { graph } = this.#request;
    const blocks = variants.flat().map((edge) => graph.destinationBlocks[edgeEnds(graph, edge).destination.block]!);
    const [first] = blocks;
    if (mask.perItem || !first || blocks.some((block) => block.site !== first.site)) return null;
    const { site } = first;
    const start = graph.destinationBlocks.find(
      (block) =>
        block.sources.stop < first.sources.stop && mask.tensors[block.module]!.data.some((factor) => factor !== 0),
    )?.site;
    if (start === undefined) return { start: site, site };
    const group = edgeSumGroups(graph, blocksBySite(graph).keys()).find(({ leader }) => leader === start);
    return group?.followers.includes(site) ? { start, site } : null;
  }

  /** Logits under the mask with each variant's edges patched, too: `outputs` numbers a prompt, [variants][prompts · outputs]. */
  async variants(
    batch: PromptBatch,
    { input, patch, mask }: PatchedRunRequest,
    { start, site, edges }: Variants,
    cuts: readonly Cut[],
    outputs: number,
  ): Promise<Float32Array[]> {
    const { graph, store, variantTokens } = this.#request;
    const atOnce = cuts.length > 1 ? 1 : Math.max(1, Math.floor(variantTokens / (batch.prompts.length * batch.length)));
    const logits = edges.map(() => new Float32Array(batch.prompts.length * outputs));
    const stream = residualSiteBefore(graph, start);
    for (let first = 0; first < edges.length; first += atOnce) {
      const together = edges.slice(first, first + atOnce);
      const selection = this.choice.cheapest(
        mask,
        patch,
        { start, site, edges: together },
        together.length * batch.prompts.length * batch.length,
      ).cheapest;
      await inOrder(cuts, this.#request.executables.parallel, async (cut) => {
        const parts = await store.patch(batch, patch, ...cut, cuts);
        const differences = await this.#kept.differences(batch, input, patch, cut, parts);
        const side = { kind: 'resample', from: input } as const;
        const carried =
          selection.base === 'denoising'
            ? await this.#kept.carried(batch, patch, cut, parts)
            : await this.#kept.carried(batch, side, cut, await store.side(batch, input, ...cut));
        const feeds = {
          ...Object.fromEntries([...selectionFeeds(selection, parts), knownFeed(selection, differences)]),
          ...(selection.base === 'denoising' ? carried : { [residualInput(stream)]: carried[residualInput(stream)]! }),
        };
        const results = await this.#execute(selection, parts ? 'fed' : 'zero', feeds);
        const rows = floats(results, LOGITS); // [masks · items, outputs]
        const size = (cut[1] - cut[0]) * outputs;
        together.forEach((_, m) => {
          logits[first + m]!.set(rows.subarray(m * size, (m + 1) * size), cut[0] * outputs);
        });
      });
    }
    return logits;
  }

  #execute(selection: Selection, supply: 'fed' | 'zero', feeds: Feeds): Promise<Results> {
    const { executables, graph, model } = this.#request;
    const { base, together, variants: entry } = selection;
    const from = entry ? `-from-${entry.start}-for-${entry.site}` : '';
    const key = `selected-${base}-${supply}${from}${together ? '-together' : ''}`;
    // Copies of weights for the kernels are for the programs that many masks run through; three of them would crowd each other out.
    const repeated = base === 'denoising' || entry !== null;
    const make = () => sparseProgram({ model, graph, base, entry, together, supply });
    return executables.run({ key, make }, feeds, { repeated });
  }

  dispose(): void {
    this.#kept.dispose();
  }
}
