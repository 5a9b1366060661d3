/** @file Any number of variants of a mask, run group by group as they are asked for: how far ahead of the caller, and which together. */

import { edgeEnds } from '../../graph/edges.js';
import type { Graph } from '../../graph/types.js';
import type { PromptBatch } from '../../prompts/types.js';
import type { PatchedVariantsRequest, VariantGroup } from '../requests/patchable-model.js';
import { type PatchedContext, patchedRun, patchedTogether } from './patched.js';

/** Runs of a group at most, its baseline among them. */
const MOST_IN_GROUP = 32;

type Variant = readonly number[];

/** Logits of each variant, group by group. Nothing is run before its group is asked for. */
export async function* patchedVariants(
  context: PatchedContext,
  batch: PromptBatch,
  { variants, baseline = false, chance = 1, ...request }: PatchedVariantsRequest,
): AsyncGenerator<VariantGroup> {
  if (!context.sparse) {
    // Run by run: each is of the same program as the baseline, of which one is enough.
    const alone = baseline ? await patchedRun(context, batch, request) : null;
    for (const variant of variants) {
      yield { logits: await patchedTogether(context, batch, request, [variant]), baseline: alone };
    }
    return;
  }
  const most = worthRunning(chance) - (baseline ? 1 : 0);
  for (const group of groupsBySite(context.graph, variants, most)) {
    const logits = await patchedTogether(context, batch, request, baseline ? [[], ...group] : group);
    yield { logits: baseline ? logits.slice(1) : logits, baseline: baseline ? logits[0]! : null };
  }
}

/** How many are wanted in a row on average, when after each the next is wanted with this chance. */
function worthRunning(chance: number): number {
  return Math.min(MOST_IN_GROUP, Math.max(1, Math.round(1 / (1 - chance))));
}

/** Neighbouring variants in groups of at most `most`, each of whose edges lead to one site: their runs have all before it in common. */
export function* groupsBySite(graph: Graph, variants: Iterable<Variant>, most: number): Generator<Variant[]> {
  let group: Variant[] = [];
  let site: string | null = null;
  for (const variant of variants) {
    const own = siteOf(graph, variant);
    if (group.length > 0 && (own !== site || own === null)) {
      yield group;
      group = [];
    }
    site = own;
    group.push(variant);
    if (group.length >= most) {
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}

/** The site that all edges of a variant lead to; null where they lead to several. */
function siteOf(graph: Graph, variant: Variant): string | null {
  const sites = new Set(variant.map((edge) => graph.destinationBlocks[edgeEnds(graph, edge).destination.block]!.site));
  const [site] = sites;
  return sites.size === 1 ? site! : null;
}
