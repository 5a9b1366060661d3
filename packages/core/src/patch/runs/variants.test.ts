import { describe, expect, it } from 'vitest';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../../graph/build.js';
import { maskFromEdges } from '../../graph/circuit.js';
import { edgeEnds } from '../../graph/edges.js';
import { countingBackend } from '../../testing/counting-backend.js';
import { tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { createPatchableModel, type PatchableModelRequest } from '../engine.js';
import type { PatchedRunRequest, PatchedVariantsRequest, VariantGroup } from '../requests/patchable-model.js';
import { groupsBySite } from './variants.js';

const model = tinyTransformer({ heads: 4, kvHeads: 4 });
const graph = buildGraph(model.spec.layout);
const BATCH = tinyPrompts(2);
const siteOf = (edge: number): string => graph.destinationBlocks[edgeEnds(graph, edge).destination.block]!.site;
const edges = Array.from({ length: graph.edgeCount }, (_, edge) => edge);
const into = (site: string): number[] => edges.filter((edge) => siteOf(edge) === site);
const none = maskFromEdges(graph, [], { inside: 1, outside: 0 });

async function open(way?: PatchableModelRequest['way']) {
  const { backend, runs } = countingBackend();
  return { patchable: await createPatchableModel({ model, graph, backend, ...(way ? { way } : {}) }), runs };
}
/** The run without any variant. */
const plain: PatchedRunRequest = { input: 'clean', patch: { kind: 'resample', from: 'corrupt' }, mask: none };
const request = (variants: Iterable<readonly number[]>): PatchedVariantsRequest => ({
  input: 'clean',
  patch: { kind: 'resample', from: 'corrupt' },
  mask: none,
  variants,
});
async function all(groups: AsyncIterable<VariantGroup>): Promise<VariantGroup[]> {
  const found: VariantGroup[] = [];
  for await (const group of groups) found.push(group);
  return found;
}
const sizes = (groups: readonly VariantGroup[]): number[] => groups.map(({ logits }) => logits.length);

describe('groups of variants', () => {
  const grouped = (variants: readonly (readonly number[])[], most: number) => [...groupsBySite(graph, variants, most)];
  const [a, b] = [into('L1.attn'), into('L1.mlp')];

  it('end where the site changes, or where they are full', () => {
    expect(grouped([[a[0]!], [a[1]!], [b[0]!], [a[2]!]], 8)).toEqual([[[a[0]], [a[1]]], [[b[0]]], [[a[2]]]]);
    expect(
      grouped(
        a.slice(0, 5).map((edge) => [edge]),
        2,
      ).map(({ length }) => length),
    ).toEqual([2, 2, 1]);
    expect(grouped([], 8)).toEqual([]);
  });

  it('leave variants apart that lead to several sites', () => {
    expect(grouped([[a[0]!, b[0]!], [a[0]!, b[1]!], [a[1]!]], 8).map(({ length }) => length)).toEqual([1, 1, 1]);
  });

  it('take no more variants than they need to know', () => {
    let taken = 0;
    const endless = (function* () {
      for (;;) {
        taken++;
        yield [a[0]!];
      }
    })();
    const [first] = [groupsBySite(graph, endless, 3).next().value];
    expect([first?.length, taken]).toEqual([3, 3]);
  });
});

describe('variants of a mask', () => {
  it('run as each would by itself, in their order', async () => {
    const variants = [...into('L1.attn').slice(0, 3), ...into('L1.mlp').slice(0, 2)].map((edge) => [edge]);
    const { patchable } = await open();
    const groups = await all(patchable.patchedVariants(BATCH, request(variants)));
    expect(sizes(groups)).toEqual([3, 2]);
    for (const [i, { data }] of groups.flatMap(({ logits }) => logits).entries()) {
      const mask = maskFromEdges(graph, variants[i]!, { inside: 1, outside: 0 });
      const alone = await patchable.patchedRun(BATCH, { ...plain, mask });
      expect(alone.shape).toEqual([2, 11]);
      for (const [j, x] of alone.data.entries()) expect(Math.abs(data[j]! - x)).toBeLessThan(1e-5);
    }
  });

  it('are run as they are asked for, a group ahead at most', async () => {
    const { patchable, runs } = await open();
    const variants = ['L1.attn', 'L1.mlp', 'end'].flatMap((site) =>
      into(site)
        .slice(0, 2)
        .map((edge) => [edge]),
    );
    for await (const group of patchable.patchedVariants(BATCH, request(variants))) {
      expect(group.logits).toHaveLength(2);
      break;
    }
    expect(runs.filter((name) => name.startsWith('sparse'))).toHaveLength(1);
  });

  it('run so far ahead as their results are likely to be wanted', async () => {
    const { patchable } = await open();
    const own = into('L1.attn'); // 4 heads, Q, K and V, from 6 sources: 72
    const variants = own.slice(0, 40).map((edge) => [edge]);
    const firstOf = async (chance?: number, baseline = false) => {
      const asked = { ...request(variants), baseline, ...(chance === undefined ? {} : { chance }) };
      return sizes(await all(patchable.patchedVariants(BATCH, asked)))[0];
    };
    expect([await firstOf(0), await firstOf(0.5), await firstOf(0.9)]).toEqual([1, 2, 10]);
    expect([await firstOf(0.999), await firstOf(1), await firstOf()]).toEqual([32, 32, 32]);
    expect(await firstOf(1, true)).toBe(31); // and the baseline
  });

  it('have a baseline of their own in every group, from the same run', async () => {
    const { patchable, runs } = await open();
    const variants = [...into('L1.attn').slice(0, 2), ...into('L1.mlp').slice(0, 2)].map((edge) => [edge]);
    const groups = await all(patchable.patchedVariants(BATCH, { ...request(variants), baseline: true }));
    expect(runs.filter((name) => name.startsWith('sparse'))).toHaveLength(2);
    const { data } = await patchable.patchedRun(BATCH, plain);
    for (const { baseline } of groups) {
      for (const [i, x] of data.entries()) expect(Math.abs(baseline!.data[i]! - x)).toBeLessThan(1e-5);
    }
  });

  it('run one by one where nothing can be shared, with one baseline for all', async () => {
    const { patchable, runs } = await open('dense');
    const variants = into('L1.attn')
      .slice(0, 3)
      .map((edge) => [edge]);
    const groups = await all(patchable.patchedVariants(BATCH, { ...request(variants), baseline: true }));
    expect(sizes(groups)).toEqual([1, 1, 1]);
    expect(runs.filter((name) => name.startsWith('patched'))).toHaveLength(4);
    const { data } = await patchable.patchedRun(BATCH, plain);
    for (const { baseline } of groups) expect(baseline!.data).toEqual(data);
  });

  it('are refused on a batch that does not fit the graph, when the first is asked for', async () => {
    const own = buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, positions: 2 });
    const patchable = await createPatchableModel({ model, graph: own, backend: countingBackend().backend });
    await expect(all(patchable.patchedVariants(BATCH, request([[0]])))).rejects.toMatchObject({
      code: 'mixed-lengths',
      fields: { lengths: [2, 3] },
    });
  });
});
