/**
 * @file One process at a time writes a run folder. The lock is a file that names its holder; where that process is gone
 * (killed, power cut), another takes the lock over. Where process ids say nothing (another machine, another container), the
 * heartbeat decides.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  constants,
  copyFile,
  link,
  readdir,
  readFile,
  readlink,
  rename,
  stat,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AutoCircuitError } from '../errors/error.js';
import { errnoOf, fileError } from '../files/file-error.js';

/** The name of the lock file. */
export const LOCK_NAME = '.lock';
/** Times of the heartbeat, in ms. */
export interface LockTimes {
  /** How often the holder touches its lock, which is all that another machine or container can see of it. */
  readonly beat: number;
  /** A lock that was touched within this time is held. */
  readonly fresh: number;
  /** Any other is watched for this long, since clocks of two machines may differ: it is held if it is touched meanwhile. */
  readonly watch: number;
}
const TIMES: LockTimes = { beat: 10_000, fresh: 120_000, watch: 25_000 };
/** Times of files that are this far ahead are still those of now. */
const AHEAD_MS = 2_000;
/** A lock younger than this may still be without its text, on a file system without links. */
const UNWRITTEN_MS = 2_000;

/** A lock that this process holds. */
export interface FolderLock {
  /** Removes the lock file, unless another process has taken over meanwhile. */
  release(): Promise<void>;
}

/**
 * Takes the lock of a folder, which must exist.
 * @param times for tests
 * @throws AutoCircuitError naming the process that holds it
 */
export async function lockFolder(folder: string, times: Partial<LockTimes> = {}): Promise<FolderLock> {
  const path = join(folder, LOCK_NAME);
  const mine = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    place: await placeOfProcesses(),
    started: await processStart(process.pid),
    id: randomBytes(8).toString('hex'),
  });
  const all = { ...TIMES, ...times };
  try {
    await take(folder, path, mine, all);
    await removeLeft(folder, all);
  } catch (cause) {
    throw fileError('run', 'lock', folder, cause);
  }
  return holder(path, mine, all);
}

/** Who holds the lock of a folder, in words; null where nobody does who is known to live. Waits for nothing. */
export async function lockHolder(folder: string): Promise<string | null> {
  const path = join(folder, LOCK_NAME);
  const text = await readText(path);
  return text === null ? null : ((await livingHolder(path, text, { ...TIMES, watch: 0 }))?.words ?? null);
}

/**
 * Puts the text `mine` at `path`, over nothing or over what a dead process left.
 *
 * A lock left by a dead process is never removed first: a slow second taker could then remove the lock of the first. A
 * process that wants to replace it must hold its claim, a lock of the same kind whose name is made from the left text.
 * Every lock has a text of its own, so while one process holds the claim and `path` still has that text, no other may
 * change `path`, and one rename replaces it. A claim whose taker died is itself a left lock, taken over in the same way.
 */
async function take(folder: string, path: string, mine: string, times: LockTimes): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  await writeFile(temporary, mine, { flag: 'wx' });
  try {
    // A link appears whole and fails when the name is taken: the one atomic "create with content".
    for (let attempt = 0; !(await linked(temporary, path)); attempt++) {
      if (attempt === 5) throw held(folder, { words: 'another process' });
      const left = await readText(path);
      if (left === null) continue; // released a moment ago
      const living = await livingHolder(path, left, times);
      if (living) throw held(folder, living);
      if (await replaced({ folder, path, left, temporary, mine }, times)) return;
    }
  } finally {
    await unlink(temporary).catch(ignoreSystemError); // gone when it was renamed
  }
}

interface Replacement {
  readonly folder: string;
  readonly path: string;
  readonly left: string;
  readonly temporary: string;
  readonly mine: string;
}

/** Whether `path` still had the text `left` once its claim was ours, and then holds `temporary`. */
async function replaced({ folder, path, left, temporary, mine }: Replacement, times: LockTimes): Promise<boolean> {
  const name = createHash('sha256').update(basename(path)).update('\0').update(left).digest('hex').slice(0, 24);
  const claim = join(folder, `${LOCK_NAME}.${name}.tmp`);
  await take(folder, claim, mine, times);
  try {
    if ((await readText(path)) !== left) return false;
    await rename(temporary, path);
    return true;
  } finally {
    await unlink(claim).catch(ignoreSystemError); // a new holder may have cleaned up
  }
}

/**
 * Removes what killed processes left of their attempts. Called by the holder of the lock: claims to an older lock's text
 * serve nobody any more, since that text is gone.
 */
async function removeLeft(folder: string, times: LockTimes): Promise<void> {
  const all = (await readdir(folder).catch(ignoreSystemError)) ?? [];
  const names = all.filter((name) => name.startsWith(`${LOCK_NAME}.`) && name.endsWith('.tmp'));
  for (const path of names.map((name) => join(folder, name))) {
    const text = await readText(path);
    // Not watched: of what looks silent, nothing worse than an attempt is lost.
    const living = text !== null && (await livingHolder(path, text, { ...times, watch: 0 }));
    if (living === null) await unlink(path).catch(ignoreSystemError);
  }
}

function holder(path: string, mine: string, times: LockTimes): FolderLock {
  const beat = setInterval(() => {
    const now = new Date();
    // A lock that cannot be touched is only less fresh for other machines.
    utimes(path, now, now).catch(ignoreSystemError);
  }, times.beat);
  beat.unref();
  return {
    async release() {
      clearInterval(beat);
      if ((await readText(path)) === mine) await unlink(path).catch(ignoreSystemError);
    },
  };
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (cause) {
    const code = errnoOf(cause) ?? '';
    if (code === 'EEXIST') return false;
    if (!NO_LINKS.includes(code)) throw cause;
    return copied(from, to);
  }
}

/** File systems without links (exFAT, some network ones): there the content comes a moment after the name. */
const NO_LINKS = ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'];
async function copied(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL);
    return true;
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST') return false;
    throw cause;
  }
}

/** Who holds a lock: in words, and where it is known by process id and host. */
interface Holder {
  readonly words: string;
  readonly pid?: number;
  readonly host?: string;
}

/** Who holds the lock; null when nobody does who is alive. */
async function livingHolder(path: string, text: string, times: LockTimes): Promise<Holder | null> {
  const owner = parseOwner(text);
  if (!owner) {
    return (await beats(path, { ...times, fresh: UNWRITTEN_MS, watch: Math.min(times.watch, UNWRITTEN_MS) }))
      ? { words: 'another process' }
      : null;
  }
  // Only where both see the same processes does a process id say anything.
  if (owner.host !== hostname() || owner.place !== (await placeOfProcesses())) {
    const words = `process ${owner.pid} ${owner.host === hostname() ? 'of another container' : `on ${owner.host}`}`;
    return (await beats(path, times)) ? { words, pid: owner.pid, host: owner.host } : null;
  }
  if (!isAlive(owner.pid)) return null;
  // Process ids come again (in containers nearly always): the start time tells them apart where the system shows it.
  const started = await processStart(owner.pid);
  if (started !== null && owner.started !== null && started !== owner.started) return null;
  const words = owner.pid === process.pid ? 'this process' : `process ${owner.pid}`;
  return { words, pid: owner.pid, host: owner.host };
}

/** Whether a lock was touched a short time ago; if not, or if it seems to come from the future, whether it is touched now. */
async function beats(path: string, { fresh, watch }: LockTimes): Promise<boolean> {
  const touched = async () => (await stat(path).catch(ignoreSystemError))?.mtimeMs ?? null;
  const first = await touched();
  if (first === null) return false;
  const age = Date.now() - first;
  if (age > -AHEAD_MS && age < fresh) return true;
  const end = performance.now() + watch;
  while (performance.now() < end) {
    await sleep(Math.min(500, watch / 10));
    const now = await touched();
    if (now !== first) return now !== null;
  }
  return false;
}

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Which processes it sees; null where the system does not say. */
  readonly place: string | null;
  readonly started: string | null;
}

/** null for a text that no whole lock of ours holds. */
function parseOwner(text: string): Owner | null {
  try {
    const { pid, host, place, started } = JSON.parse(text) as Partial<Record<keyof Owner, unknown>>;
    // 0 and negative numbers stand for groups of processes, of which one always lives.
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0 || typeof host !== 'string') return null;
    const textOf = (value: unknown) => (typeof value === 'string' ? value : null);
    return { pid, host, place: textOf(place), started: textOf(started) };
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof TypeError) return null;
    throw cause;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return errnoOf(cause) === 'EPERM'; // alive, but somebody else's
  }
}

/**
 * Which processes this one sees: the start of the system and the namespace of process ids. Two containers may have one host
 * name and each its own process 1. Null where there is no /proc.
 */
async function placeOfProcesses(): Promise<string | null> {
  const boot = await readText('/proc/sys/kernel/random/boot_id');
  const namespace = (await readlink('/proc/self/ns/pid').catch(ignoreSystemError)) ?? null;
  return boot === null || namespace === null ? null : `${boot.trim()} ${namespace}`;
}

/** When a process started, in the system's ticks since it booted; null where there is no /proc. */
async function processStart(pid: number): Promise<string | null> {
  const text = await readText(`/proc/${pid}/stat`);
  // The second field is the command in brackets and may hold blanks; the start is the 20th field after it.
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

async function readText(path: string): Promise<string | null> {
  return (await readFile(path, 'utf8').catch(ignoreSystemError)) ?? null;
}

function held(folder: string, { words, pid, host }: Holder): AutoCircuitError {
  return new AutoCircuitError({
    code: 'run-locked',
    fields: { path: folder, pid, host },
    where: 'run',
    what: `${words} is writing ${folder}`,
    fix: 'wait for it, stop it, or choose another folder',
  });
}

function ignoreSystemError(error: unknown): undefined {
  if (errnoOf(error) === undefined) throw error;
  return undefined;
}
