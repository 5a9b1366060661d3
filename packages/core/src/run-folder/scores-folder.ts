/**
 * @file A folder with scores and a circuit but without a run, as `convert` makes it of another tool's file: `circuit.json`,
 * and `scores.safetensors`, `nodes.json`, `neurons.safetensors` where there are such scores, as in a run folder.
 */
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../files/atomic-file.js';
import { makeFolderFor } from '../files/folder.js';
import { makeCircuit } from '../graph/circuit.js';
import { circuitToJson, parseCircuitJson } from '../graph/circuit-json.js';
import type { Circuit, Graph, NodeScores, PruneScores } from '../graph/types.js';
import { checkRunFiles, type ReadOptions } from './checksums.js';
import { nodesToJson, toFileNodes, writeNeurons } from './node-files.js';
import { RUN_FILES } from './run-files.js';
import { RunReader } from './run-reader.js';
import { toJsonText } from './schemas.js';
import { writeScores } from './score-files.js';

/** What such a folder holds; a run folder holds it, too. */
export interface ScoresFolder {
  readonly graph: Graph;
  readonly circuit: Circuit;
  /** Null in a folder of a circuit alone. */
  readonly scores: PruneScores | null;
  /** Of source nodes, where there are any. */
  readonly nodes: NodeScores | null;
}

/** Its files; `circuit.json`, which makes it such a folder, is written last. */
export const SCORES_FOLDER_FILES = ['neurons', 'nodes', 'scores', 'circuit'] as const;

/**
 * Writes such a folder; what it held of the kind before is gone.
 * @param content without `circuit` the circuit is the whole model
 * @returns the paths of the files written
 */
export async function writeScoresFolder(
  folder: string,
  { graph, circuit, scores, nodes }: Omit<ScoresFolder, 'circuit'> & { readonly circuit: Circuit | null },
): Promise<string[]> {
  await makeFolderFor('scores', folder);
  for (const file of SCORES_FOLDER_FILES.toReversed()) await rm(join(folder, RUN_FILES[file]), { force: true });
  const written: string[] = [];
  const path = (file: keyof typeof RUN_FILES): string => {
    const whole = join(folder, RUN_FILES[file]);
    written.push(whole);
    return whole;
  };
  const inFile = nodes && toFileNodes(graph, nodes);
  if (inFile?.neurons) await writeNeurons(path('neurons'), graph, inFile.neurons);
  if (inFile) await writeFileAtomic(path('nodes'), toJsonText(nodesToJson(graph, inFile.scores), RUN_FILES.nodes));
  if (scores) await writeScores(path('scores'), graph, scores);
  const all = Array.from({ length: graph.edgeCount }, (_, number) => number);
  const kept = circuit ?? makeCircuit(graph, all);
  const json = circuitToJson(kept, scores ?? undefined);
  await writeFileAtomic(path('circuit'), `${JSON.stringify(json, null, 1)}\n`);
  return written;
}

/** What a folder holds; null where it has no `circuit.json`. @throws AutoCircuitError for files that are broken or do not belong together */
export async function readScoresFolder(folder: string, options: ReadOptions = {}): Promise<ScoresFolder | null> {
  const path = join(folder, RUN_FILES.circuit);
  if (existsSync(join(folder, RUN_FILES.run))) await checkRunFiles(folder, options);
  if (!existsSync(path)) return null;
  // circuit.json describes its graph in full; the scores belong to the same one
  const { circuit } = parseCircuitJson(await readFile(path, 'utf8'), path);
  const { graph } = circuit;
  const found = new RunReader(folder).scores(graph);
  return { graph, circuit, scores: found?.scores ?? null, nodes: found?.nodes ?? null };
}
