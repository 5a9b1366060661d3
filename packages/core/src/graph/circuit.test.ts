import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { circuitByName, smallGraph } from '../testing/graphs.js';
import { type ConnectedOptions, connectedPart, makeCircuit, maskFromEdges } from './circuit.js';
import { allEdges, edgeAt } from './edges.js';
import { flattenScores } from './score-index.js';
import type { Circuit, Graph } from './types.js';

const plain = smallGraph();
const byPosition = smallGraph({ positions: 3 });
const grouped = smallGraph({ kvInputs: 'kv-head' });
const residual = smallGraph({ factorized: false });
const parallel = smallGraph({}, { parallel: true });

const names = ({ graph, edges }: Circuit): string[] => edges.map((number) => edgeAt(graph, number).name);
const BOTH: ConnectedOptions = { requireWayIn: true, requireWayOut: true };
const connected = (graph: Graph, edges: string[], options: ConnectedOptions = BOTH): string[] =>
  names(connectedPart(circuitByName(graph, edges), options)).sort();

describe('makeCircuit', () => {
  it('sorts, drops repeats and freezes', () => {
    const made = makeCircuit(plain, [5, 1, 5, 3]);
    expect(made.edges).toEqual([1, 3, 5]);
    expect(Object.isFrozen(made) && Object.isFrozen(made.edges)).toBe(true);
    expect(errorOf(() => makeCircuit(plain, [plain.edgeCount]))).toMatchObject({
      code: 'unknown-edge',
      fields: { number: plain.edgeCount },
    });
  });
});

describe('maskFromEdges', () => {
  it.each([plain, byPosition, residual])('puts one value inside and one outside', (graph) => {
    const { perItem, tensors } = maskFromEdges(graph, [2, graph.edgeCount - 1], { inside: 0.25, outside: 0.75 });
    const expected = new Float64Array(graph.edgeCount).fill(0.75);
    expected[2] = 0.25;
    expected[graph.edgeCount - 1] = 0.25;
    expect(perItem).toBe(false);
    expect(flattenScores(graph, tensors)).toEqual(expected);
  });
});

describe('connectedPart', () => {
  it('keeps a chain and drops what hangs loose, again and again', () => {
    const chain = ['A0.0->A1.1.K', 'A1.1->Resid End', 'Resid Start->A0.0.V'].sort();
    // A0.1 has no way in, so MLP 0 loses its only one and then A1.0; MLP 1 has no way out.
    const loose = ['A0.1->MLP 0', 'MLP 0->A1.0.Q', 'A1.0->Resid End', 'A1.1->MLP 1'];
    expect(connected(plain, [...chain, ...loose])).toEqual(chain);
    expect(connected(plain, [...chain, ...loose], { requireWayIn: false, requireWayOut: true })).toEqual(
      [...chain, ...loose.slice(0, 3)].sort(),
    );
    expect(connected(plain, [...chain, ...loose], { requireWayIn: true, requireWayOut: false })).toEqual(
      [...chain, 'A1.1->MLP 1'].sort(),
    );
  });

  it('does not join different heads, nor attention and MLP of a parallel block', () => {
    expect(connected(plain, ['Resid Start->A0.0.Q', 'A0.1->Resid End'])).toEqual([]);
    expect(connected(parallel, ['Resid Start->A0.0.Q', 'MLP 0->Resid End'])).toEqual([]);
    expect(connected(parallel, ['Resid Start->MLP 0', 'MLP 0->Resid End'])).toHaveLength(2);
  });

  it('leads a KV head to every query head of its group', () => {
    const edges = ['Resid Start->A0.kv0.K', 'A0.0->Resid End', 'A0.1->Resid End'].sort();
    expect(connected(grouped, edges)).toEqual(edges);
  });

  it('moves information between positions through K and V only, and only forward', () => {
    const attention = ['Resid Start->A0.0.K@0', 'A0.0->Resid End@2'].sort();
    expect(connected(byPosition, attention)).toEqual(attention);
    expect(connected(byPosition, ['Resid Start->A0.0.K@2', 'A0.0->Resid End@1'])).toEqual([]);
    expect(connected(byPosition, ['Resid Start->A0.0.Q@0', 'A0.0->Resid End@2'])).toEqual([]);
    expect(connected(byPosition, ['Resid Start->MLP 0@0', 'MLP 0->Resid End@2'])).toEqual([]);
    const here = ['MLP 0->Resid End@1', 'Resid Start->MLP 0@1'];
    expect(connected(byPosition, here)).toEqual(here);
    const backward = ['A0.0->Resid End@1', 'Resid Start->A0.0.K@2'];
    expect(connected(byPosition, backward, { ...BOTH, attention: 'full' })).toEqual(backward);
  });

  it('follows the stream in the residual graph', () => {
    // Head A1.0 and MLP 1 read the stream behind Resid Post 0 and Resid Mid 1 without an edge; A0.0 reads the input itself.
    const edges = ['A0.0->Resid Mid 0', 'MLP 0->Resid Post 0', 'A1.0->Resid Mid 1', 'MLP 1->Resid End'].sort();
    expect(connected(residual, edges)).toEqual(edges);
    expect(connected(residual, ['MLP 0->Resid Post 0', 'A1.0->Resid Mid 1', 'MLP 1->Resid End'])).toEqual([]);
    expect(connected(residual, ['A0.0->Resid Mid 0', 'Resid Post 0->Resid Mid 1'])).toEqual([]);
  });

  it.each([plain, byPosition, grouped, parallel, residual])(
    'keeps the whole graph and nothing of an empty one',
    (graph) => {
      expect(
        connectedPart(
          makeCircuit(
            graph,
            allEdges(graph).map((edge) => edge.number),
          ),
          BOTH,
        ).edges,
      ).toHaveLength(graph.edgeCount);
      expect(connectedPart(makeCircuit(graph, []), BOTH).edges).toEqual([]);
    },
  );

  it.each([plain, byPosition, grouped, parallel, residual])(
    'equals dropping edges one by one until nothing changes',
    (graph) => {
      for (let seed = 1; seed <= 20; seed++) {
        const edges = allEdges(graph).filter(
          ({ number }) => (Math.imul(number + 1, seed * 2654435761) >>> 0) % 100 < 10 + seed,
        );
        expect(
          connectedPart(
            makeCircuit(
              graph,
              edges.map((e) => e.number),
            ),
            BOTH,
          ).edges,
        ).toEqual(
          slowConnected(
            graph,
            edges.map((e) => e.number),
          ),
        );
      }
    },
  );
});

/** The obvious twin: drop every edge that no kept edge leads to or goes on from, and look again. */
function slowConnected(graph: Graph, edges: number[]): number[] {
  const kept = edges.map((number) => edgeAt(graph, number));
  const leads = (a: (typeof kept)[number], b: (typeof kept)[number]): boolean => {
    const [to, from] = [a.destination, b.source];
    const { input, site } = graph.destinationBlocks[to.block]!;
    const moves = from.head !== null && (input === 'k' || input === 'v' || input === 'stream');
    if (moves ? (b.position ?? 0) < (a.position ?? 0) : a.position !== b.position) return false;
    if (input === 'stream') return to.layer === from.layer;
    if (site !== graph.sourceBlocks.find((block) => from.index >= block.start && from.index < block.stop)!.site)
      return false;
    return to.head === null || to.head === from.head || (graph === grouped && (input === 'k' || input === 'v'));
  };
  const start = (edge: (typeof kept)[number]): boolean => edge.source.layer === 0;
  const left = kept.filter(
    (edge) =>
      (start(edge) || kept.some((other) => leads(other, edge))) &&
      (edge.destination.name === 'Resid End' || kept.some((other) => leads(edge, other))),
  );
  return left.length === kept.length
    ? edges
    : slowConnected(
        graph,
        left.map((edge) => edge.number),
      );
}
