/**
 * @file What a mask asks to be computed, as data. There are two bases to start from, each good where the mask has few of its kind
 * of edges:
 * - `noising`: the model runs as it is, and rows with a patched edge into them are read on their own, as this run's residual
 *   + Σ mask · D;
 * - `denoising`: the residual stream is the patching run's, and only nodes with a kept edge in and out are computed, from that
 *   residual + Σ (mask − 1) · D.
 */
import { blockEdges } from '../../graph/build.js';
import { edgeEnds } from '../../graph/edges.js';
import { blocksAt } from '../../graph/site-blocks.js';
import type { DestinationBlock, Graph, Mask, SourceBlock } from '../../graph/types.js';
import { denseEdgeSumGroups, type EdgeSumGroup, edgeSumGroups } from '../modes/edge-sum-groups.js';
import { rowsOf } from '../modes/points.js';

/** What a sparse run starts from: the model as it is, or the patching run. */
export type Base = 'noising' | 'denoising';

/** Where a run starts that does not run everything, and where its masks differ. */
export interface Entry {
  /** The first site that is run: nothing upstream of it is patched, so what its sources write is cached. */
  readonly start: string;
  /** The only site at which masks differ: `start`, or one whose edge sum it starts. */
  readonly site: string;
}
/** Masks that differ from one another at one site only: the candidates that a search tries at once. */
export interface Variants extends Entry {
  /** Edges (canonical numbers) that each variant patches on top of the mask. */
  readonly edges: readonly (readonly number[])[];
}

/** Rows of one destination block that are read on their own, ascending. */
export interface BlockRows {
  readonly block: DestinationBlock;
  readonly rows: readonly number[];
}
/** What a run of some masks reads, computes and sums. */
export interface Selection {
  readonly base: Base;
  readonly graph: Graph;
  /** By site, in the order of reading. */
  readonly reads: ReadonlyMap<string, readonly BlockRows[]>;
  /** By source site that this run computes: local rows whose differences any row reads, ascending. */
  readonly writes: ReadonlyMap<string, readonly number[]>;
  /** Sources before `cachedStop` are not run: their outputs are cached. 0 where everything is run. */
  readonly cachedStop: number;
  /** Global rows of cached sources that any row reads, ascending. */
  readonly cached: readonly number[];
  /** How many sources are in any edge sum. */
  readonly sources: number;
  /** How many masks run together. */
  readonly masks: number;
  /** Whether they may differ everywhere, and not only at the site of variants. */
  readonly together: boolean;
  /** Token positions with coefficients of their own; 1 where all have the same. */
  readonly positions: number;
  /** The coefficient of D at an edge, `mask` or `mask − 1`, by the mask of this number; without the variants' own edges. */
  coefficient(block: DestinationBlock, row: number, source: number, mask: number, position: number): number;
  /** The edges that each variant patches on top, and their coefficient. */
  readonly added: readonly (readonly EdgeEntry[])[];
  readonly addedCoefficient: number;
  /** Whether any mask may have a coefficient other than 0 at an edge, at any position. */
  anyCoefficient(block: DestinationBlock, row: number, source: number): boolean;
  readonly variants: Variants | null;
}

/** Where an edge enters: the row that reads it, the source, the position. */
export interface EdgeEntry {
  readonly block: DestinationBlock;
  readonly row: number;
  readonly source: number;
  readonly position: number;
}

/** What a selection is made from. */
export interface SelectionRequest {
  readonly graph: Graph;
  readonly base: Base;
  /** One, or several that run together from the start. */
  readonly masks: readonly Mask[];
  /** On top of the one mask. */
  readonly variants: Variants | null;
  /** Whether a node whose inputs are all patched gives its patch value: so under resample only. */
  readonly patchedGivesPatch: boolean;
  /** Whether what one head writes depends on the others of its layer, which are then computed with it. Default false. */
  readonly headsTogether?: boolean;
}

/** The sites that are run when the sources before `cachedStop` are cached, in the order of reading. */
export const sitesRun = (graph: Graph, cachedStop: number): string[] => [
  ...new Set(graph.destinationBlocks.filter(({ sources }) => sources.stop >= cachedStop).map(({ site }) => site)),
];

/** What these masks, or the one mask with its variants, ask a base to compute. */
export function select(request: SelectionRequest): Selection {
  const { graph, base, masks: given, variants, patchedGivesPatch, headsTogether = false } = request;
  const offset = base === 'noising' ? 0 : -1;
  const added = (variants?.edges ?? []).map((edges) => edges.map((edge) => entryOf(graph, edge)));
  const coefficient: Selection['coefficient'] = (block, row, source, mask, position) => {
    const index = position * blockEdges(block) + indexIn(block, row, source);
    return given[mask]!.tensors[block.module]!.data[index]! + offset;
  };
  const anyCoefficient = coefficientLookup(given, offset, added.flat());
  const together = given.length > 1;
  const masks = Math.max(given.length, added.length);
  const positions = graph.options.positions ?? 1;
  const cachedStop = variants ? blocksAt(graph, variants.start)[0]!.sources.stop : 0;
  const sites = sitesRun(graph, cachedStop);
  const asked = { graph, base, masks, together, positions, cachedStop, variants };
  const scope = { ...asked, sites, coefficient, anyCoefficient, added, addedCoefficient: 1 + offset };
  const { reads, read } =
    base === 'noising' ? touchedRows(scope) : liveRows({ ...scope, patchedGivesPatch, headsTogether });
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

function entryOf(graph: Graph, edge: number): EdgeEntry {
  const { source, destination, position } = edgeEnds(graph, edge);
  const block = graph.destinationBlocks[destination.block]!;
  return { block, row: destination.head ?? 0, source: source.index, position: position ?? 0 };
}

/** The place of an edge among a block's at one position. */
const indexIn = ({ sources: { start, stop } }: DestinationBlock, row: number, source: number): number =>
  row * (stop - start) + source - start;

/** Which edges have a coefficient in some mask or variant, as a table: searches ask for all of them again and again. */
function coefficientLookup(
  masks: readonly Mask[],
  offset: number,
  added: readonly EdgeEntry[],
): Selection['anyCoefficient'] {
  const tables = new Map<DestinationBlock, Uint8Array>();
  const tableOf = (block: DestinationBlock): Uint8Array => {
    const cached = tables.get(block);
    if (cached) return cached;
    const size = blockEdges(block);
    const table = new Uint8Array(size); // [rows, sources]
    for (const { tensors } of masks) {
      const { data } = tensors[block.module]!;
      for (let from = 0; from < data.length; from += size) {
        for (let edge = 0; edge < size; edge++) if (data[from + edge]! + offset !== 0) table[edge] = 1;
      }
    }
    tables.set(block, table);
    return table;
  };
  for (const { block, row, source } of added) if (1 + offset !== 0) tableOf(block)[indexIn(block, row, source)] = 1;
  return (block, row, source) => tableOf(block)[indexIn(block, row, source)] !== 0;
}

interface Scope extends Pick<Selection, 'graph' | 'cachedStop' | 'anyCoefficient'> {
  readonly sites: readonly string[];
}
interface Rows {
  readonly reads: Map<string, readonly BlockRows[]>;
  /** Which sources any row reads, by global row. */
  readonly read: Uint8Array;
}

/** Where the masks of a run differ. */
export interface Differing {
  /** Everywhere. */
  readonly together: boolean;
  /** At its site only. */
  readonly entry: Entry | null;
}
/** Whether masks have coefficients of their own at a site. */
export const masksDiffer = ({ together, entry }: Differing, site: string): boolean => together || site === entry?.site;
/**
 * The same for the residual and what the run itself writes: where it starts nothing is written yet, and the residual is the same
 * for all masks.
 */
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
 * Base `denoising`: nodes on a path of kept edges to the end; where patched inputs give the patch value, only those on a path
 * from the input as well. One sweep in each direction is enough: a node on a path from the input to the end keeps its neighbours.
 */
function liveRows(scope: Scope & Required<Pick<SelectionRequest, 'patchedGivesPatch' | 'headsTogether'>>): Rows {
  const { graph, cachedStop, headsTogether, patchedGivesPatch } = scope;
  /** Where heads depend on one another, one that counts brings all of its layer along. */
  const withItsLayer = (rows: Uint8Array, { start, stop, at }: SourceBlock): void => {
    if (headsTogether && at.kind === 'attn' && rows.subarray(start, stop).includes(1)) rows.fill(1, start, stop);
  };
  const blockOf = new Map(graph.sourceBlocks.map((block) => [block.site, block]));
  const reachable = new Uint8Array(graph.sources.length).fill(patchedGivesPatch ? 0 : 1);
  reachable.fill(1, 0, Math.max(cachedStop, graph.sourceBlocks[0]!.stop)); // cached sources, and the input
  const kept = (block: DestinationBlock, row: number, source: number): boolean =>
    reachable[source] === 1 && scope.anyCoefficient(block, row, source);
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
      if (blocks.some((block) => hasKept(block, block.heads === null ? 0 : source - writer.start)))
        reachable[source] = 1;
    }
    withItsLayer(reachable, writer);
  }
  const read = new Uint8Array(graph.sources.length);
  const reads = new Map<string, readonly BlockRows[]>();
  for (const site of [...scope.sites].reverse()) {
    const writer = blockOf.get(site);
    if (writer && writer.start >= cachedStop) withItsLayer(read, writer);
    const nodes = writer ? localRows(writer, read) : [0]; // computed: those that any row downstream reads
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

/**
 * Which sites of a run share a product: of circuits that run alone from the start, as in a dense run, several layers. Otherwise the
 * sources that a site takes are gathered for its own few rows, or cached.
 */
export const sparseEdgeSumGroups = (
  graph: Graph,
  base: Base,
  entry: Entry | null,
  cachedStop: number,
): EdgeSumGroup[] =>
  base === 'denoising' && !entry
    ? denseEdgeSumGroups(graph, sitesRun(graph, 0))
    : edgeSumGroups(graph, sitesRun(graph, cachedStop));

/** Whether heads of later layers are among a group's followers. */
export const leadsHeads = (graph: Graph, { followers }: EdgeSumGroup): boolean =>
  followers.some((name) => blocksAt(graph, name)[0]!.heads !== null);

/** Source blocks whose differences a site takes itself: all upstream for a leader, those since its leader for a follower. */
export function ownBlocks(graph: Graph, site: string, { leader }: EdgeSumGroup, cachedStop: number): SourceBlock[] {
  const stopOf = (name: string): number => blocksAt(graph, name)[0]!.sources.stop;
  const start = site === leader ? cachedStop : stopOf(leader);
  return graph.sourceBlocks.filter((block) => block.start >= start && block.stop <= stopOf(site));
}
