/** @file The one file that a folder stands for: a circuit alone, or a graph of the MIB track in its folder TASK_MODEL, or around it. */
import { readdirSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { AutoCircuitError } from '@auto-circuit/core/startup';

/** How names of files of circuits and graphs end: JSON, or what EAP-IG saves with PyTorch. */
const ENDINGS: readonly string[] = ['.json', '.pt'];
export const isGraphFile = (name: string): boolean => ENDINGS.includes(extname(name));

/** A file that was found in a folder. */
export interface FoundFile {
  readonly path: string;
  /** Its path as the user would type it. */
  readonly shown: string;
  /** The name of the folder that it is in. */
  readonly folder: string;
}

/**
 * The graph file of a folder, or of the one folder in it that has one: `convert --to mib --out DIR` writes DIR/TASK_MODEL.
 * @param shown the folder as the user typed it
 * @returns null where there is none at all
 * @throws AutoCircuitError `unsupported-format` where several files could be meant; it names them
 */
export function graphOfFolder(where: string, path: string, shown: string): FoundFile | null {
  const entries = readdirSync(path, { withFileTypes: true });
  const here = entries.map(({ name }) => name).filter(isGraphFile);
  const below = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => graphNames(join(path, name)).map((file) => join(name, file)))
    .filter((files) => files.length === 1) // run folders have more
    .flat();
  const found = here.length > 0 ? here : below;
  if (found.length === 0) return null;
  const [file] = found as [string];
  if (found.length === 1) {
    const inside = join(path, file);
    return { path: inside, shown: join(shown, file), folder: basename(join(inside, '..')) };
  }
  throw new AutoCircuitError({
    code: 'unsupported-format',
    fields: { path: shown },
    where,
    what: `${shown} is not a run folder, and has ${found.length} .json or .pt files, any of which could be meant`,
    fix: `name one of them, such as ${join(shown, file)}`,
  });
}

/** Empty for a folder that cannot be read: it is not the one that is meant. */
function graphNames(folder: string): string[] {
  try {
    return readdirSync(folder).filter(isGraphFile);
  } catch {
    return [];
  }
}
