/** @file A finished run read back from its folder, without the model. */

import { join, resolve } from 'node:path';
import { fileError } from '../files/file-error.js';
import { readWholeText } from '../files/read-whole.js';
import { parseCircuitJson } from '../graph/circuit-json.js';
import type { ReadOptions } from './checksums.js';
import { readClusters } from './clusters-file.js';
import { figuresOf, type ReportInput } from './report-input.js';
import { RUN_FILES } from './run-files.js';
import { finishedPart, RunReader, readRun } from './run-reader.js';

/**
 * What the report of a run is made of.
 * @throws AutoCircuitError for a folder without a finished run; `run-damaged` where a file is not what it was when it was written
 */
export async function readFinishedRun(folder: string, options: ReadOptions = {}): Promise<ReportInput> {
  const run = await readRun(folder, options);
  const reader = new RunReader(resolve(folder));
  const measurements = finishedPart(await reader.measurements(), folder);
  const path = join(folder, RUN_FILES.circuit);
  let text: string;
  try {
    text = await readWholeText(path);
  } catch (cause) {
    throw fileError('run', 'read', path, cause);
  }
  const { circuit } = parseCircuitJson(text, path);
  const result = finishedPart(reader.scores(circuit.graph), folder);
  const verifications = await reader.verifications();
  const grouped = await readClusters(resolve(folder), circuit.graph);
  const stability = await reader.stability();
  const shown = figuresOf(result, measurements, circuit);
  return Object.freeze({
    run,
    graph: circuit.graph,
    ...result,
    ...shown,
    circuit,
    measurements,
    verifications,
    grouped,
    ...(stability ? { stability } : {}),
  });
}
