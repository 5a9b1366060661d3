import { describe, expect, it } from 'vitest';
import { buildGraph } from '../../graph/build.js';
import { maskFromEdges } from '../../graph/circuit.js';
import { edgesByName } from '../../graph/edges.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import { tinyTransformer } from '../../testing/tiny-transformer.js';
import { patchInputName } from '../programs/programs.js';
import { cachedFeed, rowsOfTensor, selectionFeeds } from './feeds.js';
import { CACHED_INPUT, columnsInput, edgeSumInput, readInput, writtenInput } from './names.js';
import { select } from './row-selection.js';

const graph = buildGraph(tinyTransformer().spec.layout);
const EDGE = edgesByName(graph, 'A0.1->A1.0.Q');
const mask = maskFromEdges(graph, EDGE, { inside: 0.75, outside: 0 });
const request = { graph, masks: [mask], variants: null, patchedGivesPatch: true } as const;
const numbers = (feeds: ReadonlyMap<string, Tensor>, name: string): number[] | undefined => {
  const tensor = feeds.get(name);
  return tensor && Array.from(tensor.data, Number);
};

describe('feeds of a selection', () => {
  it('name the rows that one patched edge is written to and read by, and its factor', () => {
    const feeds = new Map(selectionFeeds(select({ ...request, base: 'noising' }), null));
    expect(numbers(feeds, writtenInput('L0.attn'))).toEqual([1]);
    expect(numbers(feeds, writtenInput('L0.mlp'))).toEqual([]);
    const q = graph.destinationBlocks.find(({ site, input }) => site === 'L1.attn' && input === 'q')!;
    const k = graph.destinationBlocks.find(({ site, input }) => site === 'L1.attn' && input === 'k')!;
    expect(numbers(feeds, readInput(q.module))).toEqual([0]);
    expect(numbers(feeds, readInput(k.module))).toEqual([]);
    expect(numbers(feeds, columnsInput('L1.attn', 'L0.attn'))).toEqual([0]); // of the rows that are written
    expect(numbers(feeds, edgeSumInput('L1.attn'))).toEqual([1, 0.75, 0, 0, 0, 0]); // the residual stream and D of the source; rows of its followers take neither
  });

  it('hold the rows of pass 1 that are read, and none without pass 1', () => {
    const shape = [2, 1, 1, 1];
    const heads = floatTensor(Float32Array.of(5, 6), shape);
    const selection = select({ ...request, base: 'noising' });
    const feeds = new Map(selectionFeeds(selection, new Map([['L0.attn', heads]])));
    expect(feeds.get(patchInputName('L0.attn'))).toEqual(floatTensor(Float32Array.of(6), [1, 1, 1, 1]));
    expect(selectionFeeds(selection, null).some(([name]) => name === patchInputName('L0.attn'))).toBe(false);
  });

  it('are the same numbers from batch to batch', () => {
    const selection = select({ ...request, base: 'denoising' });
    expect(selectionFeeds(selection, null)).toBe(selectionFeeds(selection, null));
  });

  it('take the differences of cached sources alone', () => {
    const differences = floatTensor(
      Float32Array.from({ length: graph.sources.length }, (_, i) => i),
      [graph.sources.length, 1, 1, 1],
    );
    const variants = { start: 'L1.attn', site: 'L1.attn', edges: [EDGE] };
    const none = maskFromEdges(graph, [], { inside: 1, outside: 0 });
    const selection = select({ ...request, masks: [none], variants, base: 'noising' });
    const [name, { data }] = cachedFeed(selection, differences);
    expect([name, [...data]]).toEqual([CACHED_INPUT, selection.cached]);
    expect(selection.cached).toEqual([graph.sources.findIndex((source) => source.name === 'A0.1')]);
  });
});

describe('rowsOfTensor', () => {
  it('takes rows in their order, and all of them without a copy', () => {
    const all = floatTensor(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]);
    expect(rowsOfTensor(all, [2, 0])).toEqual(floatTensor(Float32Array.of(5, 6, 1, 2), [2, 2]));
    expect(rowsOfTensor(all, [0, 1, 2]).data).toBe(all.data);
  });
});
