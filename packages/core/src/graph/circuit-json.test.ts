import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { smallGraph } from '../testing/graphs.js';
import { makeCircuit } from './circuit.js';
import { circuitToJson, parseCircuitJson } from './circuit-json.js';
import { unflattenScores } from './score-index.js';

const ATTENTION_ONLY = { layers: 1, kvHeads: 2, mlp: false };
const graph = smallGraph({}, ATTENTION_ONLY); // 6 edges into heads, 3 into the end
const scores = unflattenScores(graph, [0.5, -2, 0, Number.NEGATIVE_INFINITY, 0.25, 0, 0.5, 0, 1]);
const circuit = makeCircuit(graph, [0, 1, 2, 3, 6, 8]);
const text = JSON.stringify(circuitToJson(circuit, scores));

describe('circuit.json', () => {
  it('says how edges were chosen, and which cannot change the output', () => {
    const [first] = circuit.edges;
    const json = circuitToJson(circuit, scores, { select: 'greedy', connected: makeCircuit(circuit.graph, [first!]) });
    expect(json.select).toBe('greedy');
    expect(json.edges.filter((edge) => edge.connected === false)).toHaveLength(circuit.edges.length - 1);
    expect(parseCircuitJson(JSON.stringify(json), 'circuit.json').circuit.edges).toEqual(circuit.edges);
    expect(circuitToJson(circuit, scores)).not.toHaveProperty('select');
  });
  it('lists edges by falling importance', () => {
    expect(circuitToJson(circuit, scores).edges).toEqual([
      { edge: 'Resid Start->A0.1.Q', score: '-inf' },
      { edge: 'Resid Start->A0.0.K', score: -2 },
      { edge: 'A0.1->Resid End', score: 1 },
      { edge: 'Resid Start->A0.0.Q', score: 0.5 },
      { edge: 'Resid Start->Resid End', score: 0.5 },
      { edge: 'Resid Start->A0.0.V', score: 0 },
    ]);
  });

  it('is read back whole, with and without a graph and scores', () => {
    const read = parseCircuitJson(text, 'circuit.json', graph);
    expect(read.circuit).toEqual(circuit);
    expect([...read.scores].sort(([a], [b]) => a - b)).toEqual([
      [0, 0.5],
      [1, -2],
      [2, 0],
      [3, Number.NEGATIVE_INFINITY],
      [6, 0.5],
      [8, 1],
    ]);
    const bare = parseCircuitJson(JSON.stringify(circuitToJson(circuit)), 'circuit.json');
    expect(bare.circuit).toEqual(circuit);
    expect(bare.scores.size).toBe(0);
  });

  it('takes a name without a position for the edge at all positions', () => {
    const positions = smallGraph({ positions: 2 }, ATTENTION_ONLY);
    const json = { ...circuitToJson(makeCircuit(positions, [])), edges: [{ edge: 'A0.1->Resid End', score: 2 }] };
    expect(parseCircuitJson(JSON.stringify(json), 'c.json').circuit.edges).toEqual([8, 17]);
    const own = JSON.stringify(circuitToJson(makeCircuit(positions, [3, 17])));
    expect(parseCircuitJson(own, 'c.json', positions).circuit.edges).toEqual([3, 17]);
  });

  const change = (edit: (json: ReturnType<typeof circuitToJson>) => void): string => {
    const json = structuredClone(circuitToJson(circuit, scores));
    edit(json);
    return JSON.stringify(json);
  };
  it.each([
    ['no JSON', '{"graph":', 'invalid-json', { path: 'c.json' }],
    ['an empty file', ' ', 'invalid-json', { path: 'c.json' }],
    [
      'a wrong field',
      change((j) => Object.assign(j.edges[1]!, { score: 'big' })),
      'invalid-file',
      { path: 'c.json', key: 'edges[1].score' },
    ],
    [
      'an unknown edge',
      change((j) => Object.assign(j.edges[1]!, { edge: 'A0.7->Resid End' })),
      'unknown-node',
      { name: 'A0.7' },
    ],
    [
      'an edge twice',
      change((j) => j.edges.push(j.edges[0]!)),
      'duplicate-edge',
      { path: 'c.json', name: 'Resid Start->A0.1.Q' },
    ],
    [
      'another graph',
      change((j) => Object.assign(j.graph.layout, { dModel: 8 })),
      'graph-mismatch',
      { path: 'c.json', key: 'dModel' },
    ],
    [
      'a wrong count',
      change((j) => Object.assign(j.graph, { edges: 8 })),
      'invalid-file',
      { path: 'c.json', key: 'graph.edges' },
    ],
  ])('refuses %s', (_, bad, code, fields) => {
    expect(errorOf(() => parseCircuitJson(bad, 'c.json', graph))).toMatchObject({ code, fields });
  });
});
