/**
 * @file `checksums.json`: what each finished file of a run was when it was written, so that a damaged one is a sentence and not
 * another number. It holds no times, so equal runs write equal files.
 *
 * A part is finished once it is listed here. A file that is replaced later (`evaluate` adds measurements) is announced first:
 * whoever dies in between leaves a file that is either what it was or what it was to become.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { AutoCircuitError } from '../errors/error.js';
import { writeFileAtomic } from '../files/atomic-file.js';
import { errnoOf, fileError } from '../files/file-error.js';
import { parseJson } from '../files/json-file.js';
import { changedGroupCircuit } from './clusters-file.js';
import { RUN_FILES, readIfThere } from './run-files.js';
import { toJsonText } from './schemas.js';
import { sealed, sealedJsonError } from './seal.js';
import { verificationFiles } from './verification-file.js';

/** `checksums.json`. */
export const checksumsSchema = z.object({
  format: z.literal('auto-circuit checksums 1'),
  /** SHA-256 of each finished file, by its name. */
  files: z.record(z.string(), z.string()),
  /** Files that are being replaced: what they will be. */
  writing: z.record(z.string(), z.string()).optional(),
  /** Of this file itself, without this line. */
  sha256: z.string(),
});

/** Files that are listed in `checksums.json`. The others have a checksum of their own inside, or hold no numbers of the run. */
const LISTED = [
  'run',
  'scores',
  'standardErrors',
  'promptScores',
  'nodes',
  'neurons',
  'curves',
  'figures',
  'constants',
  'circuit',
  'measurements',
] as const satisfies readonly (keyof typeof RUN_FILES)[];
/** A file of a run that is listed by its checksum. */
export type ListedFile = (typeof LISTED)[number];

/** How damaged files are met. */
export interface ReadOptions {
  /** Files that are not what they were are read all the same; `onWarning` says which. */
  readonly force?: boolean;
  readonly onWarning?: (line: string) => void;
}

/** The checksums of one run folder, and what is done with them. */
export class Checksums {
  readonly #folder: string;
  readonly #files: Map<string, string>;
  readonly #writing: Map<string, string>;

  constructor(folder: string, { files = {}, writing = {} }: Partial<z.infer<typeof checksumsSchema>> = {}) {
    this.#folder = folder;
    this.#files = new Map(Object.entries(files));
    this.#writing = new Map(Object.entries(writing));
  }

  /** The checksums of a folder, or null where there are none. @throws AutoCircuitError `run-damaged` */
  static async read(folder: string): Promise<Checksums | null> {
    const path = join(folder, RUN_FILES.checksums);
    const text = await readIfThere(path);
    if (text === null) return null;
    const value = parseJson(text, { where: 'run', path });
    const wrong = sealedJsonError(value, RUN_FILES.checksums);
    const parsed = checksumsSchema.safeParse(value);
    if (wrong !== null || !parsed.success) throw damaged(folder, RUN_FILES.checksums, wrong ?? 'it lacks a part');
    return new Checksums(folder, parsed.data);
  }

  /** Whether a file is finished. */
  has(file: ListedFile): boolean {
    return this.#files.has(RUN_FILES[file]);
  }

  /** To be called before a finished file is replaced by this text. */
  async announce(file: ListedFile, text: string): Promise<void> {
    if (!this.has(file)) return;
    this.#writing.set(RUN_FILES[file], createHash('sha256').update(text).digest('hex'));
    await this.#write();
  }

  /** Lists files as they are now; those that are not there are left out. */
  async commit(files: readonly ListedFile[]): Promise<void> {
    for (const file of files) {
      const hash = await hashOf(join(this.#folder, RUN_FILES[file]));
      if (hash !== null) this.#files.set(RUN_FILES[file], hash);
      this.#writing.delete(RUN_FILES[file]);
    }
    await this.#write();
  }

  async #write(): Promise<void> {
    const sorted = (map: ReadonlyMap<string, string>) =>
      Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
    const value = {
      format: 'auto-circuit checksums 1',
      files: sorted(this.#files),
      ...(this.#writing.size > 0 ? { writing: sorted(this.#writing) } : {}),
    };
    const path = join(this.#folder, RUN_FILES.checksums);
    await writeFileAtomic(path, toJsonText(sealed(value, RUN_FILES.checksums), path));
  }

  /** The first file that is not what it was, and how; null where all are. */
  async damage(): Promise<Damage | null> {
    for (const [file, hash] of this.#files) {
      const now = await hashOf(join(this.#folder, file));
      if (now === null) return { file, how: 'it is missing' };
      if (now !== hash && now !== this.#writing.get(file)) return { file, how: 'its content has changed since' };
    }
    return null;
  }

  /** Files of the run that are there and not listed. */
  unlisted(): ListedFile[] {
    return LISTED.filter((file) => !this.has(file) && existsSync(join(this.#folder, RUN_FILES[file])));
  }
}

interface Damage {
  readonly file: string;
  readonly how: string;
}

/**
 * Whether the files of a run are what they were when they were written. A run of an earlier version, which kept no checksums,
 * passes with a warning.
 * @returns the checksums; null for a run without
 * @throws AutoCircuitError `run-damaged` naming the file
 */
export async function checkRunFiles(
  folder: string,
  { force = false, onWarning = () => undefined }: ReadOptions = {},
): Promise<Checksums | null> {
  const complain = (error: AutoCircuitError): void => {
    if (!force) throw error;
    onWarning(`${error.parts.what}; it is read all the same`);
  };
  const finished = !existsSync(join(folder, RUN_FILES.partial));
  let checksums: Checksums | null = null;
  try {
    checksums = await Checksums.read(folder);
  } catch (error) {
    if (!(error instanceof AutoCircuitError) || error.code === 'file-unreadable') throw error;
    complain(error.code === 'run-damaged' ? error : damaged(folder, RUN_FILES.checksums, 'it is no JSON'));
    return null;
  }
  if (!checksums) {
    if (await keepsChecksums(folder)) {
      if (finished) complain(damaged(folder, RUN_FILES.checksums, 'it is missing'));
    } else onWarning(`${folder} is of an earlier version, which kept no checksums: damage would not be noticed`);
    return null;
  }
  // A run that is being added to may change between the two looks.
  const found = (await checksums.damage()) && (await (await Checksums.read(folder))?.damage());
  if (found) complain(damaged(folder, found.file, found.how));
  const [stray] = finished ? checksums.unlisted() : [];
  if (stray) complain(damaged(folder, RUN_FILES[stray], 'the run did not write it'));
  let isGrouped = true;
  for (const file of [
    RUN_FILES.timings,
    RUN_FILES.clusters,
    RUN_FILES.stability,
    ...(await verificationFiles(folder)),
  ]) {
    const wrong = await sealBroken(folder, file);
    if (wrong === null) continue;
    complain(damaged(folder, file, wrong));
    isGrouped &&= file !== RUN_FILES.clusters;
  }
  const changed = isGrouped ? await changedGroupCircuit(folder) : null;
  if (changed !== null) complain(damaged(folder, changed, 'its content has changed since'));
  return checksums;
}

/** What is wrong with a file that bears its own checksum; null where nothing is, or there is no such file. */
async function sealBroken(folder: string, file: string): Promise<string | null> {
  const text = await readIfThere(join(folder, file));
  if (text === null) return null;
  try {
    return sealedJsonError(JSON.parse(text), file);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return 'it is no JSON';
  }
}

/** Whether a run.json says that there are checksums; a broken one is complained of by whoever reads it. */
async function keepsChecksums(folder: string): Promise<boolean> {
  const text = await readIfThere(join(folder, RUN_FILES.run));
  try {
    return (JSON.parse(text ?? '{}') as { readonly checksums?: unknown } | null)?.checksums !== undefined;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return true;
  }
}

function damaged(folder: string, file: string, how: string): AutoCircuitError {
  return new AutoCircuitError({
    code: 'run-damaged',
    fields: { path: folder, file },
    where: 'run',
    what: `${join(folder, file)} is not what the run wrote: ${how}`,
    fix: 're-run it, replacing the folder, or read it anyway',
  });
}

/** SHA-256 of a file, in hexadecimal; null where there is none. */
async function hashOf(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    // What is no file may have no end.
    if (!(await stat(path)).isFile()) return 'no file';
    await pipeline(createReadStream(path), hash);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return null;
    throw fileError('run', 'read', path, cause);
  }
  return hash.digest('hex');
}
