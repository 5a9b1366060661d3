/** @file What a selection feeds to its program: row lists, factors, and the rows of pass 1 that are read. */

import type { TransformerLayout } from '../../graph/types.js';
import { floatTensor, intTensor, type Tensor } from '../../tensor/tensor.js';
import type { SiteTensors } from '../exec/activation-means.js';
import type { EdgeSumGroup } from '../modes/edge-sum-groups.js';
import { patchInputName } from '../programs/programs.js';
import { coefficientTable, type Row } from './coefficients.js';
import {
  CACHED_INPUT,
  cachedEdgeSumInput,
  columnsInput,
  edgeSumInput,
  kvInput,
  pickInput,
  readInput,
  stackedInput,
  stackedPickInput,
  writtenInput,
} from './names.js';
import {
  leadsHeads,
  masksDiffer,
  ownBlocks,
  ownMasksDiffer,
  type Selection,
  sparseEdgeSumGroups,
} from './row-selection.js';

type Entries = (readonly [string, Tensor])[];
const ints = (values: readonly number[]): Tensor => intTensor(Int32Array.from(values), [values.length]);

/** A selection is run on batch after batch. */
const ownFeeds = new WeakMap<Selection, Entries>();

/** All feeds of a selection but its prompts, the residual stream and the differences of cached sources. */
export function selectionFeeds(selection: Selection, patch: SiteTensors | null): Entries {
  const own = ownFeeds.get(selection) ?? feedsOf(selection);
  ownFeeds.set(selection, own);
  if (!patch) return own;
  const patched = [...selection.writes].flatMap(([site, rows]): Entries => {
    const tensor = patch.get(site);
    return tensor ? [[patchInputName(site), rowsOfTensor(tensor, rows)]] : [];
  });
  return [...own, ...patched];
}

const feedsOf = (selection: Selection): Entries => [
  ...[...selection.writes].map(([site, rows]) => [writtenInput(site), ints(rows)] as const),
  ...sparseEdgeSumGroups(selection.graph, selection.base, selection.variants, selection.cachedStop).flatMap((group) => [
    ...[group.leader, ...group.followers].flatMap((site) => rowFeeds(selection, site, group)),
    ...edgeSumFeeds(selection, group),
  ]),
];

const rowsAt = ({ reads }: Selection, site: string): Row[] =>
  (reads.get(site) ?? []).flatMap(({ block, rows }) => rows.map((row) => ({ block, row })));

/** Heads that are read on their own, and where every head finds its row. */
function rowFeeds(selection: Selection, site: string, group: EdgeSumGroup): Entries {
  const { base, graph, reads, writes } = selection;
  const { heads, kvHeads } = graph.layout as TransformerLayout;
  const kvHead = (head: number): number => Math.floor((head * kvHeads) / heads);
  const blocks = reads.get(site)!.filter(({ block }) => block.heads !== null);
  if (blocks.length === 0) return [];
  const stacked = blocks.flatMap(({ rows }, i) => rows.map((row) => i * heads + row));
  const followers = site === group.leader && !leadsHeads(graph, group) ? group.followers : []; // as `EdgeSums.atProjected`
  const followed = followers.flatMap((name) => rowsAt(selection, name).map(() => 0));
  if (base === 'denoising')
    return [
      [kvInput(site), ints(writes.get(site)!.map(kvHead))],
      [stackedInput(site), ints([...stacked, ...followed])],
    ];
  /** By row, where it is found when these are read on their own after all the others. */
  const picked = (count: number, own: readonly number[], shared = (row: number): number => row): Tensor => {
    const place = new Map(own.map((row, i) => [row, shared(count - 1) + 1 + i]));
    return ints(Array.from({ length: count }, (_, row) => place.get(row) ?? shared(row)));
  };
  const apart = blocks.flatMap(({ block, rows }): Entries => {
    const inputs = block.input === 'attn' ? ['q', 'k', 'v'] : [block.input];
    return [
      [readInput(block.module), ints(rows)],
      [kvInput(block.module), ints(rows.map(kvHead))],
      ...inputs.map(
        (input) => [pickInput(block.module, input), picked(heads, rows, input === 'q' ? undefined : kvHead)] as const,
      ),
    ];
  });
  return [
    ...apart,
    [stackedInput(site), ints([...stacked, ...followed])],
    [stackedPickInput(site), picked(3 * heads, stacked)],
  ];
}

/**
 * Factors [masks?, pos?, rows, 1 + columns] of the residual stream and of what is computed (with the columns by block), and
 * [masks?, pos?, rows, cached] of cached sources.
 */
function edgeSumFeeds(selection: Selection, group: EdgeSumGroup): Entries {
  const { base, graph, cached, cachedStop, together, variants: entry, writes } = selection;
  return [group.leader, ...group.followers].flatMap((site): Entries => {
    const own = rowsAt(selection, site);
    const led = site === group.leader ? group.followers.flatMap((name) => rowsAt(selection, name)) : [];
    const rows = [...own, ...led];
    const used = (source: number): boolean =>
      base === 'denoising' || rows.some(({ block, row }) => selection.anyCoefficient(block, row, source));
    const columns: number[] = [];
    const lists = ownBlocks(graph, site, group, cachedStop).map((block): Entries[number] => {
      const places = writes.get(block.site)!.flatMap((row, place) => (used(block.start + row) ? [place] : []));
      for (const place of places) columns.push(block.start + writes.get(block.site)![place]!);
      return [columnsInput(site, block.site), ints(places)];
    });
    const table = { selection, site, rows };
    const differing = { together, entry };
    const factors = coefficientTable({ ...table, byMask: ownMasksDiffer(differing, site), of: 'own', columns });
    const feeds: Entries = [...(base === 'noising' ? lists : []), [edgeSumInput(site), factors]];
    if (cachedStop === 0) return feeds;
    const cachedFactors = coefficientTable({
      ...table,
      byMask: masksDiffer(differing, site),
      of: 'cached',
      columns: cached,
    });
    return [...feeds, [cachedEdgeSumInput(site), cachedFactors]];
  });
}

/** Some rows of [rows, batch, pos, width]. */
export function rowsOfTensor({ data, shape }: Tensor<Float32Array>, rows: readonly number[]): Tensor<Float32Array> {
  const [all, ...rest] = shape as [number, ...number[]];
  if (rows.length === all) return floatTensor(data, shape);
  const slab = rest.reduce((n, d) => n * d, 1);
  const out = new Float32Array(rows.length * slab);
  rows.forEach((row, i) => {
    out.set(data.subarray(row * slab, (row + 1) * slab), i * slab);
  });
  return floatTensor(out, [rows.length, ...rest]);
}

/** The differences of the cached sources that are read: [cached, batch, pos, dModel]. */
export const cachedFeed = ({ cached }: Selection, differences: Tensor<Float32Array>): Entries[number] => [
  CACHED_INPUT,
  rowsOfTensor(differences, cached),
];
