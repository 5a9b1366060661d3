/** @file Selections with a package of their own, on the shipped model: a whole run, and what its circuit adds up to beside others. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectedPart, flattenScores, makeCircuit } from '@auto-circuit/core/plugin';
import { circuitSchema, edgeSelection, readFinishedRun } from '@auto-circuit/core/run';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runMain } from './run-main.js';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'selections-'));
});
afterEach(() => rm(cwd, { recursive: true }));

const SIZE = 12;
const discoverWith = async (select: string) => {
  const args = `discover --task ioi-mini --algo eap --limit 16 --edges ${SIZE} --keep ${SIZE} --quiet --out r`.split(
    ' ',
  );
  expect((await runMain([...args, '--select', select], { cwd })).code).toBe(0);
  const json = circuitSchema.parse(JSON.parse(await readFile(join(cwd, 'r', 'circuit.json'), 'utf8')));
  return { json, ...(await readFinishedRun(join(cwd, 'r'))) };
};

describe('selections on ioi-mini', () => {
  it('ilp keeps a connected circuit, of a total between those of greedy and top, and says that it is the best', async () => {
    const { json, graph, scores, circuit } = await discoverWith('ilp');
    const flat = flattenScores(graph, scores);
    const total = (edges: readonly number[]): number => edges.reduce((sum, edge) => sum + Math.abs(flat[edge]!), 0);
    const isConnected = (edges: readonly number[]): boolean =>
      connectedPart(makeCircuit(graph, edges), { requireWayIn: true, requireWayOut: true }).edges.length ===
      edges.length;
    const by = (how: 'top' | 'greedy', n = SIZE) => edgeSelection(graph, scores, how).edges(n);
    expect(json).toMatchObject({ select: 'ilp', gap: 0 });
    expect(circuit.edges).toHaveLength(SIZE);
    expect(isConnected(circuit.edges)).toBe(true);
    expect(isConnected(by('top'))).toBe(false); // or there is nothing to choose
    expect(total(circuit.edges)).toBeLessThan(total(by('top')));
    // what is connected of the greedy circuit of any size that leaves no more edges than that has no larger total
    const grown = Array.from({ length: 3 * SIZE }, (_, i) =>
      connectedPart(makeCircuit(graph, by('greedy', i + 1)), { requireWayIn: true, requireWayOut: true }),
    ).findLast(({ edges }) => edges.length <= SIZE)!;
    expect(total(circuit.edges)).toBeGreaterThanOrEqual(total(grown.edges) * (1 - 1e-6));
  });

  it('ratio keeps the share of positive scores that is asked for', async () => {
    const { json } = await discoverWith('ratio(positive=0.75)');
    expect(json.select).toBe('ratio(positive=0.75)');
    expect(json.gap).toBeUndefined();
    expect(json.edges).toHaveLength(SIZE);
    expect(json.edges.filter(({ score }) => (score as number) > 0)).toHaveLength(0.75 * SIZE);
  });
});
