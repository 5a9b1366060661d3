/**
 * @file Runs that compute only what masks ask for: `run` gives the same logits as the dense program, `runTogether` those of
 * several masks, `variants` those of many that differ at one site. `strategy` says which of them pays.
 */

import type { Feeds, Results } from '../../backend/backend.js';
import { edgeEnds } from '../../graph/edges.js';
import { blocksBySite } from '../../graph/site-blocks.js';
import type { Graph, Mask } from '../../graph/types.js';
import { type OutputReadings, readingFeeds } from '../../objectives/readings.js';
import type { PromptBatch, Side } from '../../prompts/types.js';
import { concatAlong } from '../exec/batch-concat.js';
import { promptFeed } from '../exec/feeds.js';
import { mapLimit } from '../exec/map-limit.js';
import { type Cut, floats } from '../exec/micro-batches.js';
import type { RunContext } from '../exec/run-context.js';
import { edgeSumGroups } from '../modes/edge-sum-groups.js';
import type { SparseSpec, StoredSupply } from '../programs/program-spec.js';
import { INPUT, LOGITS } from '../programs/programs.js';
import type { PatchedMasksRequest, PatchedRunRequest } from '../requests/patchable-model.js';
import { cachedFeed, selectionFeeds } from './feeds.js';
import { residualInput, residualSiteBefore } from './names.js';
import { ResidualCache } from './residual-cache.js';
import type { Base, Entry, Selection, Variants } from './row-selection.js';
import { StrategyChoice } from './strategy.js';

/** How sparse runs are made, besides what every run works with. */
export interface SparseRunsRequest {
  /** Tokens (masks × prompts × positions) of one run whose masks differ at one site: what comes before it is not run. */
  readonly variantTokens: number;
  /** Most bytes of residuals and activation differences that are kept. */
  readonly keepBytes: number;
  /** This base always, whatever it costs; null for the cheaper one. */
  readonly always: Base | null;
  onDebug(line: string): void;
}

/** Sparse runs of one model. */
export class SparseRuns {
  readonly #context: RunContext;
  readonly #variantTokens: number;
  readonly #residuals: ResidualCache;
  /** By which strategy masks are run. */
  readonly strategy: StrategyChoice;

  constructor(context: RunContext, { always, keepBytes, onDebug, variantTokens }: SparseRunsRequest) {
    const { budget, graph, model } = context;
    this.#context = context;
    this.#variantTokens = variantTokens;
    this.strategy = new StrategyChoice({ model, graph, tokens: budget.plain, always, onDebug });
    this.#residuals = new ResidualCache(context, keepBytes);
  }

  /** Graphs whose single heads can be left out: transformers with edges between heads and MLPs, without latents or experts. */
  static fits({ layout, options }: Graph): boolean {
    return (
      layout.kind === 'transformer' &&
      layout.latents === undefined &&
      layout.experts === undefined &&
      options.factorized &&
      (options.kvInputs === 'query-head' || layout.heads === layout.kvHeads)
    );
  }

  /** Logits under each of several masks, which run as one: [prompts · outputs] each. */
  async runTogether(
    batch: PromptBatch,
    { input, masks, patch, readings }: PatchedMasksRequest,
  ): Promise<Float32Array[]> {
    const { activations, model } = this.#context;
    const selection = this.strategy.select('denoising', masks, patch, null);
    const cut: Cut = [0, batch.prompts.length];
    const patched = await activations.patch(batch, patch, cut, [cut]);
    const prompts = promptFeed(model.spec, batch, input, cut);
    const repeated = masks.map(() => prompts); // the same for each mask
    const feeds = {
      [INPUT]: concatAlong(repeated, 0),
      ...Object.fromEntries(selectionFeeds(selection, patched)),
      ...(await this.#residuals.residuals(batch, patch, cut, patched)),
      ...this.#readingFeeds(readings, batch, cut, masks.length),
    };
    const results = await this.#execute(selection, patched ? 'fed' : 'zero', feeds, readings);
    const rows = floats(results, LOGITS); // [masks · prompts, outputs]
    const size = rows.length / masks.length;
    return masks.map((_, m) => rows.slice(m * size, (m + 1) * size));
  }

  /** Logits under the selection's mask, [prompts of a cut, …] for each cut. */
  async run(
    batch: PromptBatch,
    { input, patch, readings }: PatchedRunRequest & Pick<PatchedMasksRequest, 'readings'>,
    selection: Selection,
    cuts: readonly Cut[],
  ): Promise<readonly Float32Array[]> {
    const { activations, model, programs } = this.#context;
    if (patch.kind === 'resample') await activations.prepare(batch, patch.from, cuts);
    return mapLimit(cuts, programs.parallel, async (cut) => {
      const patched = await activations.patch(batch, patch, cut, cuts);
      const residuals =
        selection.base === 'denoising' ? await this.#residuals.residuals(batch, patch, cut, patched) : {};
      const feeds = {
        [INPUT]: promptFeed(model.spec, batch, input, cut),
        ...Object.fromEntries(selectionFeeds(selection, patched)),
        ...residuals,
        ...this.#readingFeeds(readings, batch, cut),
      };
      return floats(await this.#execute(selection, patched ? 'fed' : 'zero', feeds, readings), LOGITS);
    });
  }

  #readingFeeds(readings: OutputReadings | undefined, { prompts }: PromptBatch, cut: Cut, masks = 1): Feeds {
    if (!readings) return {};
    return readingFeeds(readings, prompts, this.#context.model.spec.outputSize, cut, masks);
  }

  /**
   * Where runs of these variants can start: before the first site that anything is patched into. null where that is not the site
   * that all variants' edges lead to, nor the leader of its edge sums.
   */
  entryOf(mask: Mask, variants: readonly (readonly number[])[]): Entry | null {
    const { graph } = this.#context;
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
    request: PatchedRunRequest,
    { edges, ...entry }: Variants,
    cuts: readonly Cut[],
    outputs: number,
  ): Promise<Float32Array[]> {
    const { programs } = this.#context;
    const tokens = batch.prompts.length * batch.length;
    const atOnce = cuts.length > 1 ? 1 : Math.max(1, Math.floor(this.#variantTokens / tokens));
    const logits = edges.map(() => new Float32Array(batch.prompts.length * outputs));
    for (let first = 0; first < edges.length; first += atOnce) {
      const together = { ...entry, edges: edges.slice(first, first + atOnce) };
      const count = together.edges.length;
      const { cheapest } = this.strategy.cheapest(request.mask, request.patch, together, count * tokens);
      await mapLimit(cuts, programs.parallel, async (cut) => {
        const rows = await this.#variantsOfCut(batch, request, cheapest, cut, cuts); // [masks · prompts, outputs]
        const size = (cut[1] - cut[0]) * outputs;
        for (let m = 0; m < count; m++) {
          logits[first + m]!.set(rows.subarray(m * size, (m + 1) * size), cut[0] * outputs);
        }
      });
    }
    return logits;
  }

  async #variantsOfCut(
    batch: PromptBatch,
    { input, patch }: PatchedRunRequest,
    selection: Selection,
    cut: Cut,
    cuts: readonly Cut[],
  ): Promise<Float32Array> {
    const { activations } = this.#context;
    const patched = await activations.patch(batch, patch, cut, cuts);
    const differences = await this.#residuals.differences(batch, input, patch, cut, patched);
    const feeds = {
      ...Object.fromEntries([...selectionFeeds(selection, patched), cachedFeed(selection, differences)]),
      ...(selection.base === 'denoising'
        ? await this.#residuals.residuals(batch, patch, cut, patched)
        : await this.#residualAtStart(batch, input, selection, cut)),
    };
    return floats(await this.#execute(selection, patched ? 'fed' : 'zero', feeds), LOGITS);
  }

  /** The residual stream of the side that is run, where a run of these variants begins. */
  async #residualAtStart(batch: PromptBatch, input: Side, { variants }: Selection, cut: Cut): Promise<Feeds> {
    const { activations, graph } = this.#context;
    const side = { kind: 'resample', from: input } as const;
    const residuals = await this.#residuals.residuals(batch, side, cut, await activations.side(batch, input, cut));
    const name = residualInput(residualSiteBefore(graph, variants!.start));
    return { [name]: residuals[name]! };
  }

  #execute(
    { base, together, variants }: Selection,
    supply: StoredSupply,
    feeds: Feeds,
    readings?: OutputReadings,
  ): Promise<Results> {
    const masks = variants ? { start: variants.start, site: variants.site } : together ? 'together' : 'one';
    const shape = readings ? { readings: { references: readings.references.length } } : {};
    const spec: SparseSpec = { kind: 'sparse', base, supply, masks, ...shape };
    // Copies of weights for the kernels are for the programs that many masks run through; three of them would crowd each other out.
    const repeated = base === 'denoising' || variants !== null;
    return this.#context.programs.run(spec, feeds, { repeated });
  }

  /** Lets go of all that is kept. */
  dispose(): void {
    this.#residuals.dispose();
  }
}
