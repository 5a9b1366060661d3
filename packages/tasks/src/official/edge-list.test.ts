/** @file Lists of edges for circuits of papers: which edges they hold, and graphs that they refuse. */
import { buildGraph, DEFAULT_GRAPH_OPTIONS, type GraphLayout } from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import { errorWith } from '../testing/error-matcher.js';
import { edgeList } from './edge-list.js';
import type { PaperModel } from './paper-models.js';

const MODEL: PaperModel = { name: 'the small one', layers: 3, heads: 2, mlp: true, parallel: false };
const LAYOUT: GraphLayout = {
  kind: 'transformer',
  layers: 3,
  heads: 2,
  kvHeads: 2,
  dModel: 4,
  mlp: true,
  parallel: false,
};
const graphWith = (options: Partial<typeof DEFAULT_GRAPH_OPTIONS> = {}, layout: GraphLayout = LAYOUT) =>
  buildGraph(layout, { ...DEFAULT_GRAPH_OPTIONS, ...options });
const list = (options: Partial<typeof DEFAULT_GRAPH_OPTIONS> = {}, words: Readonly<Record<string, number>> = {}) =>
  edgeList('a task', graphWith(options), MODEL, words);

describe('connect', () => {
  it('adds the inputs asked for, and leaves out what the graph does not have', () => {
    const edges = list();
    edges.connect(['A0.1', 'A2.0'], ['A1.0', 'A0.0'], ['end'], ['Q', 'V']);
    expect(edges.names()).toEqual(['A0.1->A1.0.Q', 'A0.1->A1.0.V']); // A2.0 is later, and A0.0 beside A0.1
  });

  it('adds each edge once, MLPs and the end without inputs', () => {
    const edges = list();
    edges.connect(['A1.0'], ['MLP 1', 'Resid End'], ['end'], ['K']);
    edges.connect(['A1.0'], ['MLP 1'], ['S1']);
    expect(edges.names()).toEqual(['A1.0->MLP 1', 'A1.0->Resid End']);
  });

  it('takes the one input where Q, K and V are joint', () => {
    const edges = list({ splitQkv: false });
    edges.connect(['Resid Start'], ['A1.0'], ['end'], ['K', 'V']);
    expect(edges.names()).toEqual(['Resid Start->A1.0']);
  });

  it('names the words’ positions, and positions that are given as numbers', () => {
    const edges = list({ positions: 6 }, { S1: 2, end: 5 });
    edges.connect(['Resid Start'], ['MLP 0'], ['S1', 'end', 0]);
    expect(edges.names()).toEqual(['Resid Start->MLP 0@2', 'Resid Start->MLP 0@5', 'Resid Start->MLP 0@0']);
  });

  it('refuses a word without a position', () => {
    const edges = list({ positions: 6 }, { end: 5 });
    expect(() => edges.connect(['Resid Start'], ['MLP 0'], ['S1'])).toThrow(
      errorWith('unknown-word-position', { circuit: 'a task', word: 'S1' }),
    );
  });
});

describe('connectThroughMlps', () => {
  it('adds the MLPs between, among themselves too', () => {
    const edges = list({ positions: 4 }, { end: 3 });
    edges.connectThroughMlps(['A0.1'], ['A2.0'], ['end'], ['Q']);
    expect(new Set(edges.names())).toEqual(
      new Set([
        ...['A0.1->A2.0.Q@3', 'MLP 0->A2.0.Q@3', 'MLP 1->A2.0.Q@3'],
        ...['A0.1->MLP 0@3', 'A0.1->MLP 1@3', 'MLP 0->MLP 1@3'],
      ]),
    );
  });

  it('begins with the MLP of the first source’s own layer and ends before the last reader', () => {
    const edges = list();
    edges.connectThroughMlps(['A1.0'], ['Resid End'], ['end']);
    expect(edges.names().filter((name) => name.startsWith('MLP'))).toEqual([
      ...['MLP 1->Resid End', 'MLP 2->Resid End', 'MLP 1->MLP 2'],
    ]);
  });
});

describe('edgeList', () => {
  it('refuses another model’s graph', () => {
    const graph = graphWith({}, { ...LAYOUT, layers: 4 });
    expect(() => edgeList('a task', graph, MODEL, {})).toThrow(
      'the circuit of a task is one of the small one: expected 3 layers of 2 heads, got 4 layers of 2 heads',
    );
  });

  it('refuses the residual graph', () => {
    const graph = graphWith({ factorized: false });
    expect(() => edgeList('a task', graph, MODEL, {})).toThrow(errorWith('unsupported-graph', { circuit: 'a task' }));
  });
});
