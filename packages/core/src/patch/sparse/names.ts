/** @file Names of the inputs and symbols of sparse programs; what fills them stands in `feeds.ts`. */

import { blocksAt } from '../../graph/site-blocks.js';
import { layerSite, START_SITE, siteText } from '../../graph/sites.js';
import type { Graph } from '../../graph/types.js';
import { SELECTED } from '../../ir/program/dims.js';

/** How many sources of a block are read by anyone. */
export const writtenSymbol = (site: string): string => `${SELECTED}${site}`;
/** How many rows of a destination block are read on their own. */
export const readSymbol = (module: string): string => `${SELECTED}${module}`;
/** The same for all blocks of a site whose inputs have one stacked projection. */
export const readTogetherSymbol = (site: string): string => `${SELECTED}${site}:read`;
/** How many cached sources are read by anyone. */
export const CACHED_SYMBOL = `${SELECTED}cached`;
/** How many masks run together. */
export const MASKS = 'masks';

/** int [written]: local rows of the sources whose differences are read. */
export const writtenInput = (site: string): string => `written:${site}`;
/** int [read]: heads of a destination block that are read on their own. */
export const readInput = (module: string): string => `read:${module}`;
/** int [heads]: for each head the row that it takes from (all heads as they are, then those read on their own). */
export const pickInput = (module: string, input: string): string => `pick:${module}:${input}`;
/** int [rows]: where Q, K and V have one stacked projection, the rows of it that are taken for rows read on their own. */
export const stackedInput = (site: string): string => `stacked:${site}`;
/** int [3 · heads]: for each row of the stacked projection the row that it takes from, as `pickInput`. */
export const stackedPickInput = (site: string): string => `stacked-pick:${site}`;
/** int [computed heads]: the KV head of each. */
export const kvInput = (site: string): string => `kv:${site}`;
/** int [columns]: of the differences of a source block, those that are in a site's edge sum. */
export const columnsInput = (site: string, block: string): string => `columns:${site}:${block}`;
/** How many these are. */
export const columnsSymbol = (site: string, block: string): string => `${SELECTED}${site}<-${block}`;
/** float [masks?, pos?, rows, 1 + columns]: coefficients of the residual and of the differences that the site takes. */
export const edgeSumInput = (site: string): string => `edge-sum:${site}`;
/** float [masks?, pos?, rows, cached]: coefficients of the cached sources. */
export const cachedEdgeSumInput = (site: string): string => `edge-sum-cached:${site}`;
/** float [cached, batch, pos, dModel]: differences of the cached sources. */
export const CACHED_INPUT = 'cached';
/** float [batch, pos, dModel]: the residual at a site, or where the run starts. */
export const residualInput = (site: string): string => `residual:${site}`;

/**
 * Where a run starts whose first site is this one, by its text: the last place before it where the residual stream as a whole
 * is at hand, and so can be fed.
 */
export function residualSiteBefore(graph: Graph, site: string): string {
  const { layout } = graph;
  const { at } = blocksAt(graph, site)[0]!;
  if (at.kind === 'start') return site;
  if (at.kind === 'end') return siteText(layerSite(layout.layers - 1, 'post'));
  const isSerial = layout.kind === 'transformer' && !layout.parallel;
  if (at.kind === 'mlp' && isSerial) return siteText(layerSite(at.layer, 'mid'));
  return siteText(at.layer === 0 ? START_SITE : layerSite(at.layer - 1, 'post'));
}
