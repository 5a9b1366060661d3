/** @file By which strategy masks are run: what each would cost (`cost-model.ts`), and the cheapest of them. */

import type { Graph, Mask } from '../../graph/types.js';
import type { ModelObject } from '../../model/model.js';
import type { PromptBatch } from '../../prompts/types.js';
import type { PatchDescription } from '../requests/ablations.js';
import { denseCost, denseRunCost, leastNoisingCost, sparseCost, type Widths, widthsOf } from './cost-model.js';
import { cheapestGroups } from './grouping.js';
import { type Base, type Selection, select, type Variants } from './row-selection.js';

/** What a choice of strategies goes by. */
export interface StrategyRequest {
  readonly model: ModelObject;
  readonly graph: Graph;
  /** Tokens (prompts × positions) of one run. */
  readonly tokens: number;
  /** This base always, whatever it costs. */
  readonly always: Base | null;
  onDebug(line: string): void;
}

interface Costs {
  readonly widths: Widths;
  /** Of the dense program, a token. */
  readonly dense: number;
}

/** Masks that run together, and what they ask a base to compute. */
interface SelectedMasks {
  readonly masks: readonly Mask[];
  readonly selection: Selection;
}

/** Compares the strategies for masks; what was selected for a mask is kept as long as the mask. */
export class StrategyChoice {
  readonly #request: StrategyRequest;
  /** A mask is run on batch after batch. */
  readonly #selections = new WeakMap<Mask, Map<string, SelectedMasks>>();
  readonly #bases: readonly Base[];
  #knownCosts: Costs | undefined;
  #reported = '';
  readonly #lines = new Set<string>();

  constructor(request: StrategyRequest) {
    this.#request = request;
    this.#bases = request.always ? [request.always] : BASES;
  }

  /** Read off the plain program when the first mask is run: a model that only gives gradients has no need of it. */
  get #costs(): Costs {
    const { model, graph } = this.#request;
    if (!this.#knownCosts) {
      const widths = widthsOf(model, graph);
      this.#knownCosts = { widths, dense: denseCost(graph, widths) };
    }
    return this.#knownCosts;
  }

  /** What a sparse run of this mask on a batch computes, if that is cheapest; null for the dense program. */
  choose(mask: Mask, patch: PatchDescription, { prompts, length }: PromptBatch): Selection | null {
    if (mask.perItem) return null;
    const tokens = Math.min(this.#request.tokens, prompts.length * length);
    const { cheapest, cost } = this.cheapest(mask, patch, null, tokens);
    const share = cost / this.#denseCost(tokens);
    const chosen = share < WORTH_ANOTHER_PROGRAM || this.#request.always ? cheapest : null;
    this.#report(chosen?.base ?? 'dense', cheapest.base, share);
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
  groups(
    masks: readonly Mask[],
    patch: PatchDescription,
    batch: PromptBatch,
    most: number,
  ): readonly (readonly [number, number])[] {
    const { always } = this.#request;
    const possible = this.#bases.includes('denoising') && always !== 'noising' && !masks.some(({ perItem }) => perItem);
    if (most === 1 || !possible) return masks.map((_, i) => [i, i + 1] as const);
    const tokens = batch.prompts.length * batch.length;
    const alone = masks.map((mask) => Math.min(this.#denseCost(tokens), this.cheapest(mask, patch, null, tokens).cost));
    const asCircuits = masks.map((mask) => this.select('denoising', [mask], patch, null));
    const groups = cheapestGroups(masks.length, most, (start, stop) => {
      if (stop - start === 1) return always ? Number.MAX_VALUE / masks.length : alone[start]!;
      const costs = asCircuits
        .slice(start, stop)
        .map((selection) => sparseCost(selection, this.#costs.widths, (stop - start) * tokens));
      return Math.max(...costs);
    });
    const sizes = groups.map(([start, stop]) => stop - start);
    if (sizes.some((size) => size > 1)) this.#once(`${masks.length} masks are run in groups of ${sizes.join(', ')}`);
    return groups;
  }

  /** The cheaper base, whatever the dense program costs. */
  cheapest(
    mask: Mask,
    patch: PatchDescription,
    variants: Variants | null,
    tokens: number,
  ): { cheapest: Selection; cost: number } {
    // Even with nothing patched every head is computed: not worth looking at where that alone costs more than all.
    const least = leastNoisingCost(this.#request.graph, this.#costs.widths, tokens);
    const hopeless = !variants && least > this.#denseCost(tokens) && this.#bases.length > 1;
    const candidates = this.#bases
      .filter((base) => base !== 'noising' || !hopeless)
      .map((base) => {
        const cheapest = this.select(base, [mask], patch, variants);
        return { cheapest, cost: sparseCost(cheapest, this.#costs.widths, tokens) };
      });
    return candidates.reduce((best, other) => (other.cost < best.cost ? other : best));
  }

  /** What these masks, run together, or the one with variants, ask a base to compute. */
  select(base: Base, masks: readonly Mask[], patch: PatchDescription, variants: Variants | null): Selection {
    const { graph, model } = this.#request;
    const patchedGivesPatch = patch.kind === 'resample';
    const { headsWriteTogether: headsTogether = false } = model.spec;
    const make = (): Selection => select({ graph, base, masks, variants, patchedGivesPatch, headsTogether });
    if (variants) return make();
    // Masks that run together do so on batch after batch: what was last selected for them is kept with their first one.
    const [first] = masks as [Mask];
    const known = this.#selections.get(first) ?? new Map<string, SelectedMasks>();
    this.#selections.set(first, known);
    const key = `${base} ${patchedGivesPatch} ${masks.length}`;
    const last = known.get(key);
    if (last && masks.every((mask, i) => mask === last.masks[i])) return last.selection;
    const selection = make();
    known.set(key, { masks, selection });
    return selection;
  }

  /** Which strategy was taken and why, once for each change. */
  #report(taken: string, cheapest: Base, share: number): void {
    const line = `masks are run ${DESCRIPTIONS[taken]!}; the cheapest other way (${DESCRIPTIONS[cheapest]!}) would cost ${share.toFixed(2)} of the dense one`;
    if (taken !== this.#reported) this.#request.onDebug(line);
    this.#reported = taken;
  }
  /** Batches of a run say the same. */
  #once(line: string): void {
    if (!this.#lines.has(line)) this.#request.onDebug(line);
    this.#lines.add(line);
  }
}

/** What costs nearly as much as the dense program gains less than a program of its own takes to compile, again and again where two take turns. */
const WORTH_ANOTHER_PROGRAM = 0.9;
const BASES: readonly Base[] = ['noising', 'denoising'];
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  dense: 'dense: every source into every row',
  noising: 'as the model with some rows patched',
  denoising: 'as the circuit alone',
};
