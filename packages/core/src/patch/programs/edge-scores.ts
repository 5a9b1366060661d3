/**
 * @file From gradients at what destinations read to the scores of their edges. A site with heads is contracted by itself, with
 * the differences as they were joined when it read; what reads in one row (MLPs, the end) is collected and contracted at once,
 * and so is c·D of all norms, since each such product goes through all differences for a few rows.
 */
import type { Graph } from '../../graph/types.js';
import type { ProgramBuilder } from '../../ir/builder/builder.js';
import { type Dim, dimsEqual, multiplyDims } from '../../ir/program/dims.js';
import type { AnyValue } from '../../ir/program/program.js';
import type { NormFactors } from '../../model/norm.js';
import {
  type ActivationDifferences,
  contractScores,
  type DifferenceBlock,
  joined,
} from '../modes/activation-differences.js';
import type { ReadBeforeScale } from '../modes/before-norm.js';
import { type BlockGroup, rowsOf } from '../modes/points.js';

/** What some destination blocks of a site read, and the differences of their upstream sources at that time. */
export interface DestinationRead {
  readonly blocks: BlockGroup;
  /** [rows of the blocks, batch, pos, dModel]. */
  readonly value: AnyValue;
  readonly behind: ReadBeforeScale | null;
  readonly upstream: readonly DifferenceBlock[];
}

/** What is read at one site, on one side of its norm. */
type Site = readonly DestinationRead[];

/** The values whose gradients a read needs. */
export function wantedOf({ value, behind }: DestinationRead): AnyValue[] {
  if (!behind) return [value];
  const { kind, rows, projected } = behind;
  return [value, rows.scale, ...(kind === 'layerNorm' && projected ? [projected.value] : [])];
}

export interface ReadScores {
  readonly graph: Graph;
  readonly differences: ActivationDifferences;
  /** Whether differences have their items first. */
  readonly itemFirst: boolean;
  /** ∂M/∂ of a value that was wanted. */
  gradientOf(value: AnyValue): AnyValue;
  /** [batch, pos?, rows of the block, sources of the block]. */
  output(module: string, scores: AnyValue): void;
}

/** Gives the scores of all that was read, by destination module. */
export function outputScores(b: ProgramBuilder, reads: readonly DestinationRead[], request: ReadScores): void {
  const { graph, differences, itemFirst, gradientOf } = request;
  const keepPositions = graph.options.positions !== null;
  const sites = bySite(reads);
  const rowsAt = (site: Site, of: (read: DestinationRead) => AnyValue): AnyValue => joined(b, site.map(of), 0);

  const singles = sites.filter(isSingle);
  // What stands behind the last heads leads to the output alone: gradients there are mostly zeros, and want no company.
  const headsRead = Math.max(0, ...sites.filter((site) => !isSingle(site)).map((site) => sourcesOf(site).stop));
  const [before, behind] = [false, true].map((late) =>
    singles.filter((site) => sourcesOf(site).stop > headsRead === late),
  );
  for (const group of [before!, behind!]) {
    if (group.length === 0) continue;
    const stop = Math.max(headsRead, ...group.map((site) => sourcesOf(site).stop));
    const rows = rowsAt(group.flat(), ({ value }) => gradientOf(value)); // [reads, batch, pos, dModel]
    const scores = contractScores(b, keepPositions, rows, differences.covering(0, stop), itemFirst); // [batch, pos?, reads, sources]
    group.forEach((site, i) => give(b, site, b.slice(scores, -2, i, i + 1), request, 0));
  }
  const behindNorms = sites.filter(([read]) => read!.behind !== null);
  const norms = behindNorms.map(([read]) => read!.behind!);
  const along = norms.length > 0 ? alongCentred(b, norms, differences.covering(0, headsRead)) : null; // [tokens, sites, sources]
  const sums = norms.some(({ kind }) => kind === 'layerNorm') ? differences.sums(headsRead) : null; // [sources, batch, pos]
  for (const site of sites) {
    if (singles.includes(site)) continue;
    const { upstream, blocks, behind } = site[0]!;
    const { start, stop } = blocks[0]!.sources;
    const gradient = rowsAt(site, ({ value }) => gradientOf(value)); // [rows of the site, batch, pos, dModel]
    if (!behind) {
      give(b, site, contractScores(b, keepPositions, gradient, upstream, itemFirst), request, start);
      continue;
    }
    const place = behindNorms.indexOf(site);
    const own = b.slice(b.slice(along!, 1, place, place + 1), 2, start, stop); // [tokens, 1, sources]
    const scores = contractBehindNorm(b, keepPositions, {
      behind,
      gradients: { centred: gradient, scale: rowsAt(site, (read) => gradientOf(read.behind!.rows.scale)) },
      upstream,
      along: b.reshape(own, [own.shape[0]!, stop - start]),
      means: sums && {
        row: rowsAt(site, (read) => meanGradient(b, read, gradientOf)),
        source: b.slice(sums, 0, start, stop),
      },
    });
    give(b, site, scores, request, start);
  }
}

/** mean(∂M/∂c) by row [rows, batch, pos, 1]; where heads project c, of the smaller gradient there and the means of their weights. */
function meanGradient(
  b: ProgramBuilder,
  { value, behind }: DestinationRead,
  gradientOf: (value: AnyValue) => AnyValue,
): AnyValue {
  const gradient = gradientOf(value); // [rows, batch, pos, dModel]
  const projected = behind?.projected;
  if (!projected) return b.mean(gradient, 3, true);
  const { weight, normWeight } = projected;
  const [groups, width] = weight.shape as [number, number];
  const weighed = normWeight ? b.mul(weight, normWeight) : weight; // [groups, width, dModel]
  const means = b.reshape(b.mean(weighed, 2), [groups, 1, 1, width, 1]);
  const byRow = b.matmul(gradientOf(projected.value), means); // [groups, rows per group, batch, pos, 1]
  return b.reshape(byRow, [...gradient.shape.slice(0, 3), 1]);
}

/** @param scores [batch, pos?, rows of the site, sources from `first` on] */
function give(b: ProgramBuilder, site: Site, scores: AnyValue, { output }: ReadScores, first: number): void {
  const blocks = site.flatMap((read) => read.blocks);
  const { start, stop } = blocks[0]!.sources;
  const upstream = dimsEqual(scores.shape.at(-1)!, stop - start)
    ? scores
    : b.slice(scores, -1, start - first, stop - first);
  let row = 0;
  for (const block of blocks) {
    const rows = rowsOf([block]);
    output(block.module, blocks.length === 1 ? upstream : b.slice(upstream, -2, row, row + rows));
    row += rows;
  }
}

const sourcesOf = ([read]: Site): { readonly start: number; readonly stop: number } => read!.blocks[0]!.sources;

/** One row that reads all that was written before it, and before any norm. */
function isSingle(site: Site): boolean {
  const blocks = site.flatMap((read) => read.blocks);
  return rowsOf(blocks) === 1 && blocks[0]!.sources.start === 0 && site[0]!.behind === null;
}

/** Reads of one site on one side of its norm, in order: their scores are one matmul. */
function bySite(reads: readonly DestinationRead[]): Site[] {
  const groups = new Map<string, DestinationRead[]>();
  for (const read of reads) {
    const key = `${read.blocks[0]!.site} ${read.behind !== null}`;
    const group = groups.get(key);
    if (group) group.push(read);
    else groups.set(key, [read]);
  }
  return [...groups.values()];
}

/** c·D by token for the reads of several sites at once: [tokens, reads, sources]. */
function alongCentred(
  b: ProgramBuilder,
  reads: readonly ReadBeforeScale[],
  blocks: readonly DifferenceBlock[],
): AnyValue {
  const byToken = (x: AnyValue): AnyValue => {
    const [rows, batch, pos, dModel] = x.shape as [Dim, Dim, Dim, Dim];
    return b.transpose(b.reshape(x, [rows, multiplyDims(batch, pos), dModel]), [1, 0, 2]); // [tokens, rows, dModel]
  };
  const centred = byToken(
    joined(
      b,
      reads.map((read) => read.centred),
      0,
    ),
  ); // [tokens, reads, dModel]
  return joined(
    b,
    blocks.map((block) => b.matmul(centred, byToken(block.value), { transposeB: true })),
    2,
  );
}

/** What `contractBehindNorm` puts together. */
interface BehindNorm {
  readonly behind: Pick<ReadBeforeScale, 'kind' | 'scale'>;
  /** ∂M/∂c [rows, batch, pos, dModel] and ∂M/∂s [rows, batch, pos, 1] of every row. */
  readonly gradients: NormFactors;
  /** D of the upstream sources. */
  readonly upstream: readonly DifferenceBlock[];
  /** c·D by token: [tokens, sources]. */
  readonly along: AnyValue;
  /** mean(∂M/∂c) [rows, batch, pos, 1] and ΣD [sources, batch, pos]; null for norms that do not centre. */
  readonly means: { readonly row: AnyValue; readonly source: AnyValue } | null;
}

/** @returns [batch, rows, sources], or [batch, pos, rows, sources] with positions kept */
function contractBehindNorm(
  b: ProgramBuilder,
  keepPositions: boolean,
  { behind, gradients, upstream, along, means }: BehindNorm,
): AnyValue {
  const [rows, batch, pos, dModel] = gradients.centred.shape as [Dim, Dim, Dim, number];
  const sources = along.shape[1]!;
  const cubed = b.mul(behind.scale, b.mul(behind.scale, behind.scale)); // [1, batch, pos, 1]
  // What is taken away, as pairs of a factor of the row [rows, batch, pos, 1] and one of the source [batch, pos, sources].
  const pairs: [AnyValue, AnyValue][] = [
    [b.mul(gradients.scale, b.mul(cubed, 1 / dModel)), b.reshape(along, [batch, pos, sources])],
    ...(means ? [[means.row, b.transpose(means.source, [1, 2, 0])] as [AnyValue, AnyValue]] : []),
  ];
  const direct = contractScores(b, keepPositions, gradients.centred, upstream); // [batch, pos?, rows, sources]
  return pairs.reduce((scores, [row, source]) => {
    const byPrompt = b.transpose(b.reshape(row, [rows, batch, pos]), [1, 2, 0]); // [batch, pos, rows]
    const taken = keepPositions
      ? b.mul(b.reshape(byPrompt, [batch, pos, rows, 1]), b.reshape(source, [batch, pos, 1, sources]))
      : b.matmul(byPrompt, source, { transposeA: true }); // [batch, rows, sources]
    return b.sub(scores, taken);
  }, direct);
}
