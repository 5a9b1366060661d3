import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildGraph, DEFAULT_GRAPH_OPTIONS, edgeCountFormula, scoreShape } from './build.js';
import { innerLinks } from './inner-links.js';
import type { GraphLayout, GraphOptions, TransformerLayout } from './types.js';

interface GoldenNode {
  name: string;
  module_name: string;
  layer: number;
  head_idx: number | null;
}
interface GoldenGraph {
  factorized: boolean;
  separate_qkv: boolean | null;
  seq_len: number | null;
  n_edges: number;
  n_edges_per_position: number;
  srcs: (GoldenNode & { src_idx: number })[];
  dests: (GoldenNode & { min_src_idx: number })[];
  masks: Record<string, { shape: number[]; in_srcs: [number, number] }>;
}
const golden = JSON.parse(readFileSync(new URL('../../test-data/graphs.json', import.meta.url), 'utf8')) as {
  case: string;
  variant: string;
  layout: GraphLayout;
  graph: GoldenGraph;
}[];

const TRANSFORMER: TransformerLayout = {
  kind: 'transformer',
  layers: 3,
  heads: 4,
  kvHeads: 2,
  dModel: 8,
  mlp: true,
  parallel: false,
};
const build = (layout: Partial<TransformerLayout>, options: Partial<GraphOptions> = {}) =>
  buildGraph({ ...TRANSFORMER, ...layout }, { ...DEFAULT_GRAPH_OPTIONS, ...options });

describe('buildGraph', () => {
  it.each(golden)('equals AutoCircuit: $case $variant', ({ layout, graph: expected }) => {
    const graph = buildGraph(layout, {
      factorized: expected.factorized,
      splitQkv: expected.separate_qkv ?? true,
      positions: expected.seq_len,
      kvInputs: 'query-head',
    });
    expect(graph.sources.map((s) => [s.name, s.module, s.layer, s.head, s.index])).toEqual(
      expected.srcs.map((s) => [s.name, s.module_name, s.layer, s.head_idx, s.src_idx]),
    );
    expect(
      graph.destinations.map((d) => [
        d.name,
        d.module,
        d.layer,
        d.head,
        graph.destinationBlocks[d.block]!.sources.start,
      ]),
    ).toEqual(expected.dests.map((d) => [d.name, d.module_name, d.layer, d.head_idx, d.min_src_idx]));
    expect(
      graph.destinationBlocks.map((b) => [b.module, scoreShape(graph, b), b.sources.start, b.sources.stop]),
    ).toEqual(Object.entries(expected.masks).map(([module, mask]) => [module, mask.shape, ...mask.in_srcs]));
    expect([graph.edgesPerPosition, graph.edgeCount]).toEqual([expected.n_edges_per_position, expected.n_edges]);
  });

  it('counts edges as the formula does, for every kind of graph', () => {
    const layouts: GraphLayout[] = [{ kind: 'staged', layers: 3, heads: 2, dModel: 4 }];
    for (const mlp of [true, false]) {
      for (const parallel of mlp ? [true, false] : [false]) layouts.push({ ...TRANSFORMER, mlp, parallel });
    }
    for (const parallel of [true, false])
      layouts.push({
        ...TRANSFORMER,
        mlp: true,
        parallel,
        latents: { 'L0.mlp': [4, 2], [`L${TRANSFORMER.layers - 1}.mlp`]: [7] },
      });
    for (const parallel of [true, false])
      layouts.push({ ...TRANSFORMER, parallel, experts: [0, 5, 2], latents: { 'L0.mlp': [4, 2] } });
    for (const layout of layouts) {
      for (const splitQkv of [true, false]) {
        for (const kvInputs of layout.kind === 'transformer' && splitQkv
          ? (['query-head', 'kv-head'] as const)
          : (['query-head'] as const)) {
          const options: GraphOptions = { factorized: true, splitQkv, positions: 3, kvInputs };
          const graph = buildGraph(layout, options);
          expect(graph.edgesPerPosition).toBe(edgeCountFormula(layout, options));
          expect(graph.edgeCount).toBe(3 * graph.edgesPerPosition);
        }
      }
      if (layout.kind === 'transformer' && layout.parallel) continue;
      const residual: GraphOptions = { ...DEFAULT_GRAPH_OPTIONS, factorized: false };
      expect(buildGraph(layout, residual).edgeCount).toBe(edgeCountFormula(layout, residual));
    }
    // GPT-2 small, known from the literature.
    expect(build({ layers: 12, heads: 12, kvHeads: 12 }).edgeCount).toBe(32491);
  });

  it('reads and writes experts apart, and the router beside them', () => {
    const graph = build({ layers: 2, heads: 1, kvHeads: 1, experts: [0, 2] });
    expect(graph.sources.map(({ name, head }) => [name, head])).toEqual([
      ...[
        ['Resid Start', null],
        ['A0.0', 0],
        ['MLP 0', null],
        ['A1.0', 0],
      ],
      ...[
        ['MLP 1.E0', 0],
        ['MLP 1.E1', 1],
      ],
    ]);
    const last = graph.destinations.slice(-4);
    expect(last.map(({ name }) => name)).toEqual(['MLP 1.E0', 'MLP 1.E1', 'MLP 1.Router', 'Resid End']);
    expect(graph.destinationBlocks.slice(-3).map((b) => [b.site, b.input, b.heads, b.sources.stop])).toEqual([
      ['L1.mlp', 'experts', 2, 4],
      ['L1.mlp', 'router', null, 4],
      ['end', 'end', null, 6],
    ]);
    // an expert's input shows in that expert, the router's in all; neither at other positions
    const links = innerLinks(graph);
    const linked = last.map(({ index }) => links[index]!.map(({ source, moves }) => `${source.name} ${moves}`));
    expect(linked).toEqual([['MLP 1.E0 false'], ['MLP 1.E1 false'], ['MLP 1.E0 false', 'MLP 1.E1 false'], []]);
    const residual = build({ layers: 2, heads: 1, kvHeads: 1, experts: [0, 2] }, { factorized: false });
    const mid = residual.destinations.find(({ name }) => name === 'Resid Mid 1')!;
    expect(innerLinks(residual)[mid.index]!.map(({ source, moves }) => `${source.name} ${moves}`)).toEqual([
      ...['Resid Mid 1 false', 'MLP 1.E0 false', 'MLP 1.E1 false'],
    ]);
  });

  it('writes latents in the MLP’s stead, and what they leave', () => {
    const graph = build({ layers: 2, heads: 2, kvHeads: 2, latents: { 'L0.mlp': [17, 3] } });
    expect(graph.sources.map((source) => source.name)).toEqual([
      ...['Resid Start', 'A0.0', 'A0.1', 'MLP 0 Latent 17', 'MLP 0 Latent 3', 'MLP 0 Error', 'A1.0', 'A1.1', 'MLP 1'],
    ]);
    expect(graph.sourceBlocks.map(({ site, start, stop }) => [site, start, stop])).toContainEqual([
      'L0.mlp.latents',
      3,
      5,
    ]);
    const mlp = graph.destinations.find(({ name }) => name === 'MLP 0')!;
    expect(innerLinks(graph)[mlp.index]!.map(({ source, moves }) => [source.name, moves])).toEqual([
      ['MLP 0 Latent 17', false],
      ['MLP 0 Latent 3', false],
      ['MLP 0 Error', false],
    ]);
  });

  it('writes latents in the stream’s stead in the residual graph', () => {
    const layout = { layers: 2, heads: 2, kvHeads: 2, latents: { 'L0.post': [9, 5], 'L0.mid': [1], 'L1.mlp': [2] } };
    const graph = build(layout, { factorized: false });
    expect(graph.sources.map((source) => source.name)).toEqual([
      ...['Resid Start', 'A0.0', 'A0.1', 'Resid Mid 0 Latent 1', 'Resid Mid 0 Error', 'MLP 0'],
      ...['Resid Post 0 Latent 9', 'Resid Post 0 Latent 5', 'Resid Post 0 Error', 'A1.0', 'A1.1'],
      ...['Resid Mid 1', 'MLP 1 Latent 2', 'MLP 1 Error'],
    ]);
    // every source has one edge, to the next step
    expect(graph.edgeCount).toBe(graph.sources.length);
    expect(graph.edgeCount).toBe(edgeCountFormula(graph.layout, graph.options));
    const post = graph.destinations.find(({ name }) => name === 'Resid Post 0')!;
    expect(innerLinks(graph)[post.index]!.map(({ source, moves }) => [source.name, moves])).toEqual([
      ['Resid Post 0 Latent 9', false],
      ['Resid Post 0 Latent 5', false],
      ['Resid Post 0 Error', false],
      ['A1.0', true],
      ['A1.1', true],
    ]);
  });

  it('names grouped K and V inputs by query head or by KV head', () => {
    const names = (kvInputs: GraphOptions['kvInputs']) =>
      build({ layers: 1 }, { kvInputs })
        .destinations.map((d) => d.name)
        .join(' ');
    expect(names('query-head')).toBe(
      'A0.0.Q A0.0.K A0.0.V A0.1.Q A0.1.K A0.1.V A0.2.Q A0.2.K A0.2.V A0.3.Q A0.3.K A0.3.V MLP 0 Resid End',
    );
    expect(names('kv-head')).toBe('A0.0.Q A0.1.Q A0.kv0.K A0.kv0.V A0.2.Q A0.3.Q A0.kv1.K A0.kv1.V MLP 0 Resid End');
    const blocks = build({ layers: 1 }, { kvInputs: 'kv-head' }).destinationBlocks;
    expect(blocks.map((b) => [b.site, b.input, b.heads])).toEqual([
      ['L0.attn', 'q', 4],
      ['L0.attn', 'k', 2],
      ['L0.attn', 'v', 2],
      ['L0.mlp', 'mlp', null],
      ['end', 'end', null],
    ]);
  });

  it('says where each block is written and read', () => {
    const residual = build({ layers: 2 }, { factorized: false });
    expect(residual.sourceBlocks.map((b) => [b.site, b.start, b.stop])).toEqual([
      ['start', 0, 1],
      ['L0.attn', 1, 5],
      ['L0.mid', 5, 6],
      ['L0.mlp', 6, 7],
      ['L0.post', 7, 8],
      ['L1.attn', 8, 12],
      ['L1.mid', 12, 13],
      ['L1.mlp', 13, 14],
    ]);
    expect(residual.destinationBlocks.map((b) => [b.site, b.input])).toEqual([
      ['L0.mid', 'stream'],
      ['L0.post', 'stream'],
      ['L1.mid', 'stream'],
      ['end', 'end'],
    ]);
  });
});
