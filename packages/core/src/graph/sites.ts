/** @file The sites of a graph, where modules read, in the order of reading; and which of them are mixed together. */
import type { DestinationBlock, Graph } from './types.js';

const tables = new WeakMap<Graph, ReadonlyMap<string, readonly DestinationBlock[]>>();

/** Destination blocks by site, in the order of reading. */
export function blocksBySite(graph: Graph): ReadonlyMap<string, readonly DestinationBlock[]> {
  const known = tables.get(graph);
  if (known) return known;
  const made = new Map<string, DestinationBlock[]>();
  for (const block of graph.destinationBlocks) {
    const own = made.get(block.site);
    if (own) own.push(block);
    else made.set(block.site, [block]);
  }
  tables.set(graph, made);
  return made;
}
/** What is read at a site; nothing where the graph has no such site. */
export const blocksAt = (graph: Graph, site: string): readonly DestinationBlock[] =>
  blocksBySite(graph).get(site) ?? [];

/**
 * Who mixes for whom. A site with heads also takes the shares of the sites after it (up to the next such one) in the sources
 * that it sees: these then only lack what is written in between.
 */
export interface EdgeSumGroup {
  readonly leader: string;
  readonly followers: readonly string[];
}
export function edgeSumGroups(graph: Graph, sites: Iterable<string>): EdgeSumGroup[] {
  const groups: { leader: string; followers: string[] }[] = [];
  for (const site of sites) {
    const leads = groups.length === 0 || blocksAt(graph, site).some((block) => block.heads !== null);
    if (leads) groups.push({ leader: site, followers: [] });
    else groups.at(-1)!.followers.push(site);
  }
  return groups;
}

/** The group of a site, which must be in one. */
export const edgeSumGroupOf = (groups: readonly EdgeSumGroup[], site: string): EdgeSumGroup =>
  groups.find(({ leader, followers }) => leader === site || followers.includes(site))!;
