/** @file One sentence for whatever the file system refuses. */
import type { ErrorCode } from '../errors/codes.js';
import { AutoCircuitError } from '../errors/error.js';

const REASONS: Readonly<Record<string, { readonly what: string; readonly fix: string }>> = Object.freeze({
  ENOSPC: { what: 'the disk is full', fix: 'free some space or choose another folder' },
  EDQUOT: { what: 'the disk quota is used up', fix: 'free some space or choose another folder' },
  EFBIG: { what: 'the file would be larger than this file system or user limit allows', fix: 'choose another folder' },
  EACCES: { what: 'permission denied', fix: 'check who may read and write there' },
  EPERM: { what: 'the operation is not permitted', fix: 'check who may read and write there' },
  ENOENT: { what: 'no such file or folder', fix: 'check the path' },
  EROFS: { what: 'the file system is read-only', fix: 'choose another folder' },
  ENOTDIR: { what: 'a part of the path is a file, not a folder', fix: 'check the path' },
  EISDIR: { what: 'it is a folder, not a file', fix: 'name a file' },
  EEXIST: { what: 'something with that name is already there', fix: 'remove it or choose another name' },
  ENAMETOOLONG: { what: 'the name is too long', fix: 'choose a shorter one' },
  ELOOP: { what: 'the symbolic links go in a circle', fix: 'check the path' },
  EMFILE: { what: 'too many files are open', fix: 'raise the limit on open files (ulimit -n)' },
  ENFILE: { what: 'too many files are open on this machine', fix: 'close some programs' },
  EBUSY: { what: 'another program is using it', fix: 'close that program and try again' },
  ERR_FS_FILE_TOO_LARGE: { what: 'it is larger than a text can be (512 MiB)', fix: 'check that it is the right file' },
  ERR_STRING_TOO_LONG: { what: 'it is larger than a text can be (512 MiB)', fix: 'check that it is the right file' },
  ERR_INVALID_ARG_VALUE: { what: 'the path holds a character that no path can have', fix: 'check the path' },
  EIO: { what: 'the disk reports an input/output error', fix: 'check the disk' },
});

/** The `code` of a system error (`ENOENT`, …), if it is one. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The code of this program for a system's one; what is not listed is by whether it failed to read or to write. */
const CODES: Readonly<Record<string, ErrorCode>> = Object.freeze({
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EFBIG: 'disk-full',
  ENOENT: 'file-not-found',
  EEXIST: 'file-exists',
});
const fileCode = (action: string, errno: string): ErrorCode =>
  CODES[errno] ?? (action === 'read' ? 'file-unreadable' : 'file-unwritable');

/**
 * Turns a failed file operation into a sentence; errors that already are one, and errors that do not come from the
 * system, are given back as they are.
 * @param action what was tried, as in `cannot ${action} PATH`: "read", "write", …
 */
export function fileError(where: string, action: string, path: string, cause: unknown): unknown {
  const code = errnoOf(cause);
  if (cause instanceof AutoCircuitError || code === undefined) return cause;
  const reason = REASONS[code];
  return new AutoCircuitError({
    code: fileCode(action, code),
    fields: { path, errno: code },
    where,
    what: `cannot ${action} ${path}: ${reason?.what ?? `the system says ${code}`}`,
    fix: reason?.fix ?? 'check the path and the disk',
    cause,
  });
}
