/** @file The facts of a graph in words. */
import type { Graph } from '@auto-circuit/core';
import { count, plural } from '../markup/text.js';

/** What the graph is made of: `3 layers of 4 attention heads and an MLP`. */
export function modelWords({ layout }: Pick<Graph, 'layout'>): string {
  if (layout.kind === 'staged') return `${plural(layout.layers, 'layer')} of ${plural(layout.heads, 'head')}`;
  const heads = plural(layout.heads, 'attention head');
  const grouped = layout.kvHeads < layout.heads ? ` (${plural(layout.kvHeads, 'key-value head')})` : '';
  const mlp = !layout.mlp ? '' : layout.parallel ? ' beside an MLP' : ' and an MLP';
  return `${plural(layout.layers, 'layer')} of ${heads}${grouped}${mlp}`;
}

/** How many edges there are, and between what. */
export const edgesWords = ({ edgeCount, sources, destinations, options }: Graph): string =>
  `${plural(edgeCount, 'edge')} between ${plural(sources.length, 'source node')} and ${plural(destinations.length, 'destination node')}${options.positions === null ? '' : ` at ${plural(options.positions, 'token position')}`}`;

/** How edges are told apart. */
export function optionsWords({ layout, options }: Graph): string {
  const latents = layout.kind === 'transformer' ? Object.values(layout.latents ?? {}).flat().length : 0;
  return [
    options.factorized ? 'edges run from node to node' : 'edges run along the residual stream',
    options.splitQkv ? 'heads read Q, K and V through separate edges' : 'heads read Q, K and V through one edge',
    ...(layout.kind === 'transformer' && layout.kvHeads < layout.heads && options.kvInputs === 'kv-head'
      ? ['K and V inputs are shared by the heads of a group']
      : []),
    options.positions === null ? 'one edge for all token positions' : 'separate edges at every token position',
    ...(latents > 0 ? [`${count(latents)} latents of sparse autoencoders are sources`] : []),
  ].join('; ');
}
