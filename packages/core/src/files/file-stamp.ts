/**
 * @file Whether a file is still what it was: its size, times, place on the disk. Content is not looked at. The time of the last
 * change of the inode is part of it, which no program can set.
 */
import { fstatSync, statSync } from 'node:fs';
import { AutoCircuitError } from '../errors/error.js';
import { fileError } from './file-error.js';

interface Stamped {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
  readonly dev: bigint;
}
const textOf = ({ size, mtimeNs, ctimeNs, ino, dev }: Stamped): string =>
  [size, mtimeNs, ctimeNs, ino, dev].map(String).join('-');

/** The stamp of the file at a path (of what a link points at). @throws AutoCircuitError where it cannot be read */
export function fileStamp(path: string): string {
  try {
    return textOf(statSync(path, { bigint: true }));
  } catch (cause) {
    throw fileError('files', 'read', path, cause);
  }
}

/** The stamp of an open file. */
export const openFileStamp = (descriptor: number): string => textOf(fstatSync(descriptor, { bigint: true }));

/** The sentence for a file that became another while it was in use. */
export const changedFile = (where: string, path: string, use: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'file-changed',
    fields: { path },
    where,
    what: `${path} was changed while ${use}`,
    fix: 'run again once nothing writes to it',
  });

/**
 * Remembers what files are now.
 * @returns what throws an AutoCircuitError `file-changed` once one of them is another
 */
export function unchangedSince(where: string, paths: readonly string[], use: string): () => void {
  const stamps = paths.map((path) => [path, fileStamp(path)] as const);
  return () => {
    for (const [path, stamp] of stamps) if (fileStamp(path) !== stamp) throw changedFile(where, path, use);
  };
}
