/** @file That no edge runs under a box that it does not belong to, in drawings of every shape, and that ways are short. */
import { describe, expect, it } from 'vitest';
import { circuitDataOf, rankedEdges } from '../sections/circuit-data-of.js';
import { exampleInput } from '../testing/example-input.js';
import { boxOver, nodeBoxes, pathPoints } from '../testing/path-samples.js';
import { type CircuitData, edgeName, edgesShown, fromNode, toNode } from './circuit-data.js';
import { type CircuitLayout, circuitLayout, placeKey } from './circuit-layout.js';
import { circuitParts, smallCircuitSvg } from './circuit-svg.js';
import { edgeRoute, routePath } from './edge-route.js';

/** Names of edges whose drawn path passes a box of a node that it neither leaves nor enters. */
function underBoxes(data: CircuitData, edges: readonly number[]): string[] {
  const { layout, nodes } = circuitParts(data, edges);
  const boxes = nodeBoxes(nodes);
  expect(boxes.length).toBeGreaterThan(3);
  return edges
    .filter((edge) => boxOver(pathPoints(routePath(edgeRoute(data, layout, edge))), foreign(data, edge, boxes)))
    .map((edge) => edgeName(data, edge));
}
function foreign<T extends { readonly key: number }>(data: CircuitData, edge: number, boxes: readonly T[]): T[] {
  const position = data.edges.position?.[edge] ?? null;
  const own = [fromNode(data, edge), toNode(data, edge)].map((node) => placeKey(data, node, position));
  return boxes.filter(({ key }) => !own.includes(key));
}
const drawn = (options: Parameters<typeof exampleInput>[0], size: number) => {
  const input = exampleInput(options);
  const data = circuitDataOf(input, rankedEdges(input));
  return { data, edges: edgesShown(data, size, null) };
};

describe('edgeRoute', () => {
  it.each([
    ['3 layers of 4 heads', { layers: 3, heads: 4 }, 40],
    ['3 layers of 4 heads, all edges', { layers: 3, heads: 4 }, 262],
    ['3 layers of 4 heads at 15 positions', { layers: 3, heads: 4, positions: 15 }, 40],
    ['3 layers of 4 heads at 15 positions, many edges', { layers: 3, heads: 4, positions: 15 }, 700],
    ['the shape of SmolLM2', { layers: 30, heads: 9 }, 200],
    ['the shape of SmolLM2, many edges', { layers: 30, heads: 9 }, 700],
    ['the shape of GPT-2', { layers: 12, heads: 12 }, 100],
    ['16 layers of 32 heads', { layers: 16, heads: 32 }, 500],
    ['edges along the residual stream', { layers: 4, heads: 6, factorized: false }, 300],
    ['latents beside MLPs', { layers: 2, heads: 2, latents: { 'L0.mlp': [17, 3, 5] } }, 300],
  ])('keeps clear of all other boxes: %s', (_, options, size) => {
    const { data, edges } = drawn(options, size);
    expect(underBoxes(data, edges)).toEqual([]);
  });

  it('keeps clear in small drawings too, and of the dots of nodes without edges', () => {
    const { data, edges } = drawn({ layers: 3, heads: 4 }, 12);
    const layout = circuitLayout(data, edges);
    const absent = [...layout.places].filter(([, { on }]) => !on);
    expect(absent.length).toBeGreaterThan(0);
    const dots = absent.map(([key, { x, y, half }]) => ({
      key,
      left: x - half,
      right: x + half,
      top: y - half,
      bottom: y + half,
    }));
    for (const edge of edges) expect(boxOver(pathPoints(routePath(edgeRoute(data, layout, edge))), dots)).toBeNull();
    expect(smallCircuitSvg(data, edges, 'small').match(/class="box"/g)).toHaveLength(
      layout.places.size - absent.length,
    );
  });

  it('leaves above the source, ends at the input that it enters, and rises all the way', () => {
    const { data, edges } = drawn({ layers: 6, heads: 8 }, 150);
    const layout = circuitLayout(data, edges);
    for (const edge of edges) {
      const points = pathPoints(routePath(edgeRoute(data, layout, edge)));
      const [a, b] = [fromNode(data, edge), toNode(data, edge)].map((node) => layout.places.get(node)!) as unknown as [
        Ends,
        Ends,
      ];
      expect(points[0]).toEqual([a.x, a.y - 9]);
      const letter = /\.([QKV])$/.exec(edgeName(data, edge))?.[1];
      const shift = letter === undefined ? 0 : { Q: -11, K: 0, V: 11 }[letter as 'Q'];
      expect(points.at(-1)).toEqual([b.x + shift, b.y + (letter === undefined ? 9 : 18)]);
      for (let i = 1; i < points.length; i++) expect(points[i]![1]).toBeLessThanOrEqual(points[i - 1]![1] + 1e-9);
    }
  });

  it('is straight where nothing is in the way, and takes no long detour elsewhere', () => {
    const { data, edges } = drawn({ layers: 6, heads: 6 }, 60);
    const layout = circuitLayout(data, edges);
    let bent = 0;
    for (const edge of edges) {
      const route = edgeRoute(data, layout, edge);
      const [x0, y0, x1, y1] = [route[0]!, route[1]!, route.at(-2)!, route.at(-1)!];
      const straight = Math.hypot(x1 - x0, y1 - y0);
      if (route.length > 4) bent++;
      else expect(length(route)).toBeCloseTo(straight, 6);
      // A detour of one box in each row that is passed is the most that can be needed.
      expect(length(route)).toBeLessThan(straight + 40 * Math.max(1, rowsBetween(layout, data, edge)));
    }
    expect(bent).toBeGreaterThan(5);
  });
});

interface Ends {
  readonly x: number;
  readonly y: number;
}
const length = (route: readonly number[]): number => {
  let sum = 0;
  for (let i = 2; i < route.length; i += 2) sum += Math.hypot(route[i]! - route[i - 2]!, route[i + 1]! - route[i - 1]!);
  return sum;
};
const rowsBetween = (layout: CircuitLayout, data: CircuitData, edge: number): number =>
  layout.places.get(toNode(data, edge))!.row - layout.places.get(fromNode(data, edge))!.row - 1;
