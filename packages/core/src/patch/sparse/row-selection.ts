/**
 * @file What a mask asks to be computed. Two ways to see it, each good where the mask has few of its kind of edges:
 * - `noising`: the model runs as it is, and rows with a patched edge in are read on their own, as this run's residual
 *   + Σ mask · D;
 * - `denoising`: everything carries the patching run's values, and only nodes with a kept edge in and out are computed, from
 *   the patching run's residual + Σ (mask − 1) · D.
 */
import { blockEdges } from '../../graph/build.js';
import { edgeEnds } from '../../graph/edges.js';
import { blocksAt } from '../../graph/site-blocks.js';
import type { DestinationBlock, Graph, Mask, SourceBlock } from '../../graph/types.js';
import type { EdgeSumGroup } from '../modes/edge-sum-groups.js';
import { rowsOf } from '../modes/points.js';

export type Base = 'noising' | 'denoising';

/** Where a run starts that does not run everything, and where its masks differ. */
export interface Entry {
  /** The first site that is run: nothing upstream of it is patched, so its sources are known. */
  readonly start: string;
  /** The only site at which masks differ: `start`, or one of those that it mixes for. */
  readonly site: string;
}
/** Masks that differ from one another at one site only: what searches try at once. */
export interface Variants extends Entry {
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
  /** Sources before `cachedStop` are not run: their outputs are known. 0 where everything is run. */
  readonly cachedStop: number;
  /** Global rows of known sources that somebody reads, ascending. */
  readonly cached: readonly number[];
  /** Sources that are mixed. */
  readonly sources: number;
  /** How many masks run together. */
  readonly masks: number;
  /** Whether these differ anywhere, not at the site of variants only. */
  readonly together: boolean;
  /** Token positions with factors of their own; 1 where all have the same. */
  readonly positions: number;
  /** The factor of D at an edge, `mask` or `mask − 1`, by the mask of this number; variants' own edges apart. */
  weight(block: DestinationBlock, row: number, source: number, mask: number, position: number): number;
  /** The edges that each variant patches on top, and their factor. */
  readonly added: readonly (readonly EdgePlace[])[];
  readonly addedCoefficient: number;
  /** Whether any mask may have a factor at an edge, at any position. */
  anyCoefficient(block: DestinationBlock, row: number, source: number): boolean;
  readonly variants: Variants | null;
}

/** Where an edge enters. */
export interface EdgePlace {
  readonly block: DestinationBlock;
  readonly row: number;
  readonly source: number;
  readonly position: number;
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

/** The sites that are run when the sources before `cachedStop` are known, in the order of reading. */
export const sitesRun = (graph: Graph, cachedStop: number): string[] => [
  ...new Set(graph.destinationBlocks.filter(({ sources }) => sources.stop >= cachedStop).map(({ site }) => site)),
];

export function select({ graph, base, masks: given, variants, patchedGivesPatch }: SelectionRequest): Selection {
  const offset = base === 'noising' ? 0 : -1;
  const added = (variants?.edges ?? []).map((edges) => edges.map((edge) => placeOf(graph, edge)));
  const weight: Selection['weight'] = (block, row, source, mask, position) => {
    const { start, stop } = block.sources;
    const place = position * blockEdges(block) + row * (stop - start) + source - start;
    return given[mask]!.tensors[block.module]!.data[place]! + offset;
  };
  const anyCoefficient = weightTable(given, offset, added.flat());
  const together = given.length > 1;
  const masks = Math.max(given.length, added.length);
  const positions = graph.options.positions ?? 1;
  const cachedStop = variants ? blocksAt(graph, variants.start)[0]!.sources.stop : 0;
  const sites = sitesRun(graph, cachedStop);
  const ways = { graph, base, masks, together, positions, cachedStop, variants };
  const scope = { ...ways, sites, weight, anyCoefficient, added, addedCoefficient: 1 + offset };
  const { reads, read } = (base === 'noising' ? touchedRows : liveRows)(scope, patchedGivesPatch);
  const writes = new Map(
    graph.sourceBlocks
      .filter((block) => block.start >= cachedStop)
      .map((block) => [block.site, localRows(block, read)] as const),
  );
  const cached = Array.from({ length: cachedStop }, (_, source) => source).filter((source) => read[source]);
  const sources = cached.length + [...writes.values()].reduce((n, rows) => n + rows.length, 0);
  return Object.freeze<Selection>({ ...scope, sources, reads, writes, cached });
}

const localRows = ({ start, stop }: SourceBlock, read: Uint8Array): number[] =>
  Array.from({ length: stop - start }, (_, row) => row).filter((row) => read[start + row]);

function placeOf(graph: Graph, edge: number): EdgePlace {
  const { source, destination, position } = edgeEnds(graph, edge);
  const block = graph.destinationBlocks[destination.block]!;
  return { block, row: destination.head ?? 0, source: source.index, position: position ?? 0 };
}

/** Which edges have a factor in some mask or variant, looked up: searches ask for all of them again and again. */
function weightTable(masks: readonly Mask[], offset: number, added: readonly EdgePlace[]): Selection['anyCoefficient'] {
  const tables = new Map<DestinationBlock, Uint8Array>();
  const tableOf = (block: DestinationBlock): Uint8Array => {
    const known = tables.get(block);
    if (known) return known;
    const size = blockEdges(block);
    const table = new Uint8Array(size); // [rows, sources]
    for (const { tensors } of masks) {
      const { data } = tensors[block.module]!;
      for (let from = 0; from < data.length; from += size) {
        for (let place = 0; place < size; place++) if (data[from + place]! + offset !== 0) table[place] = 1;
      }
    }
    tables.set(block, table);
    return table;
  };
  const placeIn = ({ sources: { start, stop } }: DestinationBlock, row: number, source: number): number =>
    row * (stop - start) + source - start;
  for (const { block, row, source } of added) if (1 + offset !== 0) tableOf(block)[placeIn(block, row, source)] = 1;
  return (block, row, source) => tableOf(block)[placeIn(block, row, source)] !== 0;
}

interface Scope extends Pick<Selection, 'graph' | 'cachedStop' | 'anyCoefficient'> {
  readonly sites: readonly string[];
}
interface Rows {
  readonly reads: Map<string, readonly BlockRows[]>;
  /** Which sources somebody reads, by global row. */
  readonly read: Uint8Array;
}

/** Where the masks of a run differ. */
export interface Differing {
  /** Everywhere. */
  readonly together: boolean;
  /** At its site only. */
  readonly entry: Entry | null;
}
/** Whether masks have factors of their own at a site. */
export const masksDiffer = ({ together, entry }: Differing, site: string): boolean => together || site === entry?.site;
/** The same of what the run itself carries and writes: where it starts nothing is written yet, and all carry the same. */
export const ownMasksDiffer = (differing: Differing, site: string): boolean =>
  masksDiffer(differing, site) && site !== differing.entry?.start;

/** Base `noising`: the rows into which something is patched; a block without heads is always read as one row. */
function touchedRows(scope: Scope): Rows {
  const read = new Uint8Array(scope.graph.sources.length);
  const reads = new Map<string, readonly BlockRows[]>();
  for (const site of scope.sites) {
    const found = blocksAt(scope.graph, site).map((block) => {
      const rows = Array.from({ length: rowsOf([block]) }, (_, row) => row).filter((row) => {
        let touched = block.heads === null;
        for (let source = block.sources.start; source < block.sources.stop; source++) {
          if (!scope.anyCoefficient(block, row, source)) continue;
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
 * Base `denoising`: nodes with a way out to the end through kept edges; where patched inputs give the patch value, also only
 * those with a way in. One sweep each way is enough: a node on a path from the input to the end keeps its neighbours.
 */
function liveRows(scope: Scope, patchedGivesPatch: boolean): Rows {
  const { graph, cachedStop } = scope;
  const blockOf = new Map(graph.sourceBlocks.map((block) => [block.site, block]));
  const wayIn = new Uint8Array(graph.sources.length).fill(patchedGivesPatch ? 0 : 1);
  wayIn.fill(1, 0, Math.max(cachedStop, graph.sourceBlocks[0]!.stop)); // what is known, and the input
  const kept = (block: DestinationBlock, row: number, source: number): boolean =>
    wayIn[source] === 1 && scope.anyCoefficient(block, row, source);
  const hasKept = (block: DestinationBlock, row: number): boolean => {
    for (let source = block.sources.start; source < block.sources.stop; source++)
      if (kept(block, row, source)) return true;
    return false;
  };
  for (const site of scope.sites) {
    const writer = blockOf.get(site);
    if (!patchedGivesPatch || !writer || writer.start < cachedStop) continue;
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
export function ownBlocks(graph: Graph, site: string, { leader }: EdgeSumGroup, cachedStop: number): SourceBlock[] {
  const stopOf = (name: string): number => blocksAt(graph, name)[0]!.sources.stop;
  const start = site === leader ? cachedStop : stopOf(leader);
  return graph.sourceBlocks.filter((block) => block.start >= start && block.stop <= stopOf(site));
}
