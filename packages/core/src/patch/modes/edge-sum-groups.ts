/**
 * @file Which sites share a product. A site with heads also takes the part of later sites' edge sums (up to the next site with
 * heads) that is over the sources it sees itself: these then only lack what is written in between.
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
