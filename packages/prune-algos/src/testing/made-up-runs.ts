/** @file Folders with made-up scores, for tests of algorithms that read those of other runs. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Graph, unflattenScores, uniformAt } from '@auto-circuit/core/plugin';
import { writeScoresFolder } from '@auto-circuit/core/run';
import { afterAll } from 'vitest';

const made: string[] = [];
afterAll(async () => {
  for (const folder of made) await rm(folder, { recursive: true });
});

/** A folder whose scores are these, in canonical order. */
export async function runOf(graph: Graph, scores: readonly number[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'scores-'));
  made.push(folder);
  const flat = Float32Array.from(scores);
  await writeScoresFolder(folder, { graph, circuit: null, scores: unflattenScores(graph, flat), nodes: null });
  return folder;
}

/** A folder for each seed, with numbers from −½ to ½. */
export const madeUpRuns = (graph: Graph, seeds: readonly number[]): Promise<string[]> =>
  Promise.all(
    seeds.map((seed) =>
      runOf(
        graph,
        Array.from({ length: graph.edgeCount }, (_, edge) => uniformAt(seed, edge) - 0.5),
      ),
    ),
  );
