/** @file Writes all files, or none: they are made beside the folder and moved into its place. */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UsageError } from './request.js';

/** What is there; below a file there is nothing, and making the folder will say so. */
function foundAt(folder: string): Stats | undefined {
  try {
    return statSync(folder, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** @throws UsageError where the folder has files already, or is one, or cannot be written */
export function writeAll(folder: string, files: Readonly<Record<string, string>>): void {
  const found = foundAt(folder);
  if (found && !found.isDirectory()) throw new UsageError(`${folder} is a file: name a new folder`);
  if (found && readdirSync(folder).length > 0)
    throw new UsageError(`the folder ${folder} is not empty: name a new one, or empty it first; nothing was written`);
  let made: string | undefined;
  try {
    mkdirSync(dirname(folder), { recursive: true });
    made = mkdtempSync(join(dirname(folder), `.${basename(folder)}-`));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(made, path)), { recursive: true });
      writeFileSync(join(made, path), text);
    }
    if (found) rmSync(folder, { recursive: true }); // empty
    renameSync(made, folder);
  } catch (cause) {
    if (made) rmSync(made, { recursive: true, force: true });
    throw new UsageError(`cannot write ${folder}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
