/**
 * @file What the tool comes with, written when it is built: the commands and their help, and what `list` shows. Help and `list`
 * read this file and load nothing else. There is none where the sources run.
 */
import { readFileSync } from 'node:fs';
import type { Explained, OptionTable } from '@auto-circuit/core/plugin';
import { packageVersion } from './package-version.js';

/** Where the catalog of the built package is. */
export const CATALOG_URL: URL = new URL('../catalog.json', import.meta.url);

/** One line of a list. */
export interface CatalogEntry extends Explained {
  readonly name: string;
  readonly doc: string;
  /** The package that it comes from. */
  readonly from: string;
  readonly options?: OptionTable;
  /** Of a preset: the algorithm that it sets. */
  readonly algo?: string;
  /** More facts, by the kind of list. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** A command as the help of the whole tool shows it. */
export interface CatalogCommand {
  readonly name: string;
  readonly doc: string;
  /** `<run>`, `[name]` */
  readonly args: readonly string[];
  readonly hasFlags: boolean;
  /** The heading that help puts it under; '' for the usual one. */
  readonly group: string;
}

/** The content of the file. */
export interface Catalog {
  /** Of this package: a catalog of another build is not used. */
  readonly version: string;
  readonly commands: readonly CatalogCommand[];
  readonly lists: Readonly<Record<string, readonly CatalogEntry[]>>;
}

/** The catalog of this build; null where there is none. */
export function readCatalog(): Catalog | null {
  let text: string;
  try {
    text = readFileSync(CATALOG_URL, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const catalog = JSON.parse(text) as Catalog;
  return catalog.version === packageVersion() ? catalog : null;
}
