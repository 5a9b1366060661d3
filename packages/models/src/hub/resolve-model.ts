/**
 * @file A model by folder or hub name → a folder on disk. Only config, tokenizer and safetensors files are fetched.
 *
 * @example
 * const folder = await resolveModel('openai-community/gpt2', { onProgress, onWarning });
 */
import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { weightFiles } from '../checkpoint/hf-folder.js';
import { markInUse } from '../checkpoint/in-use.js';
import { defaultCacheDir } from '../checkpoint/weight-cache.js';
import { checkedToken, HubAway, type HubConnection, hubEndpoint, tokenFromEnvironment, WHERE } from './connection.js';
import { downloadFile } from './download.js';
import { repositoryInfo } from './listing.js';
import { openRepoCache, type RepoCache } from './repo-cache.js';

/** How the hub is reached. */
export interface HubSettings {
  /** Use the cache only. Default: HF_HUB_OFFLINE. */
  readonly offline?: boolean;
  /** Default: HF_TOKEN, else the file that `hf auth login` wrote. */
  readonly token?: string;
  /** Default: HF_ENDPOINT, else https://huggingface.co. */
  readonly endpoint?: string;
  /** Branch, tag or commit. Default: main. */
  readonly revision?: string;
  /** Default: HF_HUB_CACHE, else HF_HOME/hub, else ~/.cache/huggingface/hub. */
  readonly cacheDir?: string;
  /** Called with the bytes of the file being fetched; `total` is undefined when the hub does not say. */
  readonly onProgress?: (file: string, done: number, total: number | undefined) => void;
  /** Called with a line when the hub is busy and asked again, and when a cached copy is used because it cannot be reached. */
  readonly onWarning?: (line: string) => void;
  /** How long the hub may be silent, and an answer may bring next to nothing. Default 60,000. */
  readonly patienceMs?: number;
  /** The first wait before a busy hub is asked again, where it does not say how long; then twice as long each time. Default 1,000. */
  readonly retryMs?: number;
  readonly signal?: AbortSignal;
}

/** Small files that are fetched when the repository has them. */
const SMALL_FILES = [
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'vocab.json',
  'merges.txt',
];
const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/**
 * The local folder of a model, fetched from the hub if it is not a folder and not cached.
 * @param nameOrFolder a folder, or a hub name (`name` or `org/name`)
 * @throws AutoCircuitError for a name that is neither, a private or unknown model, no connection and no cached copy,
 *   a broken download (what arrived stays for the next try), a wrong checksum
 */
export async function resolveModel(nameOrFolder: string, settings: HubSettings = {}): Promise<string> {
  if (existsSync(nameOrFolder)) {
    if (statSync(nameOrFolder).isDirectory()) return resolve(nameOrFolder);
    throw new AutoCircuitError({
      code: 'unsupported-format',
      fields: { path: nameOrFolder },
      where: WHERE,
      what: `${nameOrFolder} is a file`,
      expected: 'a model folder (config.json and safetensors) or a hub name',
    });
  }
  if (!/^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)?$/.test(nameOrFolder) || /\.\.|--/.test(nameOrFolder)) {
    throw new AutoCircuitError({
      code: 'unknown-name',
      fields: { what: 'model', name: nameOrFolder },
      where: WHERE,
      what: `there is no folder ${nameOrFolder}, and it is not a hub name either`,
      expected: 'a folder, or a name like openai-community/gpt2',
    });
  }
  const { revision = 'main' } = settings;
  const cache = openRepoCache(nameOrFolder, settings.cacheDir);
  await markInUse(defaultCacheDir(), basename(cache.folder));
  if (settings.offline ?? isOn(process.env.HF_HUB_OFFLINE)) {
    return cachedFolder(nameOrFolder, cache, revision, 'the hub is switched off (HF_HUB_OFFLINE)');
  }
  try {
    return await fetchModel(connect(nameOrFolder, settings), cache, revision);
  } catch (error) {
    if (!(error instanceof HubAway) || !isComplete(cache, revision)) throw error;
    settings.onWarning?.(`${error.message}; using the cached copy of ${nameOrFolder}`);
    return cachedFolder(nameOrFolder, cache, revision, 'the hub cannot be reached');
  }
}

function connect(repo: string, settings: HubSettings): HubConnection {
  const { token, signal, patienceMs = 60_000, retryMs = 1000 } = settings;
  const nobody = (): void => undefined;
  return {
    ...{ repo, signal, patienceMs, retryMs },
    endpoint: hubEndpoint(settings.endpoint),
    token: token === undefined ? tokenFromEnvironment() : checkedToken(token, 'the token'),
    onProgress: settings.onProgress ?? nobody,
    onWarning: settings.onWarning ?? nobody,
  };
}

async function fetchModel(hub: HubConnection, cache: RepoCache, revision: string): Promise<string> {
  const { commit, files } = await repositoryInfo(hub, revision);
  const weights = [WEIGHTS, INDEX].find((file) => files.includes(file));
  if (!weights || !files.includes('config.json')) {
    throw new AutoCircuitError({
      code: 'unsupported-format',
      fields: { model: hub.repo },
      where: WHERE,
      what: `${hub.repo} has no ${weights ? 'config.json' : 'weights in safetensors form'}`,
      expected: `config.json and ${WEIGHTS} (or ${INDEX})`,
      fix: 'choose another model or revision',
    });
  }
  for (const file of SMALL_FILES) {
    if (files.includes(file)) await downloadFile(hub, cache, commit, file);
  }
  await downloadFile(hub, cache, commit, weights);
  const folder = cache.snapshot(commit);
  if (weights === INDEX) {
    for (const shard of weightFiles(folder, { mayLack: true })) {
      await downloadFile(hub, cache, commit, shard.slice(folder.length + 1));
    }
  }
  await cache.remember(revision, commit);
  return folder;
}

/** Whether the cache holds everything needed of a revision. */
function isComplete(cache: RepoCache, revision: string): boolean {
  const commit = cache.commitOf(revision);
  if (commit === undefined || !existsSync(cache.snapshot(commit, 'config.json'))) return false;
  const folder = cache.snapshot(commit);
  if (!existsSync(join(folder, WEIGHTS)) && !existsSync(join(folder, INDEX))) return false;
  return weightFiles(folder, { mayLack: true }).every((file) => existsSync(file));
}

function cachedFolder(name: string, cache: RepoCache, revision: string, why: string): string {
  const commit = cache.commitOf(revision);
  if (commit !== undefined && isComplete(cache, revision)) return cache.snapshot(commit);
  throw new AutoCircuitError({
    code: 'file-not-found',
    fields: { path: cache.folder, model: name, partly: commit !== undefined },
    where: WHERE,
    what: `${name} is ${commit === undefined ? 'not' : 'only partly'} in the cache (${cache.folder}), and ${why}`,
    fix: 'download it once while online, or name a folder on disk',
  });
}

const isOn = (flag: string | undefined): boolean => /^(1|on|yes|true)$/i.test(flag ?? '');
