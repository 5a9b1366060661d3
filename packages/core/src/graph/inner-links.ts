/** @file How information flows inside nodes, without edges: from what a module reads to what it writes, and to which positions. */
import { isLatentSite, siteText, withoutLatents } from './sites.js';
import type { DestinationNode, Graph, SourceNode } from './types.js';

/** A link inside a node: what arrives at a destination shows in this source's output. */
export interface InnerLink {
  readonly source: SourceNode;
  /** Whether it can show at other positions. */
  readonly moves: boolean;
}

/** By destination index: the sources whose output depends on it directly. */
export function innerLinks(graph: Graph): InnerLink[][] {
  const sourcesAt = new Map<string, SourceNode[]>();
  const still = new Set<SourceNode>(); // rows of a block that are no heads: latents, experts
  for (const block of graph.sourceBlocks) {
    // In the factorized graph a node reads and writes at one site; in the residual graph all that is written in a stream
    // node's layer has read that stream.
    const key = graph.options.factorized ? siteText(withoutLatents(block.at)) : `layer ${block.layer}`;
    const own = graph.sources.slice(block.start, block.stop);
    sourcesAt.set(key, [...(sourcesAt.get(key) ?? []), ...own]);
    if (isLatentSite(block.at) || block.at.kind === 'mlp') for (const source of own) still.add(source);
  }
  return graph.destinations.map((destination) => {
    const block = graph.destinationBlocks[destination.block]!;
    if (block.input === 'end') return [];
    const candidates = sourcesAt.get(graph.options.factorized ? block.site : `layer ${destination.layer}`) ?? [];
    return candidates
      .filter((source) => sharesHead(graph, destination, source, block.input))
      .map((source) => ({
        source,
        moves: MOVES[block.input]! && source.head !== null && !still.has(source),
      }));
  });
}
/** Inputs whose information can move between positions, when an attention head writes it. */
const MOVES: Readonly<Record<string, boolean>> = {
  ...{ q: false, k: true, v: true, attn: true },
  ...{ mlp: false, experts: false, router: false, stream: true },
};

function sharesHead(graph: Graph, destination: DestinationNode, source: SourceNode, input: string): boolean {
  if (destination.head === null || source.head === null) return true;
  const grouped = graph.options.kvInputs === 'kv-head' && (input === 'k' || input === 'v');
  if (!grouped || graph.layout.kind !== 'transformer') return destination.head === source.head;
  return Math.floor((source.head * graph.layout.kvHeads) / graph.layout.heads) === destination.head;
}

/** Which positions attention moves information to. */
export const attentionOf = ({ layout }: Graph): 'causal' | 'full' =>
  layout.kind === 'transformer' ? (layout.attention ?? 'causal') : 'causal';

/** Positions that a link carries position p to. */
export function reachOf(
  graph: Graph,
  attention: 'causal' | 'full',
): (link: InnerLink, position: number) => readonly number[] {
  const n = graph.options.positions ?? 1;
  const all = Array.from({ length: n }, (_, position) => position);
  const same = all.map((position) => [position]);
  const later = attention === 'full' ? all.map(() => all) : all.map((position) => all.slice(position));
  return (link, position) => (link.moves ? later : same)[position]!;
}
