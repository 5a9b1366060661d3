/**
 * @file What a mask asks to be computed. Two ways to see it, each good where the mask has few of its kind of edges:
 * - `current`: the model runs as it is, and rows with a patched edge in are read on their own, as this run's residual
 *   + Σ mask · D;
 * - `patch`: everything carries the patching run's values, and only nodes with a kept edge in and out are computed, from
 *   the patching run's residual + Σ (mask − 1) · D.
 */
import { scorePlace } from '../../graph/score-index.js';
import type { DestinationBlock, Graph, Mask, SourceBlock } from '../../graph/types.js';
import { rowsOf } from '../modes.js';
import { blocksAt, type MixGroup } from '../sites.js';

export type Base = 'current' | 'patch';

/** Masks that differ from one another at one site only, whose sources are known: what searches try at once. */
export interface Variants {
  /** The site that all variants' edges lead to; nothing upstream of it is patched. */
  readonly site: string;
  /** Edges (canonical numbers) that each variant patches on top of the mask. */
  readonly edges: readonly (readonly number[])[];
}

/** Rows of one destination block that are read on their own, ascending. */
export interface BlockRows {
  readonly block: DestinationBlock;
  readonly rows: readonly number[];
}
export interface Selection {
  readonly base: Base;
  readonly graph: Graph;
  /** By site, in the order of reading. */
  readonly reads: ReadonlyMap<string, readonly BlockRows[]>;
  /** By source site that this run computes: local rows whose differences somebody reads, ascending. */
  readonly writes: ReadonlyMap<string, readonly number[]>;
  /** Sources before `knownStop` are not run: their outputs are known. 0 where everything is run. */
  readonly knownStop: number;
  /** Global rows of known sources that somebody reads, ascending. */
  readonly known: readonly number[];
  /** Sources that are mixed. */
  readonly sources: number;
  /** How many masks run together. */
  readonly masks: number;
  /** Whether these differ anywhere, not at the site of variants only. */
  readonly together: boolean;
  /** The factor of D at an edge: `mask` or `mask − 1`; `variant` counts the masks. */
  weight(block: DestinationBlock, row: number, source: number, variant: number): number;
  readonly variants: Variants | null;
}

export interface SelectionRequest {
  readonly graph: Graph;
  readonly base: Base;
  /** One, or several that run together from the start. */
  readonly masks: readonly Mask[];
  /** On top of the one mask. */
  readonly variants: Variants | null;
  /** Whether a node whose inputs are all patched gives its patch value: so under resample only. */
  readonly patchedGivesPatch: boolean;
}

/** The sites that are run when the sources before `knownStop` are known, in the order of reading. */
export const sitesRun = (graph: Graph, knownStop: number): string[] => [
  ...new Set(graph.destinationBlocks.filter(({ sources }) => sources.stop >= knownStop).map(({ site }) => site)),
];

export function select({ graph, base, masks: given, variants, patchedGivesPatch }: SelectionRequest): Selection {
  const offset = base === 'current' ? 0 : -1;
  const added = (variants?.edges ?? []).map((edges) => placesOf(graph, edges));
  const weight = (block: DestinationBlock, row: number, source: number, variant: number): number => {
    const place = row * (block.sources.stop - block.sources.start) + source - block.sources.start;
    const patched = added[variant]?.get(block.module)?.has(place);
    const mask = given[together ? variant : 0]!;
    return (patched ? 1 : mask.tensors[block.module]!.data[place]!) + offset;
  };
  const together = given.length > 1;
  const masks = Math.max(given.length, added.length);
  const knownStop = variants ? blocksAt(graph, variants.site)[0]!.sources.stop : 0;
  const sites = sitesRun(graph, knownStop);
  const scope = { graph, base, masks, together, knownStop, sites, variants, weight };
  const { reads, read } = (base === 'current' ? touchedRows : liveRows)(scope, patchedGivesPatch);
  const writes = new Map(
    graph.sourceBlocks
      .filter((block) => block.start >= knownStop)
      .map((block) => [block.site, localRows(block, read)] as const),
  );
  const known = Array.from({ length: knownStop }, (_, source) => source).filter((source) => read[source]);
  const sources = known.length + [...writes.values()].reduce((n, rows) => n + rows.length, 0);
  return Object.freeze<Selection>({ ...scope, sources, reads, writes, known });
}

const localRows = ({ start, stop }: SourceBlock, read: Uint8Array): number[] =>
  Array.from({ length: stop - start }, (_, row) => row).filter((row) => read[start + row]);

/** By module, the offsets of these edges in its mask. */
function placesOf(graph: Graph, edges: readonly number[]): ReadonlyMap<string, ReadonlySet<number>> {
  const places = new Map<string, Set<number>>();
  for (const edge of edges) {
    const { module, offset } = scorePlace(graph, edge);
    places.set(module, (places.get(module) ?? new Set()).add(offset));
  }
  return places;
}

interface Scope extends Pick<Selection, 'graph' | 'base' | 'masks' | 'together' | 'knownStop' | 'weight' | 'variants'> {
  readonly sites: readonly string[];
}
interface Rows {
  readonly reads: Map<string, readonly BlockRows[]>;
  /** Which sources somebody reads, by global row. */
  readonly read: Uint8Array;
}

/** Whether any mask has a factor at an edge. */
function anyWeight(scope: Scope, block: DestinationBlock, row: number, source: number): boolean {
  const { masks, together, variants, weight } = scope;
  if (!together && block.site !== variants?.site) return weight(block, row, source, 0) !== 0;
  for (let variant = 0; variant < masks; variant++) if (weight(block, row, source, variant) !== 0) return true;
  return false;
}

/** Base `current`: the rows into which something is patched; a block without heads is always read as one row. */
function touchedRows(scope: Scope): Rows {
  const read = new Uint8Array(scope.graph.sources.length);
  const reads = new Map<string, readonly BlockRows[]>();
  for (const site of scope.sites) {
    const found = blocksAt(scope.graph, site).map((block) => {
      const rows = Array.from({ length: rowsOf([block]) }, (_, row) => row).filter((row) => {
        let touched = block.heads === null;
        for (let source = block.sources.start; source < block.sources.stop; source++) {
          if (!anyWeight(scope, block, row, source)) continue;
          read[source] = 1;
          touched = true;
        }
        return touched;
      });
      return { block, rows };
    });
    reads.set(site, found);
  }
  return { reads, read };
}

/**
 * Base `patch`: nodes with a way out to the end through kept edges; where patched inputs give the patch value, also only
 * those with a way in. One sweep each way is enough: a node on a path from the input to the end keeps its neighbours.
 */
function liveRows(scope: Scope, patchedGivesPatch: boolean): Rows {
  const { graph, knownStop } = scope;
  const blockOf = new Map(graph.sourceBlocks.map((block) => [block.site, block]));
  const wayIn = new Uint8Array(graph.sources.length).fill(patchedGivesPatch ? 0 : 1);
  wayIn.fill(1, 0, Math.max(knownStop, graph.sourceBlocks[0]!.stop)); // what is known, and the input
  const kept = (block: DestinationBlock, row: number, source: number): boolean =>
    wayIn[source] === 1 && anyWeight(scope, block, row, source);
  const hasKept = (block: DestinationBlock, row: number): boolean => {
    for (let source = block.sources.start; source < block.sources.stop; source++)
      if (kept(block, row, source)) return true;
    return false;
  };
  for (const site of scope.sites) {
    const writer = blockOf.get(site);
    if (!patchedGivesPatch || !writer || writer.start < knownStop) continue;
    const blocks = blocksAt(graph, site);
    for (let source = writer.start; source < writer.stop; source++) {
      if (blocks.some((block) => hasKept(block, block.heads === null ? 0 : source - writer.start))) wayIn[source] = 1;
    }
  }
  const read = new Uint8Array(graph.sources.length);
  const reads = new Map<string, readonly BlockRows[]>();
  for (const site of [...scope.sites].reverse()) {
    const writer = blockOf.get(site);
    const nodes = writer ? localRows(writer, read) : [0]; // computed: those that somebody downstream reads
    const found = blocksAt(graph, site).map((block) => ({ block, rows: nodes }));
    for (const { block, rows } of found) {
      for (const row of rows) {
        for (let source = block.sources.start; source < block.sources.stop; source++)
          if (kept(block, row, source)) read[source] = 1;
      }
    }
    reads.set(site, found);
  }
  return { reads: new Map([...reads].reverse()), read };
}

/** Source blocks whose differences a site takes itself: all upstream for a leader, those since its leader for a follower. */
export function ownBlocks(graph: Graph, site: string, { leader }: MixGroup, knownStop: number): SourceBlock[] {
  const stopOf = (name: string): number => blocksAt(graph, name)[0]!.sources.stop;
  const start = site === leader ? knownStop : stopOf(leader);
  return graph.sourceBlocks.filter((block) => block.start >= start && block.stop <= stopOf(site));
}
