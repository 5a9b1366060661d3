import { flattenScores, type PruneAlgoContext, parseOptions } from '@auto-circuit/core/plugin';
import { pruneAlgoContext } from '@auto-circuit/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOf } from '../testing/made-up-runs.js';
import { ensemble } from './ensemble.js';

let context: PruneAlgoContext;
let dispose: () => Promise<void>;
let runs: string[];
/** The first three edges of each run; all others are 0. */
const SCORES = [
  [3, -4, 0],
  [0.1, 0.1, -0.2],
];
const edges = (): number => context.graph.edgeCount;
/** √(mean of squares): √(25 / edges), √(0.06 / edges) */
const sizes = (): number[] => [Math.sqrt(25 / edges()), Math.sqrt(0.06 / edges())];

beforeAll(async () => {
  ({ context, dispose } = await pruneAlgoContext({}));
  const padded = (first: readonly number[]) => [...first, ...Array(edges() - first.length).fill(0)];
  runs = await Promise.all(SCORES.map((first) => runOf(context.graph, padded(first))));
});
afterAll(() => dispose());

async function first(options: Record<string, unknown>): Promise<number[]> {
  const { scores } = await ensemble.score(context, parseOptions(ensemble.options, options, 'ensemble'));
  const flat = [...flattenScores(context.graph, scores)];
  expect(flat.slice(3).every((score) => score === 0)).toBe(true);
  return flat.slice(0, 3);
}

describe('ensemble', () => {
  it('takes the mean of normalised scores', async () => {
    const [a, b] = sizes() as [number, number];
    const expected = [(3 / a + 0.1 / b) / 2, (-4 / a + 0.1 / b) / 2, -0.2 / b / 2];
    for (const [i, score] of (await first({ runs: runs.join() })).entries()) expect(score).toBeCloseTo(expected[i]!, 5);
  });

  it('weighs runs', async () => {
    const [a, b] = sizes() as [number, number];
    const got = await first({ runs: runs.join(', '), weights: '3,1' });
    expect(got[0]).toBeCloseTo(0.75 * (3 / a) + 0.25 * (0.1 / b), 5);
    expect((await first({ runs: runs.join(), by: 'sum', weights: '1,0' })).map(Math.round)).toEqual([3, -4, 0]);
  });

  it('takes the mean of signed ranks, equal scores sharing theirs', async () => {
    const n = edges();
    // run 1: |−4| has rank n, |3| n − 1; run 2: |−0.2| has rank n, the equal 0.1s have (n − 2 + n − 1) / 2
    const shared = n - 1.5;
    const expected = [(n - 1 + shared) / 2 / n, (-n + shared) / 2 / n, -n / 2 / n];
    const got = await first({ runs: runs.join(), by: 'ranks' });
    for (const [i, score] of got.entries()) expect(score).toBeCloseTo(expected[i]!, 6);
  });

  it('takes what any run finds, or what all do', async () => {
    const [a, b] = sizes() as [number, number];
    const any = await first({ runs: runs.join(), by: 'max' });
    expect(any[0]).toBeCloseTo(Math.max(3 / a, 0.1 / b), 5);
    expect(any[1]).toBeCloseTo(-4 / a, 5);
    const all = await first({ runs: runs.join(), by: 'min' });
    expect(all[0]).toBeCloseTo(Math.min(3 / a, 0.1 / b), 5);
    expect(all.slice(1)).toEqual([0, 0]); // signs differ; one run says nothing
  });

  it.each([{ runs: '' }, { runs: 'one' }, { runs: 'one,two,one' }])('refuses $runs', async (options) => {
    const error = await first(options).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'invalid-option', fields: { option: 'runs' } });
  });

  it('refuses weights that do not fit, folders without scores, and runs on other graphs', async () => {
    const refused = (options: Record<string, unknown>) => first(options).catch((cause: unknown) => cause);
    expect(await refused({ runs: runs.join(), weights: '1' })).toMatchObject({ fields: { option: 'weights' } });
    expect(await refused({ runs: runs.join(), weights: '0,0' })).toMatchObject({ fields: { option: 'weights' } });
    expect(await refused({ runs: runs.join(), by: 'max', weights: '1,1' })).toMatchObject({
      fields: { option: 'weights' },
    });
    expect(await refused({ runs: `${runs[0]},/nowhere` })).toMatchObject({
      code: 'not-a-run',
      fields: { path: '/nowhere' },
    });
    const other = await pruneAlgoContext({ graph: { factorized: false } });
    const elsewhere = await runOf(other.context.graph, Array(other.context.graph.edgeCount).fill(1));
    await other.dispose();
    expect(await refused({ runs: `${runs[0]},${elsewhere}` })).toMatchObject({ code: 'graph-mismatch' });
  });
});
