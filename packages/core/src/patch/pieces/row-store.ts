/** @file Rows of numbers that are written once and read often: in memory, or where they are too many, in a temporary file. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoCircuitError } from '../../errors/error.js';

/** Rows of equal length. */
export interface RowStore {
  /** Writes rows from `start` on. */
  write(start: number, rows: Float32Array): void;
  /** Rows `start` to `stop`, one after the other: to be read only, and until the next call. */
  read(start: number, stop: number): Float32Array;
  /** Lets go of memory or file. */
  close(): void;
}

/**
 * A store of `rows` rows of `length` numbers.
 * @param memoryBytes the most that it may hold in memory; beyond, it is a file
 * @throws AutoCircuitError `file-unwritable` from `write` where the disk is full, and where no temporary file can be made
 */
export function rowStore(rows: number, length: number, memoryBytes: number): RowStore {
  return 4 * rows * length <= memoryBytes ? inMemory(rows, length) : inFile(length);
}

function inMemory(rows: number, length: number): RowStore {
  let all = new Float32Array(rows * length);
  return {
    write: (start, values) => all.set(values, start * length),
    read: (start, stop) => all.subarray(start * length, stop * length),
    close() {
      all = new Float32Array(0);
    },
  };
}

function inFile(length: number): RowStore {
  const folder = attempt(tmpdir(), () => mkdtempSync(join(tmpdir(), 'auto-circuit-rows-')));
  const path = join(folder, 'rows');
  const file = attempt(path, () => openSync(path, 'w+', 0o600));
  // Nobody else needs its name, and a run that is killed leaves nothing behind. Windows removes it when it is closed.
  if (process.platform !== 'win32') rmSync(folder, { recursive: true });
  let buffer = new Float32Array(0);
  return {
    write(start, { buffer: data, byteOffset, byteLength }) {
      let at = 0;
      while (at < byteLength) {
        const bytes = new Uint8Array(data, byteOffset + at, byteLength - at);
        at += attempt(path, () => writeSync(file, bytes, 0, bytes.length, start * length * 4 + at));
      }
    },
    read(start, stop) {
      const count = (stop - start) * length;
      if (buffer.length < count) buffer = new Float32Array(count);
      let at = 0;
      while (at < 4 * count) {
        const bytes = new Uint8Array(buffer.buffer, at, 4 * count - at);
        const read = readSync(file, bytes, 0, bytes.length, start * length * 4 + at);
        if (read === 0) throw ended(path);
        at += read;
      }
      return buffer.subarray(0, count);
    },
    close() {
      closeSync(file);
      buffer = new Float32Array(0);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new AutoCircuitError({
      code: 'file-unwritable',
      where: 'core/patch',
      what: 'what sources wrote is more than memory may hold, and no temporary file can be written',
      got: cause instanceof Error ? cause.message : String(cause),
      fix: 'free disk space there, set TMPDIR to another folder, or allow more memory',
      fields: { path },
      cause,
    });
  }
}

const ended = (path: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'internal',
    where: 'core/patch',
    what: 'rows were read that were never written',
    fields: { path },
    kind: 'internal',
  });
