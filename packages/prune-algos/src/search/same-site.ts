/** @file Edges that can be tried in one run. */
import { edgeEnds, type Graph } from '@auto-circuit/core/plugin';

/** The first of these edges, as far as they lead to one site: their runs have everything before it in common. */
export function sameSite(graph: Graph, edges: readonly number[]): number[] {
  const siteOf = (edge: number): string => graph.destinationBlocks[edgeEnds(graph, edge).destination.block]!.site;
  const [first] = edges;
  if (first === undefined) return [];
  const site = siteOf(first);
  const other = edges.findIndex((edge) => siteOf(edge) !== site);
  return edges.slice(0, other === -1 ? edges.length : other);
}
