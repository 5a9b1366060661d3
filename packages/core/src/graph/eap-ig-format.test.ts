import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { SMALL_LAYOUT, smallGraph } from '../testing/graphs.js';
import { buildGraph } from './build.js';
import { makeCircuit } from './circuit.js';
import { type EapIgGraph, fromEapIg, toEapIg } from './eap-ig-format.js';
import { edgesByName } from './edges.js';
import { unflattenScores } from './score-index.js';
import type { GraphOptions } from './types.js';

const graph = smallGraph();
const scores = unflattenScores(
  graph,
  Float64Array.from({ length: graph.edgeCount }, (_, i) => Math.cos(i) / 3),
);
const circuit = makeCircuit(graph, [
  ...edgesByName(graph, 'Resid Start->A1.1.V'),
  ...edgesByName(graph, 'A1.1->Resid End'),
]);
const score = (name: string): number => {
  const number = edgesByName(graph, name)[0]!;
  return Math.cos(number) / 3;
};

describe("EAP-IG's graph", () => {
  it('has its names for nodes and edges', () => {
    const json = toEapIg(graph, scores, circuit);
    expect(json.cfg).toEqual({ n_layers: 2, n_heads: 2, parallel_attn_mlp: false, d_model: 4 });
    expect(Object.keys(json.nodes)).toEqual(['input', 'a0.h0', 'a0.h1', 'm0', 'a1.h0', 'a1.h1', 'm1', 'logits']);
    expect(
      Object.entries(json.nodes)
        .filter(([, { in_graph }]) => in_graph)
        .map(([name]) => name),
    ).toEqual(['input', 'a1.h1', 'logits']);
    expect(Object.keys(json.edges)).toHaveLength(graph.edgeCount);
    expect(json.edges['input->a1.h1<v>']).toEqual({ score: score('Resid Start->A1.1.V'), in_graph: true });
    expect(json.edges['a0.h1->m0']).toEqual({ score: score('A0.1->MLP 0'), in_graph: false });
    expect(json.edges['m0->a1.h0<q>']).toEqual({ score: score('MLP 0->A1.0.Q'), in_graph: false });
    expect(json.edges['a1.h1->logits']!.in_graph).toBe(true);
  });

  it.each([circuit, undefined])('comes back exactly', (kept) => {
    const json = JSON.parse(JSON.stringify(toEapIg(graph, scores, kept))) as unknown;
    const read = fromEapIg(json, SMALL_LAYOUT);
    expect(read.scores).toEqual(scores);
    expect(read.circuit.edges).toEqual(kept?.edges ?? Array.from({ length: graph.edgeCount }, (_, i) => i));
    expect(toEapIg(read.graph, read.scores, read.circuit)).toEqual(json);
  });

  it('holds parallel models', () => {
    const layout = { ...SMALL_LAYOUT, parallel: true };
    const parallel = buildGraph(layout);
    const own = unflattenScores(parallel, new Float64Array(parallel.edgeCount).fill(0.5));
    const json = toEapIg(parallel, own);
    expect(json.edges['a0.h0->m0']).toBeUndefined();
    expect(fromEapIg(json, layout).scores).toEqual(own);
  });

  it.each([
    [{ factorized: false }, /got the residual graph/],
    [{ positions: 2 }, /got edges by token position/],
    [{ splitQkv: false }, /got joint QKV/],
    [{ kvInputs: 'kv-head' }, /got K and V inputs by KV head/],
  ] as const)('refuses %o', (options: Partial<GraphOptions>, message) => {
    const other = smallGraph(options);
    expect(() => toEapIg(other, unflattenScores(other, new Float64Array(other.edgeCount)))).toThrow(message);
  });

  const change = (edit: (json: EapIgGraph) => void): EapIgGraph => {
    const json = structuredClone(toEapIg(graph, scores, circuit));
    edit(json);
    return json;
  };
  it('says what is wrong with a file', () => {
    const refused = (json: unknown, layout = SMALL_LAYOUT) => expect(errorOf(() => fromEapIg(json, layout, 'g.json')));
    const path = 'g.json';
    const whole = change(() => {});
    refused({}).toMatchObject({ code: 'invalid-file', fields: { path, key: 'cfg' } });
    refused(change((j) => Object.assign(j.edges['m0->m1']!, { score: null }))).toMatchObject({
      code: 'invalid-file',
      fields: { path, key: 'edges.m0->m1.score' },
    });
    refused(change((j) => delete j.edges['m0->m1'])).toMatchObject({
      code: 'graph-mismatch',
      fields: { path, key: 'edges', missing: 'm0->m1' },
    });
    refused(change((j) => Object.assign(j.edges, { 'm0->m2': { score: 1, in_graph: false } }))).toMatchObject({
      code: 'unknown-edge',
      fields: { path, name: 'm0->m2', nearest: expect.arrayContaining(['m0->m1']) },
    });
    refused(whole, { ...SMALL_LAYOUT, layers: 3 }).toMatchObject({
      code: 'graph-mismatch',
      fields: { path, key: 'n_layers' },
    });
    refused(whole, { ...SMALL_LAYOUT, mlp: false }).toMatchObject({ code: 'unsupported-graph' });
    const infinite = unflattenScores(graph, new Float64Array(graph.edgeCount).fill(Number.POSITIVE_INFINITY));
    expect(errorOf(() => toEapIg(graph, infinite))).toMatchObject({
      code: 'not-finite',
      fields: { name: 'Resid Start->A0.0.Q' },
    });
  });
});
