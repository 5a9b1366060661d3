/** @file What a selection feeds to its program: row lists, factors, and the rows of pass 1 that are read. */
import type { DestinationBlock, TransformerLayout } from '../../graph/types.js';
import { floatTensor, intTensor, type Tensor } from '../../ir/tensor.js';
import { patchInputName } from '../programs.js';
import { type MixGroup, mixGroups } from '../sites.js';
import type { SiteTensors } from '../source-store.js';
import {
  columnsInput,
  KNOWN_INPUT,
  knownMixInput,
  kvInput,
  mixInput,
  pickInput,
  readInput,
  writtenInput,
} from './names.js';
import { ownBlocks, type Selection, sitesRun } from './selection.js';

type Entries = (readonly [string, Tensor])[];
const ints = (values: readonly number[]): Tensor => intTensor(Int32Array.from(values), [values.length]);

/** A selection is run on batch after batch. */
const ownFeeds = new WeakMap<Selection, Entries>();

/** Everything but prompts, what is carried and the known differences. */
export function selectionFeeds(selection: Selection, patch: SiteTensors | null): Entries {
  const own = ownFeeds.get(selection) ?? feedsOf(selection);
  ownFeeds.set(selection, own);
  if (!patch) return own;
  const parts = [...selection.writes].flatMap(([site, rows]): Entries => {
    const tensor = patch.get(site);
    return tensor ? [[patchInputName(site), rowsTaken(tensor, rows)]] : [];
  });
  return [...own, ...parts];
}

const feedsOf = (selection: Selection): Entries => [
  ...[...selection.writes].map(([site, rows]) => [writtenInput(site), ints(rows)] as const),
  ...[...selection.reads.keys()].flatMap((site) => rowFeeds(selection, site)),
  ...mixGroups(selection.graph, sitesRun(selection.graph, selection.knownStop)).flatMap((group) =>
    mixFeeds(selection, group),
  ),
];

/** Heads that are read on their own, and where every head finds its row. */
function rowFeeds({ base, graph, reads, writes }: Selection, site: string): Entries {
  const { heads, kvHeads } = graph.layout as TransformerLayout;
  const kvHead = (head: number): number => Math.floor((head * kvHeads) / heads);
  const blocks = reads.get(site)!.filter(({ block }) => block.heads !== null);
  if (blocks.length === 0) return [];
  if (base === 'patch') return [[kvInput(site), ints(writes.get(site)!.map(kvHead))]];
  return blocks.flatMap(({ block, rows }): Entries => {
    const pick = (input: string): Tensor => {
      const shared = input === 'q' ? heads : kvHeads;
      const place = new Map(rows.map((row, i) => [row, shared + i]));
      const head = (h: number): number => place.get(h) ?? (input === 'q' ? h : kvHead(h));
      return ints(Array.from({ length: heads }, (_, h) => head(h)));
    };
    const inputs = block.input === 'attn' ? ['q', 'k', 'v'] : [block.input];
    return [
      [readInput(block.module), ints(rows)],
      [kvInput(block.module), ints(rows.map(kvHead))],
      ...inputs.map((input) => [pickInput(block.module, input), pick(input)] as const),
    ];
  });
}

interface Row {
  readonly block: DestinationBlock;
  readonly row: number;
}

/** Factors [rows, 1 + columns] of what is carried and computed (with the columns by block), and [masks?, rows, known] of what is known. */
function mixFeeds(selection: Selection, group: MixGroup): Entries {
  const { graph, known, knownStop, masks, reads, variants, weight, writes } = selection;
  const rowsAt = (site: string): Row[] =>
    (reads.get(site) ?? []).flatMap(({ block, rows }) => rows.map((row) => ({ block, row })));
  return [group.leader, ...group.followers].flatMap((site): Entries => {
    const own = rowsAt(site);
    const led = site === group.leader ? group.followers.flatMap(rowsAt) : [];
    const rows = [...own, ...led];
    const used = (source: number): boolean => rows.some(({ block, row }) => weight(block, row, source, 0) !== 0);
    const columns: number[] = [];
    const lists = ownBlocks(graph, site, group, knownStop).map((block): Entries[number] => {
      const places = writes.get(block.site)!.flatMap((row, place) => (used(block.start + row) ? [place] : []));
      columns.push(...places.map((place) => block.start + writes.get(block.site)![place]!));
      return [columnsInput(site, block.site), ints(places)];
    });
    const width = 1 + columns.length;
    const mix = new Float32Array(rows.length * width);
    rows.forEach(({ block, row }, r) => {
      mix[r * width] = r < own.length ? 1 : 0;
      columns.forEach((source, c) => {
        mix[r * width + 1 + c] = weight(block, row, source, 0);
      });
    });
    const feeds: Entries = [...lists, [mixInput(site), floatTensor(mix, [rows.length, width])]];
    if (knownStop === 0) return feeds;
    const byMask = site === variants?.site;
    const count = byMask ? masks : 1;
    const factors = new Float32Array(count * own.length * known.length);
    for (let m = 0; m < count; m++) {
      own.forEach(({ block, row }, r) => {
        const at = (m * own.length + r) * known.length;
        known.forEach((source, k) => {
          factors[at + k] = source < block.sources.stop ? weight(block, row, source, m) : 0;
        });
      });
    }
    const shape = [...(byMask ? [masks] : []), own.length, known.length];
    return [...feeds, [knownMixInput(site), floatTensor(factors, shape)]];
  });
}

/** Rows of [rows, items, pos, width]. */
export function rowsTaken({ data, shape }: Tensor<Float32Array>, rows: readonly number[]): Tensor<Float32Array> {
  const [all, ...rest] = shape as [number, ...number[]];
  if (rows.length === all) return floatTensor(data, shape);
  const slab = rest.reduce((n, d) => n * d, 1);
  const out = new Float32Array(rows.length * slab);
  rows.forEach((row, i) => {
    out.set(data.subarray(row * slab, (row + 1) * slab), i * slab);
  });
  return floatTensor(out, [rows.length, ...rest]);
}

/** The differences of the known sources that are read: [known, items, pos, dModel]. */
export const knownFeed = ({ known }: Selection, differences: Tensor<Float32Array>): Entries[number] => [
  KNOWN_INPUT,
  rowsTaken(differences, known),
];
