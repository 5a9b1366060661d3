/** @file Names of the inputs and symbols of selected programs; what fills them stands in `feeds.ts`. */

import type { TransformerLayout } from '../../graph/types.js';
import { SELECTED } from '../../ir/program/dims.js';

/** How many sources of a block are read [..]. */
export const writtenSymbol = (site: string): string => `${SELECTED}${site}`;
/** How many rows of a destination block are read on their own. */
export const readSymbol = (module: string): string => `${SELECTED}${module}`;
/** The same for all blocks of a site whose inputs have one stacked projection. */
export const readTogetherSymbol = (site: string): string => `${SELECTED}${site}:read`;
export const CACHED_SYMBOL = `${SELECTED}cached`;
/** Masks that run together. */
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
/** int [columns]: of the differences of a block, those that a site takes into its mix. */
export const columnsInput = (site: string, block: string): string => `columns:${site}:${block}`;
export const columnsSymbol = (site: string, block: string): string => `${SELECTED}${site}<-${block}`;
/** float [masks?, pos?, rows, 1 + columns]: factors of the carried residual and of the differences that the site takes. */
export const edgeSumInput = (site: string): string => `edge-sum:${site}`;
/** float [masks?, pos?, rows, known]. */
export const cachedEdgeSumInput = (site: string): string => `edge-sum-cached:${site}`;
/** float [known, batch, pos, dModel]: differences of known sources. */
export const CACHED_INPUT = 'cached';
/** float [batch, pos, dModel]: what is carried at a site, or where the run starts. */
export const residualInput = (site: string): string => `residual:${site}`;

/** The point after which a run starts whose first site is this one: the residual there is fed. */
export function residualSiteBefore(layout: TransformerLayout, site: string): string {
  if (site === 'end') return `L${layout.layers - 1}.post`;
  const [, layer, module] = /^L(\d+)\.(.+)$/.exec(site)!;
  if (module === 'mlp' && !layout.parallel) return `L${layer}.mid`;
  return layer === '0' ? 'start' : `L${Number(layer) - 1}.post`;
}
