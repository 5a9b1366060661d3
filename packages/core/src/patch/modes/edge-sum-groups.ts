/**
 * @file Which sites share a product. A site with heads also takes the part of later sites' edge sums that is over the sources it
 * sees itself: these then only lack what is written in between.
 */
import { blocksAt } from '../../graph/site-blocks.js';
import type { Graph } from '../../graph/types.js';

/** A site, and those that it starts the edge sums of. Sites by their text. */
export interface EdgeSumGroup {
  readonly leader: string;
  readonly followers: readonly string[];
}

/** The groups of consecutive sites, given in the order of reading: the first and every site with heads lead one. */
export function edgeSumGroups(graph: Graph, sites: Iterable<string>): EdgeSumGroup[] {
  return grouped(graph, sites, () => true);
}

/** As many rows share a product: with more it is hardly faster, and what it starts must be kept until it is read. */
const ROWS_TOGETHER = 128;
/** A site may follow where so many times its rows are summed: starting a row's sum copies it, and adding the rest copies it again. */
const SOURCES_A_ROW = 2;

/**
 * The same where every row is summed: sites with heads follow, too, while all rows of a group are few enough for one product and
 * the sources of its leader many. Those sources are then joined, and read, once for several layers.
 */
export function denseEdgeSumGroups(graph: Graph, sites: Iterable<string>): EdgeSumGroup[] {
  return grouped(graph, sites, (site, group) => {
    const [first] = blocksAt(graph, group[0]!);
    const rows = rowsAt(graph, site);
    const sources = first!.sources.stop - first!.sources.start;
    const together = group.reduce((sum, name) => sum + rowsAt(graph, name), 0) + rows;
    return together > ROWS_TOGETHER || sources < SOURCES_A_ROW * rows;
  });
}

const rowsAt = (graph: Graph, site: string): number =>
  blocksAt(graph, site).reduce((rows, { heads }) => rows + (heads ?? 1), 0);

/** @param leads whether a site with heads leads a group of its own, after this one */
function grouped(
  graph: Graph,
  sites: Iterable<string>,
  leads: (site: string, group: readonly string[]) => boolean,
): EdgeSumGroup[] {
  const groups: string[][] = [];
  for (const site of sites) {
    const group = groups.at(-1);
    const hasHeads = blocksAt(graph, site).some((block) => block.heads !== null);
    if (!group || (hasHeads && leads(site, group))) groups.push([site]);
    else group.push(site);
  }
  return groups.map(([leader, ...followers]) => ({ leader: leader!, followers }));
}

/** The group of a site, which must be in one. */
export const edgeSumGroupOf = (groups: readonly EdgeSumGroup[], site: string): EdgeSumGroup =>
  groups.find(({ leader, followers }) => leader === site || followers.includes(site))!;
