/** @file Names of the files that hold the circuits of groups of prompts, beside `clusters.json`. */
import { readdir } from 'node:fs/promises';
import { fileError } from '../files/file-error.js';

/** The file of a group's circuit; groups count from 0, files from 1. */
export const groupCircuitFile = (group: number): string => `circuit-group-${group + 1}.json`;
/** Whether a file has the name of one. */
export const isGroupCircuit = (name: string): boolean => /^circuit-group-\d+\.json$/.test(name);

/** Those in a run folder, by name. */
export async function groupCircuitFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter(isGroupCircuit).sort();
  } catch (cause) {
    throw fileError('run', 'read', folder, cause);
  }
}
