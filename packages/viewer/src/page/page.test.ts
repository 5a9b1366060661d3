/** @file The page’s script where it needs no browser: selecting, walking, hitting edges, keeping up with the slider. */
import { describe, expect, it } from 'vitest';
import { edgeName, edgesShown } from '../drawing/circuit-data.js';
import { circuitLayout } from '../drawing/circuit-layout.js';
import { placesOf } from '../drawing/circuit-svg.js';
import { edgeRoute, routePoints } from '../drawing/edge-route.js';
import { circuitDataOf, rankedEdges } from '../sections/circuit-data-of.js';
import { exampleInput } from '../testing/example-input.js';
import { edgeNear } from './edge-hit.js';
import { createMovingLimit } from './moving.js';
import { firstNode, nextNode } from './node-walk.js';
import { selectedEdges } from './selection.js';

const input = exampleInput({ layers: 3, heads: 12 });
const data = circuitDataOf(input, rankedEdges(input));
const shown = edgesShown(data, 60, null);
const layout = circuitLayout(data, shown);
const names = (edges: readonly number[]) => edges.map((edge) => edgeName(data, edge));
const node = (name: string) => data.nodes.findIndex((one) => one.name === name);

describe('selectedEdges', () => {
  const all = edgesShown(data, 5000, null);

  it('selects nothing at first, which is not the same as no edges', () => {
    expect(selectedEdges(data, all, { node: null, query: ' ' })).toBeNull();
    expect(selectedEdges(data, all, { node: null, query: 'A7.7' })).toEqual([]);
  });

  it('finds the whole name of a node, whatever its case, and not those that begin like it', () => {
    const found = names(selectedEdges(data, all, { node: null, query: 'a1.1' })!);
    expect(found.length).toBeGreaterThan(5);
    for (const name of found) expect(name).toMatch(/(^|->)A1\.1(\.|-|$)/);
    expect(names(all).filter((name) => /(^|->)A1\.1(\.|-|$)/.test(name))).toEqual(found);
  });

  it('finds parts of the names of edges, of one node or of all', () => {
    const [some] = names(all);
    expect(names(selectedEdges(data, all, { node: null, query: some!.toUpperCase() })!)).toEqual([some]);
    const start = selectedEdges(data, all, { node: node('Resid Start'), query: '' })!;
    expect(start.length).toBeGreaterThan(0);
    for (const name of names(start)) expect(name).toMatch(/^Resid Start->/);
    const both = selectedEdges(data, all, { node: node('Resid Start'), query: '.V' })!;
    expect(names(both)).toEqual(names(start).filter((name) => name.includes('.V')));
  });

  it.each([
    ['L1H1', 'A1.1'],
    ['a1.h1', 'A1.1'],
    ['1.1', 'A1.1'],
    ['blocks.1.attn.hook_z[1]', 'A1.1'],
    ['m2', 'MLP 2'],
    ['logits', 'Resid End'],
    ['blocks.2.hook_resid_post', 'Resid End'],
  ])('finds a node by the name it has in another tool: %s', (peer, own) => {
    const found = selectedEdges(data, all, { node: null, query: peer })!;
    expect(found.length).toBeGreaterThan(5);
    expect(found).toEqual(selectedEdges(data, all, { node: null, query: own }));
  });

  it('finds edges by names of other tools, whole, by one input of a head, and half written', () => {
    const find = (query: string) => names(selectedEdges(data, all, { node: null, query })!);
    const edge = names(all).find((name) => /^A0\.\d+->A\d+\.\d+\.K$/.test(name))!;
    const [, layer, head, toLayer, toHead] = /^A(\d+)\.(\d+)->A(\d+)\.(\d+)/.exec(edge)!;
    expect(find(`a${layer}.h${head}->a${toLayer}.h${toHead}<k>`)).toEqual([edge]);
    expect(find(`L${layer}H${head} → blocks.${toLayer}.hook_k_input[${toHead}]`)).toEqual([edge]);
    expect(find(`L${toLayer}H${toHead}.K`)).toEqual(names(all).filter((name) => name.endsWith(edge.split('->')[1]!)));
    expect(find(`L${layer}H${head}->`)).toEqual(
      names(all).filter((name) => name.startsWith(`${edge.split('->')[0]}->`)),
    );
    expect(find('a0.h77->logits')).toEqual([]);
  });
});

describe('walking with the arrow keys', () => {
  const on = placesOf(data, shown);

  it('goes along a row and comes back, and from the input to the output', () => {
    let at = firstNode(layout, on)!;
    const walked = [at];
    for (let next = nextNode(layout, on, at, 'ArrowUp'); next !== null; next = nextNode(layout, on, at, 'ArrowUp')) {
      expect(layout.places.get(next)!.y).toBeLessThan(layout.places.get(at)!.y);
      at = next;
      walked.push(at);
    }
    expect(new Set(walked.map((key) => layout.places.get(key)!.y)).size).toBe(
      new Set([...on].map((key) => layout.places.get(key)!.y)).size,
    );
    const row = [...on].filter((key) => layout.places.get(key)!.y === layout.places.get(walked[1]!)!.y);
    const right = row.flatMap((key) => nextNode(layout, on, key, 'ArrowRight') ?? []);
    expect(right).toHaveLength(row.length - 1);
    for (const key of right) expect(row).toContain(nextNode(layout, on, key, 'ArrowLeft'));
  });

  it('stays where there is nothing further, and ignores other keys', () => {
    const first = firstNode(layout, on)!;
    expect(nextNode(layout, on, first, 'ArrowDown')).toBeNull();
    expect(nextNode(layout, on, first, 'x')).toBeNull();
  });
});

describe('createMovingLimit', () => {
  it('draws fewer edges while frames are late, more again when they are not', () => {
    const limit = createMovingLimit(5000);
    expect([0, 16, 32].map((now) => limit.next(now))).toEqual([5000, 5000, 5000]);
    expect([132, 232].map((now) => limit.next(now))).toEqual([3000, 1800]);
    expect(limit.next(248)).toBe(2251);
    for (let now = 348; now < 2000; now += 100) limit.next(now);
    expect(limit.next(2048)).toBe(400);
    for (let now = 4000; now < 4400; now += 16) limit.next(now);
    expect(limit.next(4400)).toBe(5000);
    expect(createMovingLimit(30).next(0)).toBe(30);
  });
});

describe('edgeNear', () => {
  const linesOf = (edges: readonly number[]) =>
    new Map(edges.map((edge) => [edge, routePoints(edgeRoute(data, layout, edge))]));
  const lines = linesOf(shown);

  it('finds an edge on its line, and none far from all', () => {
    for (const edge of shown.slice(0, 10)) {
      // A third of the way along its longest part.
      const points = lines.get(edge)!;
      const parts = Array.from({ length: points.length / 2 - 1 }, (_, i) => points.slice(2 * i, 2 * i + 4));
      const far = ([ax, ay, bx, by]: number[]): number => Math.hypot(bx! - ax!, by! - ay!);
      const [ax, ay, bx, by] = parts.toSorted((a, b) => far(b) - far(a))[0] as [number, number, number, number];
      const [x, y] = [ax + (bx - ax) / 3, ay + (by - ay) / 3];
      expect(edgeNear(lines, x, y, 5)).not.toBeNull();
      expect(edgeNear(linesOf([edge]), x, y, 1)).toBe(edge);
      expect(edgeNear(linesOf([edge]), x + 60, y, 5)).not.toBe(edge);
    }
    expect(edgeNear(lines, -50, -50, 5)).toBeNull();
  });
});
