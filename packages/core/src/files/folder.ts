/** @file Makes folders. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AutoCircuitError } from '../errors/error.js';
import { errnoOf, fileError } from './file-error.js';

/**
 * Makes a folder and those above it; one that is there already is fine. Step by step: Node's own recursive form never
 * ends on file systems that answer "no such folder" inside a folder that exists (such as /proc).
 * @param mode who may use the folders that are made, less what the process's umask takes away
 * @throws the system's error; an AutoCircuitError where the file system takes no folders
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (cause) {
    const code = errnoOf(cause);
    if (code === 'EEXIST' && (await isFolder(path))) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || parent === path) throw cause;
    if (await isFolder(parent)) {
      throw new AutoCircuitError({
        code: 'file-unwritable',
        fields: { path },
        where: 'files',
        what: `cannot make the folder ${path}: its file system does not allow it`,
        fix: 'choose another place',
        cause,
      });
    }
    await makeFolder(parent, mode);
    await makeFolder(path, mode);
  }
}

/** The same, where nothing else is done with the error. @throws AutoCircuitError that names the folder */
export async function makeFolderFor(where: string, path: string): Promise<void> {
  try {
    await makeFolder(path);
  } catch (cause) {
    throw fileError(where, 'make', path, cause);
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    if (errnoOf(cause) === undefined) throw cause;
    return false;
  }
}
