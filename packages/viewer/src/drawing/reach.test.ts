/** @file What leads on to the output, and what heads move between positions, on circuits small enough to see. */
import { edgesByName, makeCircuit } from '@auto-circuit/core';
import { describe, expect, it } from 'vitest';
import { circuitDataOf, rankedEdges } from '../sections/circuit-data-of.js';
import { exampleInput } from '../testing/example-input.js';
import { edgesKept } from './circuit-data.js';
import { circuitLayout } from './circuit-layout.js';
import { headMoves, movesMarkup } from './head-moves.js';
import { placeName } from './node-markup.js';
import { reachesOutput } from './reach.js';

function drawingOf(positions: number | null, names: readonly string[]) {
  const input = exampleInput({ layers: 3, heads: 2, positions });
  const edges = names.flatMap((name) => edgesByName(input.graph, name));
  const kept = { ...input, circuit: makeCircuit(input.graph, edges) };
  const data = circuitDataOf(kept, rankedEdges(kept));
  const shown = edgesKept(data, null);
  const layout = circuitLayout(data, shown);
  const named = (keys: ReadonlySet<number>) =>
    [...keys].map((key) => placeName(data, layout.places.get(key)!)).toSorted();
  return { data, shown, layout, named };
}

describe('reachesOutput', () => {
  it('follows edges from the output down', () => {
    const { data, shown, named } = drawingOf(null, [
      'Resid Start->A0.0.V',
      'A0.0->A1.1.Q',
      'A1.1->Resid End',
      'Resid Start->MLP 1',
      'MLP 1->A2.0.K',
    ]);
    expect(named(reachesOutput(data, shown))).toEqual(['A0.0', 'A1.1', 'Resid End', 'Resid Start']);
  });

  it('follows heads from the position of their keys and values to later ones, but not from that of a query', () => {
    const { data, shown, named } = drawingOf(4, [
      'Resid Start->A0.0.V@1',
      'Resid Start->A0.1.Q@1',
      'Resid Start->A0.1.K@3',
      'A0.0->Resid End@3',
      'A0.1->Resid End@2',
    ]);
    expect(named(reachesOutput(data, shown))).toEqual([
      'A0.0 at 1',
      'A0.0 at 3',
      'A0.1 at 2',
      'Resid End at 2',
      'Resid End at 3',
      'Resid Start at 1',
    ]);
  });
});

describe('headMoves', () => {
  it('joins the positions where a head reads keys and values to later ones where it writes or asks', () => {
    const { data, shown, layout } = drawingOf(5, [
      'Resid Start->A0.0.V@1',
      'Resid Start->A0.0.K@2',
      'Resid Start->A0.0.V@4',
      'A0.0->Resid End@3',
      'A0.0->Resid End@1',
      'Resid Start->A0.0.Q@4',
      'Resid Start->A0.1.V@3',
      'A0.1->Resid End@3',
      'A0.1->Resid End@2',
    ]);
    const moves = headMoves(data, shown);
    expect(moves.map(({ node, ...at }) => ({ name: data.nodes[node]!.name, ...at }))).toEqual([
      { name: 'A0.0', from: [1, 2], to: [3, 4] },
    ]);
    const markup = movesMarkup(data, layout, moves);
    expect(markup.match(/class="move"/g)).toHaveLength(1);
    expect(markup.match(/l-2\.6/g)).toHaveLength(2);
  });

  it('has nothing to say where positions have no edges of their own', () => {
    const { data, shown } = drawingOf(null, ['Resid Start->A0.0.V', 'A0.0->Resid End']);
    expect(headMoves(data, shown)).toEqual([]);
  });
});
