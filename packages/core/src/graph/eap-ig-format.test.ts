import { describe, expect, it } from 'vitest';
import { floatTensor } from '../tensor/tensor.js';
import { errorOf } from '../testing/errors.js';
import { SMALL_LAYOUT, smallGraph } from '../testing/graphs.js';
import { buildGraph } from './build.js';
import { makeCircuit } from './circuit.js';
import { type EapIgGraph, toEapIg } from './eap-ig-format.js';
import { circuitOfEdges, fromEapIg, parseEapIgText } from './eap-ig-read.js';
import { edgeEnds, edgesByName } from './edges.js';
import { flattenScores, unflattenScores } from './score-index.js';
import type { GraphOptions, PruneScores } from './types.js';

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
    expect(read).toMatchObject({ scoresOf: 'edges', nodes: null, neurons: null });
    expect(read.circuit?.edges).toEqual(kept?.edges); // all edges in the graph choose nothing
    expect(toEapIg(read.graph, read.scores, read.circuit ?? undefined)).toEqual(json);
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

  it('refuses experts, which have no names there', () => {
    const mixture = buildGraph({ ...SMALL_LAYOUT, experts: [0, 2] });
    const refusal = { code: 'unsupported-graph', fields: { reason: 'a mixture of experts' } };
    expect(errorOf(() => toEapIg(mixture, null))).toMatchObject(refusal);
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
    refused(change((j) => delete j.edges['m0->m1']!.score)).toMatchObject({
      code: 'invalid-file',
      fields: { path, key: 'edges.m0->m1.score' },
    });
    refused(change((j) => Object.assign(j.nodes, { m2: { in_graph: false, score: 1 } }))).toMatchObject({
      code: 'unknown-node',
      fields: { path, name: 'm2', nearest: expect.arrayContaining(['m1']) },
    });
    refused(change((j) => Object.assign(j.nodes.m1!, { neurons_scores: [1, 2, 3] }))).toMatchObject({
      code: 'graph-mismatch',
      fields: { path, key: 'nodes.m1.neurons_scores' },
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

  const zeros = unflattenScores(graph, new Float64Array(graph.edgeCount));
  const nodes = {
    scores: floatTensor(
      Float64Array.from(graph.sources, (_, i) => i + 0.5),
      [7],
    ),
    neurons: floatTensor(
      Float64Array.from({ length: 28 }, (_, i) => i / 8),
      [7, 4],
    ),
  };
  const ofSource = (read: { scores: PruneScores | null }): number[] =>
    Array.from(flattenScores(graph, read.scores!), (own, n) => own - edgeEnds(graph, n).source.index);

  it('scores of nodes and neurons come back; edges without any of their own get their source’s', () => {
    const json = toEapIg(graph, zeros, undefined, { nodes });
    expect(json.nodes['a1.h0']).toEqual({ in_graph: true, score: 4.5, neurons_scores: [2, 2.125, 2.25, 2.375] });
    const read = fromEapIg(json, SMALL_LAYOUT);
    expect(read).toMatchObject({ nodes, scoresOf: 'nodes', circuit: null, neurons: null });
    expect(new Set(ofSource(read))).toEqual(new Set([0.5]));
    // Edges that have scores keep them.
    expect(fromEapIg(toEapIg(graph, scores, circuit, { nodes }), SMALL_LAYOUT)).toMatchObject({
      scores,
      nodes,
      scoresOf: 'edges',
    });
    // A node without a score of its own has its neurons' sum: [0.5 i + (0 + 1/8 + 2/8 + 3/8)] = 2 i + 0.75.
    const neuronsOnly = structuredClone(json);
    for (const node of Object.values(neuronsOnly.nodes)) delete node.score;
    const summed = fromEapIg(neuronsOnly, SMALL_LAYOUT);
    expect(summed.scoresOf).toBe('neurons');
    expect(Array.from(summed.nodes!.scores.data)).toEqual(graph.sources.map((_, i) => 2 * i + 0.75));
  });

  it('a node without a score, NaN in files of Python, is always kept there: ∞ here, and none again there', () => {
    const json = toEapIg(graph, zeros, undefined, { nodes: { scores: nodes.scores } });
    const text = JSON.stringify(json).replace('"score":2.5', '"score": NaN');
    expect(() => JSON.parse(text)).toThrow();
    const read = fromEapIg(parseEapIgText(text, { where: 'test', path: 'g.json' }), SMALL_LAYOUT);
    expect(Array.from(read.nodes!.scores.data)).toEqual([0.5, 1.5, Number.POSITIVE_INFINITY, 3.5, 4.5, 5.5, 6.5]);
    expect(toEapIg(graph, zeros, undefined, { nodes: read.nodes! }).nodes['a0.h1']).toEqual({ in_graph: true });
  });

  it('a circuit without scores has its edges and no scores; early versions have nodes as booleans', () => {
    const json = toEapIg(graph, null, circuit);
    expect(json.edges['a1.h1->logits']).toEqual({ in_graph: true });
    expect(fromEapIg(json, SMALL_LAYOUT)).toMatchObject({ scores: null, scoresOf: null, circuit });
    const early = { ...json, nodes: { input: true, m0: false } };
    expect(fromEapIg(early, SMALL_LAYOUT).circuit!.edges).toEqual(circuit.edges);
  });

  it('circuits of neurons are kept, and refused where edges run whole', () => {
    const whole = graph.sources.map(() => [true, true, true, true]);
    const part = whole.with(5, [true, false, true, false]); // A1.1, a source of the circuit
    const outside = whole.with(1, [false, true, true, true]); // A0.0, of no edge in it
    const read = (neurons: boolean[][], kept = circuit) =>
      fromEapIg(toEapIg(graph, scores, kept, { neurons }), SMALL_LAYOUT);
    expect(read(part).neurons).toEqual(part);
    expect(errorOf(() => circuitOfEdges(read(part), 'g.json'))).toMatchObject({
      code: 'unsupported-graph',
      fields: { path: 'g.json', reason: 'neurons', node: 'A1.1' },
    });
    expect(circuitOfEdges(read(outside), 'g.json')!.edges).toEqual(circuit.edges);
    const every = makeCircuit(graph, Array(graph.edgeCount).keys());
    expect(() => circuitOfEdges(read(outside, every), 'g.json')).toThrow(/circuit of neurons/);
    // Before EAP-IG has chosen any, all are false: that is no circuit.
    const none = whole.map(() => [false, false, false, false]);
    expect(read(none).neurons).toBeNull();
    const numbers = structuredClone(toEapIg(graph, scores, circuit, { neurons: part }));
    Object.assign(numbers.nodes['a1.h1']!, { neurons: [1, 0, 1, 0] });
    expect(fromEapIg(numbers, SMALL_LAYOUT).neurons).toEqual(part);
  });
});
