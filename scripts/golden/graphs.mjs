/** @file The graph of a variant: nodes, masks and edges, all in the reference's names and order. */
import { allEdges, buildGraph, scoreShape } from '@auto-circuit/core/plugin';
import { graphOptions } from './case.mjs';
import { exactOutcome } from './compare.mjs';

export async function* checkGraph({ golden, raw }, variant) {
  const expected = golden.expected.graphs[variant];
  const graph = buildGraph(raw.model.spec.layout, graphOptions(variant, golden.expected.prompts.seq_len));
  const name = (what) => `${variant}/graph/${what}`;
  yield exactOutcome(
    name('sources'),
    graph.sources.map((s) => [s.name, s.module, s.layer, s.head, s.index]),
    expected.srcs.map((s) => [s.name, s.module_name, s.layer, s.head_idx, s.src_idx]),
  );
  yield exactOutcome(
    name('destinations'),
    graph.destinations.map((d) => [d.name, d.module, d.layer, d.head]),
    expected.dests.map((d) => [d.name, d.module_name, d.layer, d.head_idx]),
  );
  yield exactOutcome(
    name('masks'),
    sorted(graph.destinationBlocks.map((block) => [block.module, scoreShape(graph, block), [block.sources.start, block.sources.stop]])),
    sorted(Object.entries(expected.masks).map(([module, { shape, in_srcs }]) => [module, shape, in_srcs])),
  );
  const edges = allEdges(graph).slice(0, graph.edgesPerPosition);
  yield exactOutcome(
    name('edges'),
    edges.map((edge) => [edge.source.name, edge.destination.name]),
    expected.edges.map(([source, destination]) => [source, destination]),
  );
  yield exactOutcome(name('counts'), [graph.edgesPerPosition, graph.edgeCount], [expected.n_edges_per_position, expected.n_edges]);
}

const sorted = (rows) => [...rows].sort((a, b) => (a[0] < b[0] ? -1 : 1));
