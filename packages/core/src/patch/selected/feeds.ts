/** @file What a selection feeds to its program: row lists, factors, and the rows of pass 1 that are read. */
import type { DestinationBlock, TransformerLayout } from '../../graph/types.js';
import { floatTensor, intTensor, type Tensor } from '../../ir/tensor.js';
import { rowsOf } from '../modes.js';
import { patchInputName } from '../programs.js';
import type { SiteTensors } from '../source-store.js';
import { KNOWN_INPUT, knownMixInput, kvInput, mixInput, pickInput, readInput, writtenInput } from './names.js';
import { columnsOf, type Selection } from './selection.js';

type Entries = (readonly [string, Tensor])[];
const ints = (values: readonly number[]): Tensor => intTensor(Int32Array.from(values), [values.length]);

/** Everything but prompts, what is carried and the known differences. */
export function selectionFeeds(selection: Selection, patch: SiteTensors | null): Entries {
  const { writes } = selection;
  return [
    ...[...writes].flatMap(([site, rows]): Entries => {
      const own: Entries = [[writtenInput(site), ints(rows)]];
      const parts = patch?.get(site);
      return parts ? [...own, [patchInputName(site), rowsTaken(parts, rows)]] : own;
    }),
    ...[...selection.reads.keys()].flatMap((site) => [...rowFeeds(selection, site), ...mixFeeds(selection, site)]),
  ];
}

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

/** Factors: [rows, 1 + columns] for what is carried (1) and computed, [masks?, rows, known] for what is known. */
function mixFeeds(selection: Selection, site: string): Entries {
  const { known, knownStop, masks, reads, variants, weight } = selection;
  const blockRows = reads.get(site)!.flatMap(({ block, rows }) => rows.map((row) => ({ block, row })));
  const columns = columnsOf(selection, site);
  const mix = new Float32Array(blockRows.length * (1 + columns.length));
  blockRows.forEach(({ block, row }, r) => {
    const at = r * (1 + columns.length);
    mix[at] = 1;
    columns.forEach((source, c) => {
      mix[at + 1 + c] = weight(block, row, source, 0);
    });
  });
  const own: Entries = [[mixInput(site), floatTensor(mix, [blockRows.length, 1 + columns.length])]];
  if (knownStop === 0) return own;
  const byMask = site === variants?.site;
  const count = byMask ? masks : 1;
  const factors = new Float32Array(count * blockRows.length * known.length);
  for (let m = 0; m < count; m++) {
    blockRows.forEach(({ block, row }, r) => {
      const at = (m * blockRows.length + r) * known.length;
      known.forEach((source, k) => {
        factors[at + k] = source < block.sources.stop ? weight(block, row, source, m) : 0;
      });
    });
  }
  const shape = [...(byMask ? [masks] : []), blockRows.length, known.length];
  return [...own, [knownMixInput(site), floatTensor(factors, shape)]];
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

/** All rows of blocks, for counting. */
export const allRows = (blocks: readonly DestinationBlock[]): number =>
  blocks.reduce((n, block) => n + rowsOf([block]), 0);
