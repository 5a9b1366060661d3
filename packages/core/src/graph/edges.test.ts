import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { smallGraph } from '../testing/graphs.js';
import { buildGraph } from './build.js';
import { allEdges, edgeAt, edgeNumber, edgesByName } from './edges.js';
import { sourceNamed } from './node-names.js';
import { checkScores, edgeNumberAt, flattenScores, scorePlace, unflattenScores } from './score-index.js';
import type { GraphLayout, PruneScores } from './types.js';

const golden = JSON.parse(readFileSync(new URL('../../test-data/graphs.json', import.meta.url), 'utf8')) as {
  case: string;
  variant: string;
  layout: GraphLayout;
  graph: {
    factorized: boolean;
    separate_qkv: boolean | null;
    seq_len: number | null;
    edges: [string, string, number[]][];
    dests: { name: string; module_name: string }[];
    masks: Record<string, { shape: number[] }>;
  };
}[];
const plain = smallGraph();
const byPosition = smallGraph({ positions: 3 });

describe('edges', () => {
  it.each(golden)('have the numbers and places of AutoCircuit: $case $variant', ({ layout, graph: expected }) => {
    const { factorized, separate_qkv, seq_len, masks, edges, dests } = expected;
    const graph = buildGraph(layout, {
      factorized,
      splitQkv: separate_qkv ?? true,
      positions: seq_len,
      kvInputs: 'query-head',
    });
    const moduleOf = new Map(dests.map((d) => [d.name, d.module_name]));
    const got = allEdges(graph);
    for (let position = 0; position < (seq_len ?? 1); position++) {
      for (const [i, [source, destination, place]] of edges.entries()) {
        const number = position * edges.length + i;
        const edge = got[number]!;
        expect(edge.name).toBe(`${source}->${destination}${seq_len === null ? '' : `@${position}`}`);
        const module = moduleOf.get(destination)!;
        const at = seq_len === null ? place : [position, ...place];
        const offset = at.reduce((sum, index, axis) => sum * masks[module]!.shape[axis]! + index, 0);
        expect(scorePlace(graph, number)).toEqual({ module, offset });
        expect(edgeNumberAt(graph, { module, offset })).toBe(number);
        expect(edgeNumber(graph, edge)).toBe(number);
      }
    }
  });

  it('are found by name, at one position or at all', () => {
    expect(edgesByName(plain, 'MLP 1->Resid End')).toEqual([plain.edgeCount - 1]);
    const n = byPosition.edgesPerPosition;
    expect(edgesByName(byPosition, 'MLP 1->Resid End')).toEqual([n - 1, 2 * n - 1, 3 * n - 1]);
    expect(edgesByName(byPosition, 'MLP 1->Resid End@1')).toEqual([2 * n - 1]);
    for (const edge of allEdges(byPosition)) expect(edgesByName(byPosition, edge.name)).toEqual([edge.number]);
  });

  it.each([
    ['A0.0.Q->Resid End', 'unknown-node', { name: 'A0.0.Q', side: 'source', nearest: ['A0.0'] }],
    ['A0.0->A1.5.K', 'unknown-node', { name: 'A1.5.K', side: 'destination' }],
    ['A1.0->MLP 0', 'unknown-edge', { name: 'A1.0->MLP 0' }],
    ['A0.0->Resid End@1', 'unknown-edge', { name: 'A0.0->Resid End@1', position: 1 }],
    ['A0.0', 'unknown-edge', { name: 'A0.0' }],
    ['->', 'unknown-node', { name: '', side: 'source' }],
  ])('refuse %s', (name, code, fields) => {
    expect(errorOf(() => edgesByName(plain, name))).toMatchObject({ code, fields });
  });

  it('offer the nearest names, and say where the wrong one stands', () => {
    expect(() => edgesByName(plain, 'A0.0.Q->Resid End')).toThrow(
      /unknown source node in "A0\.0\.Q->Resid End": "A0\.0\.Q"; did you mean "A0\.0"/,
    );
    expect(() => edgesByName(plain, 'A0.0->A1.5.K')).toThrow(/did you mean "A1\.0\.K"/);
    expect(() => edgesByName(plain, 'A1.0->MLP 0')).toThrow(
      /expected a source that MLP 0 reads \(Resid Start … A0\.1\)/,
    );
  });

  it('refuse positions and numbers that the graph does not have', () => {
    expect(errorOf(() => edgesByName(byPosition, 'MLP 1->Resid End@3'))).toMatchObject({
      code: 'unknown-edge',
      fields: { name: 'MLP 1->Resid End@3', position: 3 },
    });
    for (const number of [plain.edgeCount, 0.5, -1]) {
      expect(errorOf(() => edgeAt(plain, number))).toMatchObject({ code: 'unknown-edge', fields: { number } });
    }
    // Far from every name: a few are enough.
    const deep = smallGraph({}, { layers: 5 });
    const { sources } = deep;
    expect(() => sourceNamed(deep, 'nothing like it')).toThrow(
      `known: ${sources
        .slice(0, 8)
        .map(({ name }) => name)
        .join(', ')}, … (${sources.length} in all)`,
    );
    expect(errorOf(() => sourceNamed(plain, 'MPL 1'))).toMatchObject({
      code: 'unknown-node',
      fields: { nearest: ['MLP 1'] },
    });
  });
});

describe('scores as a list', () => {
  it.each([plain, byPosition])('goes to tensors and back', (graph) => {
    const flat = Float64Array.from({ length: graph.edgeCount }, (_, i) => Math.sin(i));
    const scores = unflattenScores(graph, flat);
    expect(flattenScores(graph, scores)).toEqual(flat);
    expect(unflattenScores(graph, Float32Array.from(flat))['blocks.0.hook_mlp_in']!.data).toBeInstanceOf(Float32Array);
    const end = scores['blocks.1.hook_resid_post']!;
    expect(end.data.at(-1)).toBe(flat.at(-1));
  });

  it('is checked against the graph', () => {
    const good = unflattenScores(plain, new Float64Array(plain.edgeCount).fill(Number.POSITIVE_INFINITY));
    expect(() => checkScores(plain, good)).not.toThrow();
    const { 'blocks.0.hook_mlp_in': mlp, ...missing } = good;
    const module = 'blocks.0.hook_mlp_in';
    const refused = (bad: PruneScores) => expect(errorOf(() => checkScores(plain, bad)));
    refused(missing).toMatchObject({ code: 'wrong-scores', fields: { module } });
    const extra: PruneScores = { ...missing, 'blocks.0.hook_mlp': mlp! };
    refused(extra).toMatchObject({
      code: 'wrong-scores',
      fields: { module: 'blocks.0.hook_mlp', nearest: [module, 'blocks.1.hook_mlp_in'] },
    });
    refused({ ...good, [module]: { ...mlp!, shape: [1, 3] } }).toMatchObject({
      code: 'wrong-scores',
      fields: { module, shape: [1, 3], expectedShape: [3] },
    });
    const nan = new Float64Array([0, Number.NaN, 0]);
    refused({ ...good, [module]: { ...mlp!, data: nan } }).toMatchObject({
      code: 'wrong-scores',
      fields: { module, offset: 1 },
    });
    expect(errorOf(() => unflattenScores(plain, [1, 2]))).toMatchObject({ code: 'wrong-scores', fields: { count: 2 } });
  });
});
