/**
 * @file The run folder: which files it has, in which order they appear, and what is done with them as files.
 *
 * `run.json` comes first and says what was asked. Unfinished work is in `partial/`. `scores.safetensors`,
 * `measurements.json` and `circuit.json` appear when their part is finished, whole, and are never recomputed; finished is what
 * `checksums.json` lists. When `partial/` and `.lock` are gone, the run is complete.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, fileError } from '../files/file-error.js';
import { readWholeText } from '../files/read-whole.js';
import { groupCircuitFiles } from './group-circuits.js';
import { LOCK_NAME } from './lock.js';
import { verificationFiles } from './verification-file.js';

/** The files of a run folder by what they hold. */
export const RUN_FILES = Object.freeze({
  run: 'run.json',
  timings: 'timings.json',
  scores: 'scores.safetensors',
  standardErrors: 'standard-errors.safetensors',
  promptScores: 'scores-by-prompt.safetensors',
  nodes: 'nodes.json',
  neurons: 'neurons.safetensors',
  curves: 'curves.json',
  figures: 'figures.json',
  constants: 'constants.safetensors',
  circuit: 'circuit.json',
  measurements: 'measurements.json',
  clusters: 'clusters.json',
  report: 'report.html',
  checksums: 'checksums.json',
  stability: 'stability.json',
  stabilityPartial: 'stability-partial',
  partial: 'partial',
});

/** What to do with a folder that is there already: nothing (an error), go on with the run in it, or replace that run. */
export type ExistingFolder = 'refuse' | 'resume' | 'overwrite';

/** The text of a file; null where there is no such file. @throws AutoCircuitError where it cannot be read */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readWholeText(path);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return null;
    throw fileError('run', 'read', path, cause);
  }
}

/** Removes a run, and nothing else that lies in its folder. run.json goes first, so that a folder which is half removed never looks like a run. */
export async function removeRunFiles(folder: string): Promise<void> {
  const names = [
    ...Object.values(RUN_FILES),
    ...(await verificationFiles(folder)),
    ...(await groupCircuitFiles(folder)),
  ];
  for (const name of names) await rm(join(folder, name), { recursive: true, force: true });
}

/** What a killed process left of a file it was writing. */
export async function removeTemporaries(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (isTemporary(name) && !isOfLock(name)) await rm(join(folder, name), { force: true });
}
/** A file that `writeFileAtomic` had not finished. */
export const isTemporary = (name: string): boolean => name.startsWith('.') && name.endsWith('.tmp');
/** Another process may be about to take the lock, and needs its own. */
const isOfLock = (name: string): boolean => name.startsWith(`${LOCK_NAME}.`);
