/**
 * @file Runs that compute only what a mask asks for. `choose` compares what they would cost with the dense program;
 * `run` gives the same logits as that does, `variants` those of many masks that differ at one site.
 */
import type { PromptBatch } from '../../data/types.js';
import { edgeEnds } from '../../graph/edges.js';
import type { Graph, Mask } from '../../graph/types.js';
import type { Feeds, Results } from '../../ir/backend.js';
import type { ModelObject } from '../../plugin/contributions.js';
import type { Executables } from '../executables.js';
import { promptFeed } from '../feeds.js';
import { inOrder } from '../in-order.js';
import { joinedAlong } from '../items.js';
import { type Cut, floats } from '../micro-batches.js';
import { INPUT, LOGITS } from '../programs.js';
import { blocksBySite, mixGroups } from '../sites.js';
import type { SourceStore } from '../source-store.js';
import type { PatchDescription, PatchedRunRequest } from '../types.js';
import { denseCost, denseRunCost, leastCurrentCost, selectedCost, type Widths, widthsOf } from './cost.js';
import { knownFeed, selectionFeeds } from './feeds.js';
import { cheapestGroups } from './groups.js';
import { KeptRuns } from './kept.js';
import type { Entry } from './mixing.js';
import { carriedInput, streamBefore } from './names.js';
import { selectedProgram } from './programs.js';
import { type Base, type Selection, select, type Variants } from './selection.js';

export interface SelectedRunsRequest {
  readonly model: ModelObject;
  readonly graph: Graph;
  readonly executables: Executables;
  readonly store: SourceStore;
  /** Tokens (masks × prompts × positions) of one run with several masks. */
  readonly tokens: number;
  /** The same where masks differ at one site: what comes before it is not run. */
  readonly variantTokens: number;
  /** Most bytes of residuals and differences that are kept. */
  readonly keepBytes: number;
  /** Takes one way always, whatever it costs. */
  readonly always: Base | null;
  onDebug(line: string): void;
}

interface Costs {
  readonly widths: Widths;
  /** Of the dense program, a token. */
  readonly dense: number;
}

interface SelectedMasks {
  readonly masks: readonly Mask[];
  readonly selection: Selection;
}

export class SelectedRuns {
  readonly #request: SelectedRunsRequest;
  readonly #kept: KeptRuns;
  /** A mask is run on batch after batch. */
  readonly #selections = new WeakMap<Mask, Map<string, SelectedMasks>>();
  readonly #bases: readonly Base[];
  #known: Costs | undefined;
  #said = '';
  readonly #lines = new Set<string>();

  constructor(request: SelectedRunsRequest) {
    this.#request = request;
    const { model, graph, executables, store, keepBytes, always } = request;
    // Where heads write together, none can be left out.
    const possible = model.spec.headsWriteTogether ? BASES.filter((base) => base === 'current') : BASES;
    this.#bases = always && possible.includes(always) ? [always] : possible;
    this.#kept = new KeptRuns(model, graph, executables, store, keepBytes);
  }

  /** Read off the plain program when the first mask is run: a model that only gives gradients has no need of it. */
  get #costs(): Costs {
    const { model, graph } = this.#request;
    if (!this.#known) {
      const widths = widthsOf(model, graph);
      this.#known = { widths, dense: denseCost(graph, widths) };
    }
    return this.#known;
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

  /** The cheapest way to run this mask on a batch; null for the dense program. */
  choose(mask: Mask, patch: PatchDescription, { prompts, length }: PromptBatch): Selection | null {
    if (mask.perItem) return null;
    const tokens = Math.min(this.#request.tokens, prompts.length * length);
    const { cheapest, cost } = this.#cheapest(mask, patch, null, tokens);
    const share = cost / this.#denseCost(tokens);
    const chosen = share < 1 || this.#request.always ? cheapest : null;
    this.#say(chosen?.base ?? 'dense', cheapest.base, share);
    return chosen;
  }
  #denseCost(tokens: number): number {
    const { widths, dense } = this.#costs;
    return denseRunCost(this.#request.graph, widths, dense, tokens);
  }

  /**
   * Neighbours of a list of masks that cost less together than one by one, as consecutive ranges of it. A run together computes
   * what any of its masks asks for; of nested circuits, as curves have them, that is what the largest asks for.
   * @param most masks of one run
   */
  together(
    masks: readonly Mask[],
    patch: PatchDescription,
    batch: PromptBatch,
    most: number,
  ): readonly (readonly [number, number])[] {
    const { always } = this.#request;
    const possible = this.#bases.includes('patch') && always !== 'current' && !masks.some(({ perItem }) => perItem);
    if (most === 1 || !possible) return masks.map((_, i) => [i, i + 1] as const);
    const tokens = batch.prompts.length * batch.length;
    const alone = masks.map((mask) =>
      Math.min(this.#denseCost(tokens), this.#cheapest(mask, patch, null, tokens).cost),
    );
    const asCircuits = masks.map((mask) => this.#select('patch', [mask], patch, null));
    const groups = cheapestGroups(masks.length, most, (start, stop) => {
      if (stop - start === 1) return always ? Number.MAX_VALUE / masks.length : alone[start]!;
      const costs = asCircuits
        .slice(start, stop)
        .map((selection) => selectedCost(selection, this.#costs.widths, (stop - start) * tokens));
      return Math.max(...costs);
    });
    const sizes = groups.map(([start, stop]) => stop - start);
    if (sizes.some((size) => size > 1)) this.#once(`${masks.length} masks are run in groups of ${sizes.join(', ')}`);
    return groups;
  }

  /** Logits under each of several masks, which run as one: [prompts · outputs] each. */
  async runTogether(
    batch: PromptBatch,
    { input, patch, masks }: Omit<PatchedRunRequest, 'mask'> & { readonly masks: readonly Mask[] },
  ): Promise<Float32Array[]> {
    const { model, store } = this.#request;
    const selection = this.#select('patch', masks, patch, null);
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

  #cheapest(
    mask: Mask,
    patch: PatchDescription,
    variants: Variants | null,
    tokens: number,
  ): { cheapest: Selection; cost: number } {
    // Even with nothing patched every head is computed: not worth looking at where that alone costs more than all.
    const least = leastCurrentCost(this.#request.graph, this.#costs.widths, tokens);
    const hopeless = !variants && least > this.#denseCost(tokens) && this.#bases.length > 1;
    const ways = this.#bases
      .filter((base) => base !== 'current' || !hopeless)
      .map((base) => {
        const cheapest = this.#select(base, [mask], patch, variants);
        return { cheapest, cost: selectedCost(cheapest, this.#costs.widths, tokens) };
      });
    return ways.reduce((best, way) => (way.cost < best.cost ? way : best));
  }

  #select(base: Base, masks: readonly Mask[], patch: PatchDescription, variants: Variants | null): Selection {
    const { graph } = this.#request;
    const patchedGivesPatch = patch.kind === 'resample';
    const make = (): Selection => select({ graph, base, masks, variants, patchedGivesPatch });
    if (variants) return make();
    // Masks that run together do so on batch after batch: what was last selected for them is kept with their first one.
    const [first] = masks as [Mask];
    const known = this.#selections.get(first) ?? new Map<string, SelectedMasks>();
    this.#selections.set(first, known);
    const key = `${base} ${patchedGivesPatch} ${masks.length}`;
    const kept = known.get(key);
    if (kept && masks.every((mask, i) => mask === kept.masks[i])) return kept.selection;
    const selection = make();
    known.set(key, { masks, selection });
    return selection;
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
      const carried = selection.base === 'patch' ? await this.#kept.carried(batch, patch, cut, parts) : {};
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
    const group = mixGroups(graph, blocksBySite(graph).keys()).find(({ leader }) => leader === start);
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
    const stream = streamBefore(graph.layout as Parameters<typeof streamBefore>[0], start);
    for (let first = 0; first < edges.length; first += atOnce) {
      const together = edges.slice(first, first + atOnce);
      const selection = this.#cheapest(
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
          selection.base === 'patch'
            ? await this.#kept.carried(batch, patch, cut, parts)
            : await this.#kept.carried(batch, side, cut, await store.side(batch, input, ...cut));
        const feeds = {
          ...Object.fromEntries([...selectionFeeds(selection, parts), knownFeed(selection, differences)]),
          ...(selection.base === 'patch' ? carried : { [carriedInput(stream)]: carried[carriedInput(stream)]! }),
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
    const repeated = base === 'patch' || entry !== null;
    const make = () => selectedProgram({ model, graph, base, entry, together, supply });
    return executables.run({ key, make }, feeds, { repeated });
  }

  /** Which way was taken and why, once for each change. */
  #say(taken: string, cheapest: Base, share: number): void {
    const line = `masks are run ${WAYS[taken]!}; the cheapest other way (${WAYS[cheapest]!}) would cost ${share.toFixed(2)} of the dense one`;
    if (taken !== this.#said) this.#request.onDebug(line);
    this.#said = taken;
  }
  /** Batches of a run say the same. */
  #once(line: string): void {
    if (!this.#lines.has(line)) this.#request.onDebug(line);
    this.#lines.add(line);
  }
  dispose(): void {
    this.#kept.dispose();
  }
}

const BASES: readonly Base[] = ['current', 'patch'];
const WAYS: Readonly<Record<string, string>> = {
  dense: 'dense: every source into every row',
  current: 'as the model with some rows patched',
  patch: 'as the circuit alone',
};
