/** @file One file from the hub into the cache: resumes a broken download, and checks what arrived. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { fileError } from '@auto-circuit/core/run';
import { claimPartial, type RepoCache, releasePartial } from './repo-cache.js';

const WHERE = 'hub';
/** How often a broken connection is tried again, as long as each try brings something. */
const TRIES = 5;
const REDIRECTS = 5;

/** A repository on the hub, and how to talk to it. */
export interface HubConnection {
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly repo: string;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (file: string, done: number, total: number | undefined) => void;
}

interface RemoteFile {
  readonly url: string;
  /** Names the content: its sha256 for large files, its git hash for small ones. */
  readonly etag: string;
  readonly size: number | undefined;
}

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
    const blob = cache.blob(remote.etag);
    if (!existsSync(blob)) await fetchBlob(hub, file, remote, blob);
    await cache.link(remote.etag, commit, file);
  } catch (cause) {
    throw fileError(WHERE, `write ${file} to`, cache.folder, cause);
  }
}

/** A request to the hub; network failures become errors, answers are returned whatever their status. */
export async function request(hub: HubConnection, url: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (hub.token) headers.set('authorization', `Bearer ${hub.token}`);
  try {
    return await fetch(url, { ...init, headers, signal: hub.signal ?? null });
  } catch (cause) {
    if (hub.signal?.aborted) throw cause;
    throw new HubUnreachable(url, cause);
  }
}

/** The hub does not answer, or is out of order: a cached copy may still serve. */
export class HubUnreachable extends AutoCircuitError {
  constructor(url: string, cause: unknown) {
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    super({
      code: 'hub-unreachable',
      fields: { url },
      where: WHERE,
      what: `${new URL(url).origin} cannot be reached (${reason})`,
      fix: 'check the network and HF_ENDPOINT, or name a folder on disk',
      cause,
    });
  }
}

/** The error for an answer that refuses; undefined for one that does not. */
export function refusal(hub: HubConnection, status: number, url: string, what: string): AutoCircuitError | undefined {
  if (status < 400) return undefined;
  if (status === 429 || status >= 500) return new HubUnreachable(url, new Error(`it answers with status ${status}`));
  const reasons: Readonly<Record<number, { readonly what: string; readonly fix: string }>> = {
    401: hub.token
      ? { what: 'the hub does not accept the token', fix: 'check HF_TOKEN' }
      : { what: 'it does not exist, or is private and no token was given', fix: 'check the name, or set HF_TOKEN' },
    403: { what: 'access is restricted', fix: `ask for access at ${hub.endpoint}/${hub.repo}, and set HF_TOKEN` },
    404: { what: 'the hub does not have it', fix: 'check the name and the revision' },
  };
  const reason = reasons[status] ?? { what: `the hub answers with status ${status}`, fix: 'try again later' };
  return new AutoCircuitError({
    code: 'hub-refused',
    fields: { url, status, model: hub.repo },
    where: WHERE,
    what: `cannot get ${what}: ${reason.what}`,
    fix: reason.fix,
  });
}

/** Asks for a file's hash and size. The hub redirects to its storage, which knows neither: its own answer is what counts. */
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
    if (location?.startsWith('/') && !linked) {
      url = new URL(location, url).href; // a renamed repository
      continue;
    }
    const etag = (linked ?? answer.headers.get('etag') ?? '').replace(/^W\//, '').replace(/^"|"$/g, '');
    const size = answer.headers.get('x-linked-size') ?? (location ? null : answer.headers.get('content-length'));
    if (etag === '') break;
    return { url, etag, size: size !== null && /^\d+$/.test(size) ? Number(size) : undefined };
  }
  throw new AutoCircuitError({
    code: 'hub-refused',
    fields: { url, model: hub.repo },
    where: WHERE,
    what: `${hub.endpoint} does not say what ${file} of ${hub.repo} contains (no ETag)`,
    fix: 'check HF_ENDPOINT',
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
  // fetch drops the token by itself when the redirect leads to another host
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (have > 0) headers.range = `bytes=${have}-`;
  const answer = await request(hub, remote.url, { headers });
  const error = refusal(hub, answer.status, remote.url, `${file} of ${hub.repo}`);
  if (error) throw error;
  const resumed = answer.status === 206 && answer.headers.get('content-range')?.startsWith(`bytes ${have}-`);
  if (answer.status === 206 && !resumed) throw new Interrupted('the answer begins elsewhere');
  const handle = await open(partial, resumed ? 'a' : 'w');
  try {
    await appendBody(hub, file, remote, answer, handle, resumed ? have : 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function appendBody(
  hub: HubConnection,
  file: string,
  remote: RemoteFile,
  answer: Response,
  handle: FileHandle,
  have: number,
): Promise<void> {
  let done = have;
  const reader = answer.body?.getReader();
  for (;;) {
    const chunk = await reader?.read().catch((cause: unknown) => {
      if (hub.signal?.aborted) throw cause;
      throw new Interrupted('the connection broke', { cause });
    });
    if (!chunk || chunk.done) break;
    await handle.appendFile(chunk.value);
    done += chunk.value.length;
    hub.onProgress(file, done, remote.size);
  }
  if (remote.size !== undefined && done < remote.size) throw new Interrupted('the answer ended early');
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
