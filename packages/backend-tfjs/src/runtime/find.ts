/** @file Where a tfjs package is installed: in a given folder, in the working folder, or beside this package. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { DEVICES, type TfjsDevice } from './devices.js';

/** A package as Node would load it. */
export interface FoundPackage {
  readonly name: string;
  readonly version: string;
  /** The file to import. */
  readonly main: string;
}

/** The runtime package of a device, or undefined. `folder` is looked at first, then the working folder. */
export function findRuntime(device: TfjsDevice, folder?: string): FoundPackage | undefined {
  const { package: name } = DEVICES[device];
  const starts = [folder, process.cwd()].flatMap((f) => (f ? [path.join(path.resolve(f), 'from.js')] : []));
  for (const start of [...starts, import.meta.url]) {
    const found = findPackage(name, start);
    if (found) return found;
  }
  return undefined;
}

/** A package as a file at `start` sees it. */
export function findPackage(name: string, start: string): FoundPackage | undefined {
  const { resolve } = createRequire(start);
  try {
    const manifest = JSON.parse(readFileSync(resolve(`${name}/package.json`), 'utf8')) as { version: string };
    return { name, version: manifest.version, main: resolve(name) };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
const isMissing = (error: unknown): boolean =>
  error instanceof Error && (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
