import { describe, expect, it } from 'vitest';
import { maskFromEdges } from '../../graph/circuit.js';
import { edgesByName } from '../../graph/edges.js';
import { blocksAt, blocksBySite } from '../../graph/site-blocks.js';
import type { Graph, Mask } from '../../graph/types.js';
import { graphOf } from '../../testing/patched-logits.js';
import { tinyTransformer } from '../../testing/tiny-transformer.js';
import { edgeSumGroups } from '../modes/edge-sum-groups.js';
import {
  masksDiffer,
  ownBlocks,
  ownMasksDiffer,
  type Selection,
  type SelectionRequest,
  select,
} from './row-selection.js';

// sources: 0 Resid Start, 1 A0.0, 2 A0.1, 3 MLP 0
const GRAPH = graphOf(tinyTransformer({ layers: 1 }));
const numbersOf = (graph: Graph, names: readonly string[]): number[] =>
  names.flatMap((name) => edgesByName(graph, name));
const patched = (names: readonly string[], inside = 1, graph = GRAPH): Mask =>
  maskFromEdges(graph, numbersOf(graph, names), { inside, outside: 0 });
const kept = (names: readonly string[], graph = GRAPH): Mask =>
  maskFromEdges(graph, numbersOf(graph, names), { inside: 0, outside: 1 });
const selected = (request: Pick<SelectionRequest, 'base' | 'masks'> & Partial<SelectionRequest>): Selection =>
  select({ graph: GRAPH, variants: null, patchedGivesPatch: true, ...request });
/** Rows by input of what is read, and local rows of what is computed. */
const rows = ({ reads, writes }: Selection) => ({
  reads: Object.fromEntries([...reads.values()].flat().map(({ block, rows: own }) => [block.input, own])),
  writes: Object.fromEntries(writes),
});
const NONE = { q: [], k: [], v: [], mlp: [], end: [0] };

describe('base noising', () => {
  it('reads the rows into which something is patched on their own, and the differences of what is patched', () => {
    const selection = selected({ base: 'noising', masks: [patched(['Resid Start->A0.1.K', 'A0.1->MLP 0'])] });
    expect(rows(selection)).toEqual({
      reads: { ...NONE, k: [1], mlp: [0] },
      writes: { start: [0], 'L0.attn': [1], 'L0.mlp': [] },
    });
    expect(selection).toMatchObject({ sources: 2, masks: 1, together: false, positions: 1, cachedStop: 0, cached: [] });
  });
  it('reads blocks without heads as one row, patched or not', () => {
    expect(rows(selected({ base: 'noising', masks: [patched([])] })).reads).toEqual({ ...NONE, mlp: [0] });
  });
  it('has the mask as coefficient', () => {
    const { coefficient, anyCoefficient } = selected({ base: 'noising', masks: [patched(['A0.1->MLP 0'], 0.25)] });
    const [mlp] = blocksAt(GRAPH, 'L0.mlp');
    expect([1, 2].map((source) => coefficient(mlp!, 0, source, 0, 0))).toEqual([0, 0.25]);
    expect([1, 2].map((source) => anyCoefficient(mlp!, 0, source))).toEqual([false, true]);
  });
});

describe('base denoising', () => {
  it('computes the nodes on a path of kept edges from the input to the end', () => {
    const masks = [kept(['Resid Start->A0.1.V', 'A0.1->Resid End', 'MLP 0->Resid End'])];
    expect(rows(selected({ base: 'denoising', masks }))).toEqual({
      reads: { ...NONE, q: [1], k: [1], v: [1] },
      writes: { start: [0], 'L0.attn': [1], 'L0.mlp': [] }, // no kept edge leads into the MLP, so it gives its patch value
    });
  });
  it('computes a node with a kept edge out and none in, where patched inputs do not give the patch value', () => {
    const masks = [kept(['MLP 0->Resid End'])];
    expect(rows(selected({ base: 'denoising', masks, patchedGivesPatch: false }))).toEqual({
      reads: { ...NONE, mlp: [0] },
      writes: { start: [], 'L0.attn': [], 'L0.mlp': [0] },
    });
  });
  it('has mask − 1 as coefficient', () => {
    const { coefficient, anyCoefficient, addedCoefficient } = selected({
      base: 'denoising',
      masks: [patched(['A0.1->MLP 0'], 0.25)],
    });
    const [mlp] = blocksAt(GRAPH, 'L0.mlp');
    expect([1, 2].map((source) => coefficient(mlp!, 0, source, 0, 0))).toEqual([-1, -0.75]);
    expect(selected({ base: 'denoising', masks: [kept([])] }).anyCoefficient(mlp!, 0, 1)).toBe(false);
    expect([anyCoefficient(mlp!, 0, 1), addedCoefficient]).toEqual([true, 0]);
  });
});

it('masks that run together ask for what any of them asks for', () => {
  const selection = selected({ base: 'noising', masks: [patched(['A0.0->MLP 0']), patched(['Resid Start->A0.1.Q'])] });
  expect(rows(selection)).toEqual({
    reads: { ...NONE, q: [1], mlp: [0] },
    writes: { start: [0], 'L0.attn': [0], 'L0.mlp': [] },
  });
  const [mlp] = blocksAt(GRAPH, 'L0.mlp');
  expect([0, 1].map((mask) => selection.coefficient(mlp!, 0, 1, mask, 0))).toEqual([1, 0]);
  expect(selection).toMatchObject({ masks: 2, together: true });
});

it('positions have coefficients of their own', () => {
  const graph = graphOf(tinyTransformer({ layers: 1 }), { positions: 3 });
  const masks = [patched(['A0.1->MLP 0@2'], 1, graph)];
  const selection = selected({ graph, base: 'noising', masks });
  const [mlp] = blocksAt(graph, 'L0.mlp');
  expect([0, 1, 2].map((position) => selection.coefficient(mlp!, 0, 2, 0, position))).toEqual([0, 0, 1]);
  expect(selection.anyCoefficient(mlp!, 0, 2)).toBe(true);
  expect(selection.positions).toBe(3);
});

describe('variants', () => {
  const edges = [numbersOf(GRAPH, ['A0.1->MLP 0']), numbersOf(GRAPH, ['Resid Start->MLP 0'])];
  const selection = selected({
    base: 'noising',
    masks: [patched([])],
    variants: { start: 'L0.mlp', site: 'L0.mlp', edges },
  });
  it('run from their first site on, and take what came before from the cache', () => {
    expect([...selection.reads.keys()]).toEqual(['L0.mlp', 'end']);
    expect(Object.fromEntries(selection.writes)).toEqual({ 'L0.mlp': [] });
    expect(selection).toMatchObject({ cachedStop: 3, cached: [0, 2], sources: 2, masks: 2, together: false });
  });
  it('have their own edges apart from the mask', () => {
    const [mlp] = blocksAt(GRAPH, 'L0.mlp');
    expect(selection.coefficient(mlp!, 0, 2, 0, 0)).toBe(0);
    expect(selection.added).toEqual([
      [{ block: mlp, row: 0, source: 2, position: 0 }],
      [{ block: mlp, row: 0, source: 0, position: 0 }],
    ]);
    expect(selection.addedCoefficient).toBe(1);
  });
});

describe('where masks differ', () => {
  it.each([
    [{ together: true, entry: null }, 'L0.mlp', true, true],
    [{ together: false, entry: null }, 'L0.mlp', false, false],
    [{ together: false, entry: { start: 'L0.attn', site: 'L0.mlp' } }, 'L0.mlp', true, true],
    [{ together: false, entry: { start: 'L0.mlp', site: 'L0.mlp' } }, 'L0.mlp', true, false], // nothing written yet
    [{ together: false, entry: { start: 'L0.attn', site: 'L0.mlp' } }, 'end', false, false],
  ] as const)('%o at %s: %s, and in what is written %s', (differing, site, anywhere, own) => {
    expect([masksDiffer(differing, site), ownMasksDiffer(differing, site)]).toEqual([anywhere, own]);
  });
});

it('a leader takes all source blocks upstream, a follower those since its leader', () => {
  const graph = graphOf(tinyTransformer());
  const groups = edgeSumGroups(graph, blocksBySite(graph).keys());
  const own = (site: string, group: number, cachedStop = 0): string[] =>
    ownBlocks(graph, site, groups[group]!, cachedStop).map((block) => block.site);
  expect(own('L1.attn', 1)).toEqual(['start', 'L0.attn', 'L0.mlp']);
  expect(own('L1.attn', 1, 3)).toEqual(['L0.mlp']);
  expect(own('L1.mlp', 1)).toEqual(['L1.attn']);
  expect(own('end', 1)).toEqual(['L1.attn', 'L1.mlp']);
});
