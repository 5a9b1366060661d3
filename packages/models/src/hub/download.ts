/** @file One file from the hub into the cache: resumes a broken download, and checks what arrived. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { type FileHandle, open, rename, stat, statfs, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { fileError } from '@auto-circuit/core/run';
import { type HubConnection, refusal, request, WHERE } from './connection.js';
import { claimPartial, type RepoCache, releasePartial } from './repo-cache.js';

/** How often a broken connection is tried again, as long as each try brings something. */
const TRIES = 5;
const REDIRECTS = 5;
/** Of a file whose size nobody says. */
const MOST_UNSAID_BYTES = 2 ** 30;
/** Of configs and tokenizers; the largest tokenizer has some tens of megabytes. */
const MOST_SMALL_BYTES = 2 ** 28;
/** A connection that brings less in the time that the hub may be silent is broken off. */
const LEAST_BYTES = 2 ** 14;

interface RemoteFile {
  readonly url: string;
  /** Names the content: its sha256 for large files, its git hash for small ones. */
  readonly etag: string;
  /** Its name in the cache. */
  readonly blob: string;
  readonly size: number | undefined;
}

const IS_HASH = /^([0-9a-f]{64}|[0-9a-f]{40})$/;
/** Mirrors may name contents by size and time, which two files can share: then the file's address is part of the name. */
const blobName = (etag: string, url: string): string =>
  IS_HASH.test(etag)
    ? etag
    : createHash('sha256')
        .update(`${new URL(url).pathname} ${etag}`)
        .digest('hex');

/** The connection ended before the answer was whole. */
class Interrupted extends Error {}

/**
 * Brings one file of a commit into the cache, unless it is there.
 * @throws AutoCircuitError for a refused, missing, broken or wrong file; what arrived of a broken one stays for the next try
 */
export async function downloadFile(hub: HubConnection, cache: RepoCache, commit: string, file: string): Promise<void> {
  if (existsSync(cache.snapshot(commit, file))) return;
  try {
    const remote = await describe(hub, commit, file);
    const blob = cache.blob(remote.blob);
    if (!existsSync(blob)) {
      checkSmall(hub, file, remote);
      await fetchBlob(hub, file, remote, blob);
    }
    await cache.link(remote.blob, commit, file);
  } catch (cause) {
    throw fileError(WHERE, `write ${file} to`, cache.folder, cause);
  }
}

/**
 * Asks for a file's hash and size. The hub redirects to its storage, which knows neither: its own answer is what counts. Only
 * redirects within the hub's own origin are followed, those of renamed repositories.
 */
async function describe(hub: HubConnection, commit: string, file: string): Promise<RemoteFile> {
  const encoded = file.split('/').map(encodeURIComponent).join('/');
  let url = `${hub.endpoint}/${hub.repo}/resolve/${commit}/${encoded}`;
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    const answer = await request(hub, url, {
      method: 'HEAD',
      redirect: 'manual',
      headers: { 'accept-encoding': 'identity' },
    });
    const error = refusal(hub, answer.status, url, `${file} of ${hub.repo}`);
    if (error) throw error;
    const location = answer.headers.get('location');
    const linked = answer.headers.get('x-linked-etag');
    const target = location !== null && URL.canParse(location, url) ? new URL(location, url) : undefined;
    if (target && !linked && target.origin === new URL(hub.endpoint).origin) {
      url = target.href;
      continue;
    }
    const etag = (linked ?? answer.headers.get('etag') ?? '').replace(/^W\//, '').replace(/^"|"$/g, '');
    const size = answer.headers.get('x-linked-size') ?? (location ? null : answer.headers.get('content-length'));
    if (etag === '') break;
    return {
      url,
      etag,
      blob: blobName(etag, url),
      size: size !== null && /^\d+$/.test(size) ? Number(size) : undefined,
    };
  }
  throw new AutoCircuitError({
    code: 'hub-refused',
    fields: { url, model: hub.repo },
    where: WHERE,
    what: `${hub.endpoint} does not say what ${file} of ${hub.repo} contains (no ETag)`,
    fix: 'check HF_ENDPOINT',
  });
}

/** What a file may have: what is said of it, and for a file other than weights no more than any has. */
function mostBytes(file: string, said: number | undefined): number {
  return file.endsWith('.safetensors')
    ? (said ?? MOST_UNSAID_BYTES)
    : Math.min(said ?? MOST_SMALL_BYTES, MOST_SMALL_BYTES);
}

function checkSmall(hub: HubConnection, file: string, { size = 0 }: RemoteFile): void {
  const most = mostBytes(file, size);
  if (size > most) throw tooLong(hub, file, most, `${size}, as the hub says`);
}

const tooLong = (hub: HubConnection, file: string, most: number, got: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'download-broken',
    fields: { file, size: most },
    where: WHERE,
    what: `${file} of ${hub.repo} is longer than it should be, and was not kept`,
    expected: `at most ${most} bytes`,
    got,
    fix: 'try again; if it stays so, a proxy or mirror changes files',
  });

/** @throws AutoCircuitError before anything is written, where the rest of the file does not fit on the disk */
async function checkRoom(hub: HubConnection, file: string, needed: number, partial: string): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(partial));
  if (needed <= bavail * bsize) return;
  throw new AutoCircuitError({
    code: 'disk-full',
    fields: { path: dirname(partial), bytes: needed },
    where: WHERE,
    what: `${file} of ${hub.repo} does not fit on the disk of ${dirname(partial)}`,
    expected: `${needed} bytes free`,
    got: `${bavail * bsize}`,
    fix: 'free some space, or set HF_HUB_CACHE to a folder on another disk',
  });
}

async function fetchBlob(hub: HubConnection, file: string, remote: RemoteFile, blob: string): Promise<void> {
  const partial = await claimPartial(blob);
  let finished = false;
  try {
    await fetchWhole(hub, file, remote, partial);
    await verify(hub, file, remote, partial);
    await rename(partial, blob);
    finished = true;
  } finally {
    if (!finished) await releasePartial(blob, partial);
  }
}

/** Fetches until the file has its size, resuming after breaks that brought something. */
async function fetchWhole(hub: HubConnection, file: string, remote: RemoteFile, partial: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const before = await sizeOf(partial);
    if (remote.size !== undefined && before >= remote.size) return;
    try {
      await fetchRest(hub, file, remote, partial, before);
      return;
    } catch (cause) {
      if (!(cause instanceof Interrupted)) throw cause;
      const now = await sizeOf(partial);
      if (attempt < TRIES && now > before) continue;
      throw new AutoCircuitError({
        code: 'download-broken',
        fields: { file, bytes: now, size: remote.size },
        where: WHERE,
        what: `the connection broke while getting ${file} of ${hub.repo}`,
        got: `${now} of ${remote.size ?? 'unknown'} bytes`,
        fix: 'run again to continue from there',
        cause,
      });
    }
  }
}

async function fetchRest(
  hub: HubConnection,
  file: string,
  remote: RemoteFile,
  partial: string,
  have: number,
): Promise<void> {
  // fetch drops the token by itself when the redirect leads to another origin
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (have > 0) headers.range = `bytes=${have}-`;
  const answer = await request(hub, remote.url, { headers });
  const error = refusal(hub, answer.status, remote.url, `${file} of ${hub.repo}`);
  if (error) throw error;
  const resumed = answer.status === 206 && answer.headers.get('content-range')?.startsWith(`bytes ${have}-`);
  if (answer.status === 206 && !resumed) {
    await answer.body?.cancel().catch(() => undefined);
    throw new Interrupted('the answer begins elsewhere');
  }
  const from = resumed ? have : 0;
  const most = mostBytes(file, remote.size ?? promised(answer, from));
  const handle = await open(partial, resumed ? 'a' : 'w');
  let whole = false;
  try {
    if (remote.size !== undefined) await checkRoom(hub, file, remote.size - from, partial);
    whole = await appendBody(hub, file, answer, handle, { from, most, size: remote.size });
    await handle.sync();
  } finally {
    await handle.close();
    await answer.body?.cancel().catch(() => undefined); // what is left of it
  }
  if (whole) return;
  await unlink(partial);
  throw tooLong(hub, file, most, 'more');
}

/** The size of the whole file by its answer. */
function promised(answer: Response, from: number): number | undefined {
  const length = answer.headers.get('content-length') ?? '';
  return /^\d+$/.test(length) ? from + Number(length) : undefined;
}

/** Writes the body. @returns false where it goes on beyond `most` bytes, which are not written */
async function appendBody(
  hub: HubConnection,
  file: string,
  answer: Response,
  handle: FileHandle,
  { from, most, size }: { readonly from: number; readonly most: number; readonly size: number | undefined },
): Promise<boolean> {
  let done = from;
  const reader = answer.body?.getReader();
  if (!reader) return true;
  let [slow, before] = [false, done];
  const watch = setInterval(() => {
    slow = done - before < LEAST_BYTES;
    before = done;
    if (slow) reader.cancel().catch(() => undefined);
  }, hub.patienceMs);
  try {
    for (;;) {
      const chunk = await reader.read().catch((cause: unknown) => {
        if (hub.signal?.aborted) throw cause;
        throw new Interrupted('the connection broke', { cause });
      });
      if (slow) throw new Interrupted(`fewer than ${LEAST_BYTES} bytes came in ${hub.patienceMs / 1000} s`);
      if (chunk.done) break;
      if (done + chunk.value.length > most) return false;
      await handle.appendFile(chunk.value);
      done += chunk.value.length;
      hub.onProgress(file, done, size);
    }
  } finally {
    clearInterval(watch);
    await reader.cancel().catch(() => undefined);
    reader.releaseLock();
  }
  if (size !== undefined && done < size) throw new Interrupted('the answer ended early');
  return true;
}

const sizeOf = async (path: string): Promise<number> => (existsSync(path) ? (await stat(path)).size : 0);

/** A wrong file is removed: resuming it could never make it right. */
async function verify(hub: HubConnection, file: string, { etag, size }: RemoteFile, path: string): Promise<void> {
  const got = await sizeOf(path);
  const wrong = (what: string, expected: string, found: string) =>
    new AutoCircuitError({
      code: 'download-broken',
      fields: { file, expected, got: found },
      where: WHERE,
      what: `${file} of ${hub.repo} came with a wrong ${what} and was removed`,
      expected,
      got: found,
      fix: 'try again; if it keeps happening, a proxy or mirror changes files',
    });
  let error = size !== undefined && got !== size ? wrong('size', `${size} bytes`, `${got}`) : undefined;
  const hash = /^[0-9a-f]{64}$/.test(etag)
    ? createHash('sha256')
    : /^[0-9a-f]{40}$/.test(etag)
      ? createHash('sha1').update(`blob ${got}\0`) // git's hash of a file
      : undefined;
  if (!error && hash) {
    await pipeline(createReadStream(path, { highWaterMark: 2 ** 22 }), hash);
    const found = hash.digest('hex');
    if (found !== etag) error = wrong('checksum', etag, found);
  }
  if (!error) return;
  await unlink(path);
  throw error;
}
