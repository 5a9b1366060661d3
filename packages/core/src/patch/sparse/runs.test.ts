import { describe, expect, it } from 'vitest';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../../graph/build.js';
import { maskFromEdges } from '../../graph/circuit.js';
import { edgeEnds } from '../../graph/edges.js';
import { blocksBySite } from '../../graph/site-blocks.js';
import type { GraphOptions } from '../../graph/types.js';
import { microModel } from '../../testing/micro-model.js';
import { patchedLogits } from '../../testing/patched-logits.js';
import { testContext } from '../../testing/run-context.js';
import { tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import type { Cut } from '../exec/micro-batches.js';
import { denseEdgeSumGroups } from '../modes/edge-sum-groups.js';
import { type Base, leadsHeads } from './row-selection.js';
import { SparseRuns } from './runs.js';

const model = tinyTransformer();
const graph = buildGraph(model.spec.layout);
const BATCH = tinyPrompts(3);
const REQUEST = { input: 'clean', patch: { kind: 'resample', from: 'corrupt' } } as const;
const edges = Array.from({ length: graph.edgeCount }, (_, edge) => edge);
const siteOf = (edge: number): string => graph.destinationBlocks[edgeEnds(graph, edge).destination.block]!.site;
const into = (site: string): number[] => edges.filter((edge) => siteOf(edge) === site);
const patched = (own: readonly number[]) => maskFromEdges(graph, own, { inside: 1, outside: 0 });
const CUTS: readonly Cut[] = [
  [0, 1],
  [1, 3],
];
const whole: readonly Cut[] = [[0, 3]];

function open(always: Base | null, variantTokens = 1024) {
  const { context, runs } = testContext(model, graph);
  const sparse = new SparseRuns(context, { always, variantTokens, keepBytes: 2 ** 20, onDebug: () => undefined });
  return { sparse, ran: () => runs.filter((name) => name.startsWith('sparse')).length };
}
function same(found: ArrayLike<number>, own: readonly number[]): void {
  const expected = patchedLogits({ model, graph, batch: BATCH, mask: patched(own) });
  expect(found).toHaveLength(expected.length);
  for (const [i, x] of expected.entries()) expect(Math.abs(found[i]! - x)).toBeLessThan(1e-4);
}

describe('graphs of sparse runs', () => {
  const fits = (options: Partial<GraphOptions>, of = model) =>
    SparseRuns.fits(buildGraph(of.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, ...options }));
  it('are those whose single heads can be left out', () => {
    expect([fits({}), fits({ positions: 3 }), fits({ splitQkv: false })]).toEqual([true, true, true]);
    expect([fits({ factorized: false }), fits({}, microModel())]).toEqual([false, false]);
  });
});

describe.each(['noising', 'denoising'] as const)('a sparse run, %s', (base) => {
  it('gives what the reference gives, micro-batch by micro-batch', async () => {
    const { sparse } = open(base);
    for (const own of [[], edges.slice(5, 9), edges.slice(0, -3)]) {
      const selection = sparse.strategy.choose(patched(own), REQUEST.patch, BATCH)!;
      expect(selection.base).toBe(base);
      const rows = await sparse.run(BATCH, { ...REQUEST, mask: patched(own) }, selection, CUTS);
      expect(rows.map(({ length }) => length)).toEqual([11, 22]);
      same(
        rows.flatMap((chunk) => [...chunk]),
        own,
      );
    }
  });

  it('takes variants of a mask at one site, in micro-batches or many at once', async () => {
    const patchedLater = into('end').slice(0, 2);
    const variants = [[], ...into('L1.mlp').map((edge) => [edge])];
    for (const cuts of [CUTS, whole]) {
      const { sparse, ran } = open(base, 9 * 4); // four variants of nine tokens
      const mask = patched(patchedLater);
      const entry = sparse.entryOf(mask, variants)!;
      const logits = await sparse.variants(BATCH, { ...REQUEST, mask }, { ...entry, edges: variants }, cuts, 11);
      expect(ran()).toBe(cuts === whole ? Math.ceil(variants.length / 4) : 2 * variants.length);
      for (const [i, own] of variants.entries()) same(logits[i]!, [...patchedLater, ...own]);
    }
  });
});

describe('masks that run together', () => {
  it('have each its own logits', async () => {
    const { sparse, ran } = open(null);
    const circuits = [edges.slice(4), edges.slice(0, 9), edges];
    const rows = await sparse.runTogether(BATCH, { ...REQUEST, masks: circuits.map(patched) });
    expect(ran()).toBe(1);
    for (const [i, own] of circuits.entries()) same(rows[i]!, own);
  });
});

describe('where variants can start', () => {
  const entryOf = (mask: readonly number[], variants: readonly (readonly number[])[]) =>
    open(null).sparse.entryOf(patched(mask), variants);
  const one = (site: string) => [[into(site)[0]!], into(site).slice(1, 3)];

  it('is the site that they lead to, where nothing before it is patched', () => {
    expect(entryOf([], one('L1.attn'))).toEqual({ start: 'L1.attn', site: 'L1.attn' });
    expect(entryOf(into('end'), one('L1.mlp'))).toEqual({ start: 'L1.mlp', site: 'L1.mlp' });
    expect(entryOf(into('L1.attn').slice(0, 1), one('L1.attn'))).toEqual({ start: 'L1.attn', site: 'L1.attn' });
  });

  it('is the leader of its edge sums, where something is patched there first', () => {
    expect(entryOf(into('L1.attn').slice(0, 1), one('L1.mlp'))).toEqual({ start: 'L1.attn', site: 'L1.mlp' });
  });

  it('is nowhere where edges lead to several sites, or something is patched far before', () => {
    expect(entryOf([], [...one('L1.attn'), ...one('L1.mlp')])).toBeNull();
    expect(entryOf(into('L0.attn').slice(0, 1), one('L1.mlp'))).toBeNull();
    expect(entryOf([], [[]])).toBeNull();
    expect(open(null).sparse.entryOf({ ...patched([]), perItem: true }, one('end'))).toBeNull();
  });
});

describe('circuits alone, of models so deep that several layers share a product', () => {
  it.each([
    ['projections of their own', { stacked: false }, {}, false],
    ['one stacked projection', { stacked: true }, {}, false],
    ['joint inputs', { stacked: false }, { splitQkv: false }, false],
    ['edges for each position', { stacked: false }, { positions: 3 }, false],
    ['heads that write together', { stacked: false }, {}, true],
    ['heads that write together, stacked', { stacked: true }, {}, true],
  ] as const)('%s', async (_, shape, options, headsWriteTogether) => {
    const tiny = tinyTransformer({ layers: 5, heads: 1, kvHeads: 1, ...shape });
    const deep = { ...tiny, spec: { ...tiny.spec, headsWriteTogether } };
    const ofDeep = buildGraph(deep.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, ...options });
    expect(denseEdgeSumGroups(ofDeep, blocksBySite(ofDeep).keys()).some((group) => leadsHeads(ofDeep, group))).toBe(
      true,
    );
    const { context } = testContext(deep, ofDeep);
    const sparse = new SparseRuns(context, {
      always: 'denoising',
      variantTokens: 1024,
      keepBytes: 2 ** 20,
      onDebug: () => undefined,
    });
    const all = Array.from({ length: ofDeep.edgeCount }, (_edge, edge) => edge);
    const masks = [3, 7, all.length + 1].map((every) =>
      maskFromEdges(
        ofDeep,
        all.filter((edge) => edge % every === 0),
        { inside: 1, outside: 0.25 },
      ),
    );
    const expected = masks.map((mask) => patchedLogits({ model: deep, graph: ofDeep, batch: BATCH, mask }));
    const close = (found: ArrayLike<number>, wanted: ArrayLike<number>) => {
      expect(found).toHaveLength(wanted.length);
      for (let i = 0; i < wanted.length; i++) expect(Math.abs(found[i]! - wanted[i]!)).toBeLessThan(1e-4);
    };
    const together = await sparse.runTogether(BATCH, { ...REQUEST, masks });
    for (const [i, mask] of masks.entries()) {
      const selection = sparse.strategy.choose(mask, REQUEST.patch, BATCH)!;
      const [alone] = await sparse.run(BATCH, { ...REQUEST, mask }, selection, whole);
      close(alone!, expected[i]!);
      close(together[i]!, expected[i]!);
    }
  });
});
