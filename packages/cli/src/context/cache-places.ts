/** @file The caches that the environment of a command line names. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { CacheEntry } from '@auto-circuit/models';
import type { Cli } from './context.js';

/** The folder of the Hugging Face tools, and their cache of models. */
export function hubFolders({ env }: Pick<Cli, 'env'>): { readonly home: string; readonly hub: string } {
  const home = env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
  return { home, hub: env.HF_HUB_CACHE || join(home, 'hub') };
}

/** What the caches hold. */
export async function openCaches(cli: Pick<Cli, 'env'>): Promise<readonly CacheEntry[]> {
  const { defaultCacheDir, listCache, temporaryCacheDir } = await import('@auto-circuit/models');
  return listCache({ cacheDirs: [defaultCacheDir(cli.env), temporaryCacheDir()], hubDir: hubFolders(cli).hub });
}
