/**
 * @file The hub's cache on disk, in the layout that Python's huggingface_hub and `@huggingface/hub` share:
 * `models--ORG--NAME/{blobs/ETAG, snapshots/COMMIT/FILE → blob, refs/REVISION}`.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile, lstat, rename, symlink, unlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { errnoOf, makeFolder, writeFileAtomic } from '@auto-circuit/core/run';
import { getHFHubCachePath, getRepoFolderName } from '@huggingface/hub';
import { isAlive } from '../checkpoint/in-use.js';

/** A repository in the cache. */
export interface RepoCache {
  /** …/models--ORG--NAME */
  readonly folder: string;
  /** Where the file of a commit is found, whether or not it is there. */
  snapshot(commit: string, file?: string): string;
  blob(etag: string): string;
  /** The commit that a branch, tag or commit name stands for in the cache. */
  commitOf(revision: string): string | undefined;
  remember(revision: string, commit: string): Promise<void>;
  /** Makes the blob appear as a file of the commit: a relative link, or a copy where links are not allowed. */
  link(etag: string, commit: string, file: string): Promise<void>;
}

/** A repository's place in the cache, whether or not it is there. @param cacheDir default: the hub library's own */
export function openRepoCache(name: string, cacheDir: string = getHFHubCachePath()): RepoCache {
  const folder = join(cacheDir, getRepoFolderName({ type: 'model', name }));
  const snapshot = (commit: string, file = '') => join(folder, 'snapshots', plainName('revision', commit), file);
  const blob = (etag: string) => join(folder, 'blobs', plainName('etag', etag));
  const reference = (revision: string) =>
    join(folder, 'refs', ...revision.split('/').map((part) => plainName('revision', part)));
  const commitOf = (revision: string): string | undefined => {
    if (existsSync(reference(revision))) return readFileSync(reference(revision), 'utf8').trim();
    return existsSync(snapshot(revision)) ? revision : undefined;
  };
  return Object.freeze({
    folder,
    snapshot,
    blob,
    commitOf,
    remember: async (revision: string, commit: string) => {
      if (revision === commit || commitOf(revision) === commit) return; // so a cache that cannot be written serves
      await makeFolder(dirname(reference(revision)));
      await writeFileAtomic(reference(revision), commit);
    },
    link: async (etag: string, commit: string, file: string) => {
      const target = snapshot(commit, file);
      await makeFolder(dirname(target));
      await linkOrCopy(blob(etag), target);
    },
  });
}

/** A name from a server or a user goes into a path only if it is one plain name. */
function plainName(what: 'revision' | 'etag', name: string): string {
  if (/^[\w.+-]+$/.test(name) && !name.startsWith('.')) return name;
  throw new AutoCircuitError({
    ...(what === 'revision'
      ? { code: 'invalid-option', fields: { option: what, got: name } }
      : { code: 'download-broken', fields: { etag: name } }),
    where: 'hub',
    what: `${JSON.stringify(name.slice(0, 80))} is not a valid name for a cached file`,
  });
}

async function linkOrCopy(blob: string, target: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await symlink(relative(dirname(target), blob), target);
      return;
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'EEXIST' && existsSync(target)) return; // another process was as quick
      if (code === 'EEXIST' && attempt === 0)
        await unlink(target); // a link to nothing
      else if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS') return await copyFile(blob, target);
      else throw error;
    }
  }
}

/**
 * Takes what an earlier download of the blob left (if any) as this process's own, so that two processes never write to
 * one file. What a dead process holds may be taken too.
 * @returns the path to append to; it may not exist yet
 */
export async function claimPartial(blob: string): Promise<string> {
  await makeFolder(dirname(blob));
  const own = `${blob}.${process.pid}-${randomBytes(4).toString('hex')}.incomplete`;
  const held = new RegExp(`^${basename(blob).replace(/[.+]/g, '\\$&')}(?:\\.(\\d+)-[0-9a-f]+)?\\.incomplete$`);
  for (const name of readdirSync(dirname(blob))) {
    const match = held.exec(name);
    if (!match || (match[1] && isAlive(Number(match[1])))) continue;
    try {
      await rename(join(dirname(blob), name), own);
      return own;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error; // ENOENT: somebody else took it first
    }
  }
  return own;
}

/** Puts an unfinished download back, for the next process that wants it. */
export async function releasePartial(blob: string, own: string): Promise<void> {
  if (await lstat(own).catch(() => undefined)) await rename(own, `${blob}.incomplete`);
}
