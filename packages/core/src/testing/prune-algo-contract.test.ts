import { describe, expect, it } from 'vitest';
import { AutoCircuitError } from '../errors/error.js';
import { unflattenScores } from '../graph/score-index.js';
import { definePruneAlgo, type PruneAlgo, type PruneAlgoContext, type PruneResult } from '../plugin/prune-algo.js';
import { ScoreAccumulator } from '../statistics/accumulate.js';
import { pruneAlgoContract } from './prune-algo-contract.js';

/** Gradients at the clean run, batch by batch, without a checkpoint. */
async function gradients({
  model,
  graph,
  batches,
  objective,
  patch,
  progress,
  signal,
}: PruneAlgoContext): Promise<PruneResult> {
  const total = new ScoreAccumulator(graph);
  for (const [b, batch] of batches.entries()) {
    signal?.throwIfAborted();
    total.add(await model.maskGradient(batch, { input: 'clean', patch, objective }));
    progress.report(b + 1, batches.length);
  }
  return total.result();
}
const algo = (score: PruneAlgo['score'] = gradients, parts: Partial<PruneAlgo> = {}): PruneAlgo =>
  definePruneAlgo({ name: 'gradients', doc: 'gradients at the clean run', options: {}, score, ...parts });

/** Names of the checks that an algorithm fails. */
async function failures(of: PruneAlgo): Promise<string[]> {
  const failed: string[] = [];
  for (const check of pruneAlgoContract(of)) {
    await check.run().catch((error: unknown) => {
      expect(error).toBeInstanceOf(AutoCircuitError);
      failed.push(check.name);
    });
  }
  return failed;
}
const changed =
  (edit: (result: PruneResult, context: PruneAlgoContext) => PruneResult) => async (context: PruneAlgoContext) =>
    edit(await gradients(context), context);

describe('pruneAlgoContract', () => {
  it('lets a good algorithm pass', async () => {
    expect(await failures(algo())).toEqual([]);
  });
  it('finds scores that are missing, are no numbers or change from run to run', async () => {
    const lacks = changed(({ scores: { output: _, ...scores } }) => ({ scores }));
    expect((await failures(algo(lacks))).filter((name) => name.startsWith('gives every edge'))).toHaveLength(5);
    const nan = changed((_, { graph }) => ({
      scores: unflattenScores(graph, new Float64Array(graph.edgeCount).fill(Number.NaN)),
    }));
    expect(await failures(algo(nan))).toContain('takes one prompt');
    let calls = 0;
    const drifts = changed((_, { graph }) => ({
      scores: unflattenScores(graph, new Float64Array(graph.edgeCount).fill(++calls)),
    }));
    expect(await failures(algo(drifts))).toEqual(
      expect.arrayContaining(['gives the same scores twice', 'does not depend on the micro-batch']),
    );
  });
  it('finds algorithms that cannot be stopped, or go on from the wrong place', async () => {
    const deaf = ({ signal: _, ...context }: PruneAlgoContext) => gradients(context);
    expect(await failures(algo(deaf))).toContain('does nothing when it is aborted before it starts');
    const forgets = async (context: PruneAlgoContext): Promise<PruneResult> => {
      const again = (await context.checkpoint?.load()) ?? null;
      await context.checkpoint?.save({ state: {}, arrays: {} });
      return gradients(again ? { ...context, batches: context.batches.slice(1) } : context); // drops what was done
    };
    expect(await failures(algo(forgets))).toEqual([
      'stops soon after an abort, and goes on from its checkpoint to the same scores',
    ]);
  });
  it('finds progress that is silent, falls or stops short', async () => {
    const name = 'reports progress that only grows and comes to its end';
    for (const reports of [
      [],
      [[1, 2]],
      [
        [2, 3],
        [1, 3],
        [3, 3],
      ],
      [
        [1, 2],
        [3, 3],
      ],
    ]) {
      const score = async (context: PruneAlgoContext): Promise<PruneResult> => {
        const result = await gradients({ ...context, progress: { report: () => undefined } });
        for (const [done, total] of reports) context.progress.report(done!, total!);
        return result;
      };
      expect(await failures(algo(score)), JSON.stringify(reports)).toContain(name);
    }
  });
});
