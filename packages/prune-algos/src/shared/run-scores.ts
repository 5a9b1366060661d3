/** @file Scores that other runs left in their folders, for algorithms that start from them. */
import { resolve } from 'node:path';
import { AutoCircuitError, flattenScores, type Graph } from '@auto-circuit/core/plugin';
import { checkSameGraph, readScoresFolder } from '@auto-circuit/core/run';

/**
 * The scores of a run folder, or of a folder that `convert` wrote, in canonical order.
 * @param where the algorithm, for errors
 * @returns [edges]
 * @throws AutoCircuitError `not-a-run` where the folder has no scores, `graph-mismatch` where they are of another graph, `not-finite` for
 *   infinite scores, which cannot be weighed against others
 */
export async function scoresOfRun(where: string, graph: Graph, folder: string): Promise<Float64Array> {
  const found = await readScoresFolder(resolve(folder));
  if (!found?.scores) {
    throw new AutoCircuitError({
      code: 'not-a-run',
      fields: { path: folder },
      where,
      what: `${folder} holds no scores`,
      expected: 'the folder of a finished run, or one that was converted from another tool',
      got: found ? 'a circuit without scores' : 'no circuit.json',
      fix: 'finish the run, or name another folder',
    });
  }
  checkSameGraph(found.graph, graph, folder);
  const flat = Float64Array.from(flattenScores(graph, found.scores));
  if (flat.every(Number.isFinite)) return flat;
  throw new AutoCircuitError({
    code: 'not-finite',
    fields: { path: folder },
    where,
    what: `${folder} holds infinite scores`,
    expected: 'finite ones',
    fix: 'leave this run out: an algorithm that only orders edges by removal (ACDC) gives the last ones infinite scores',
  });
}
