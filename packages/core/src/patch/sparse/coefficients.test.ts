import { describe, expect, it } from 'vitest';
import { maskFromEdges } from '../../graph/circuit.js';
import { edgesByName } from '../../graph/edges.js';
import { blocksAt } from '../../graph/site-blocks.js';
import type { Graph, Mask } from '../../graph/types.js';
import { graphOf } from '../../testing/patched-logits.js';
import { tinyTransformer } from '../../testing/tiny-transformer.js';
import { coefficientTable } from './coefficients.js';
import { select } from './row-selection.js';

// sources: 0 Resid Start, 1 A0.0, 2 A0.1, 3 MLP 0
const GRAPH = graphOf(tinyTransformer({ layers: 1 }));
const patched = (names: readonly string[], inside: number, graph = GRAPH): Mask =>
  maskFromEdges(
    graph,
    names.flatMap((name) => edgesByName(graph, name)),
    { inside, outside: 0 },
  );
const row = (graph: Graph, input: string, site: string, head = 0) => ({
  block: blocksAt(graph, site).find((block) => block.input === input)!,
  row: head,
});
const table = ({ shape, data }: ReturnType<typeof coefficientTable>) => ({ shape, data: [...data] });
const REQUEST = { graph: GRAPH, base: 'noising', variants: null, patchedGivesPatch: true } as const;

describe('the coefficients of a site', () => {
  it('are a column for the residual, which followers leave to themselves, then one for each source', () => {
    const selection = select({ ...REQUEST, masks: [patched(['Resid Start->A0.1.K', 'Resid Start->MLP 0'], 0.5)] });
    const rows = [row(GRAPH, 'k', 'L0.attn', 0), row(GRAPH, 'k', 'L0.attn', 1), row(GRAPH, 'mlp', 'L0.mlp')];
    expect(
      table(coefficientTable({ selection, site: 'L0.attn', byMask: false, rows, columns: [0], of: 'own' })),
    ).toEqual({
      shape: [3, 2],
      data: [1, 0, 1, 0.5, 0, 0.5],
    });
  });
  it('are 0 for sources that a row does not see', () => {
    const selection = select({ ...REQUEST, base: 'denoising', masks: [patched([], 0)] });
    const rows = [row(GRAPH, 'mlp', 'L0.mlp'), row(GRAPH, 'end', 'end')];
    expect(
      table(coefficientTable({ selection, site: 'L0.mlp', byMask: false, rows, columns: [2, 3], of: 'own' })),
    ).toEqual({
      shape: [2, 3],
      data: [1, -1, 0, 0, -1, -1],
    });
  });
  it('are by mask and by position where these have their own', () => {
    const graph = graphOf(tinyTransformer({ layers: 1 }), { positions: 2 });
    const masks = [patched(['A0.0->MLP 0@1'], 1, graph), patched(['A0.1->MLP 0@0'], 0.5, graph)];
    const selection = select({ ...REQUEST, graph, masks });
    const rows = [row(graph, 'mlp', 'L0.mlp')];
    const request = { selection, site: 'L0.mlp', rows, columns: [1, 2], of: 'own' } as const;
    expect(table(coefficientTable({ ...request, byMask: true }))).toEqual({
      shape: [2, 2, 1, 3],
      data: [...[1, 0, 0, 1, 1, 0], ...[1, 0, 0.5, 1, 0, 0]],
    });
  });
});

describe('the coefficients of variants', () => {
  const variants = {
    start: 'L0.attn',
    site: 'L0.mlp',
    edges: [['A0.1->MLP 0'], ['Resid Start->MLP 0', 'A0.0->MLP 0'], []].map((names) =>
      names.flatMap((name) => edgesByName(GRAPH, name)),
    ),
  };
  const selection = select({ ...REQUEST, masks: [patched(['A0.0->MLP 0'], 0.25)], variants });
  it('are the mask’s, and 1 at each variant’s own edges', () => {
    const request = { selection, site: 'L0.mlp', rows: [row(GRAPH, 'mlp', 'L0.mlp')], byMask: true } as const;
    expect(table(coefficientTable({ ...request, columns: [1, 2], of: 'own' }))).toEqual({
      shape: [3, 1, 3],
      data: [...[1, 0.25, 1], ...[1, 1, 0], ...[1, 0.25, 0]],
    });
  });
  it('of cached sources are the site’s own: followers add them themselves', () => {
    const rows = [row(GRAPH, 'q', 'L0.attn', 0), row(GRAPH, 'mlp', 'L0.mlp')];
    const whole = select({ ...REQUEST, masks: [patched(['Resid Start->A0.0.Q', 'Resid Start->MLP 0'], 1)] });
    expect(
      table(coefficientTable({ selection: whole, site: 'L0.attn', byMask: false, rows, columns: [0], of: 'cached' })),
    ).toEqual({
      shape: [2, 1],
      data: [1, 0],
    });
  });
});
