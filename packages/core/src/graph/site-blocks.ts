/** @file The destination blocks of a graph by the site that they read at. */
import type { DestinationBlock, Graph } from './types.js';

const tables = new WeakMap<Graph, ReadonlyMap<string, readonly DestinationBlock[]>>();

/** Destination blocks by the text of their site, in the order of reading. */
export function blocksBySite(graph: Graph): ReadonlyMap<string, readonly DestinationBlock[]> {
  const cached = tables.get(graph);
  if (cached) return cached;
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
