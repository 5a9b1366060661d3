/** @file The version of this package, as its package.json has it. */
import { readFileSync } from 'node:fs';

/** `0.1.0`. */
export function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}
