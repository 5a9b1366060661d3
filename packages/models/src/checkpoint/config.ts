/** @file Reads config.json and checks what a recipe needs of it; every problem is one sentence that names the key. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { checkJson, fileError, parseJson } from '@auto-circuit/core/run';
import { z } from 'zod';

const WHERE = 'checkpoint';

/** The parsed config.json: any keys, `model_type` for certain. */
export type RawConfig = Readonly<Record<string, unknown>> & { readonly model_type: string };

const rawConfig = z.looseObject({ model_type: z.string().min(1) });

/** More tokens, positions or dimensions than any model has: from here on a number is a mistake, or meant to fill the memory. */
const MOST = 2 ** 24;
/** The same for layers, and for heads of a layer; the largest model that is published has 126 and 128. */
const MOST_PARTS = 4096;

/** A whole count above 0. */
export const count = z.number().int().positive().max(MOST);
/** A number of layers, or of heads. */
export const partCount = z.number().int().positive().max(MOST_PARTS);

/**
 * Reads FOLDER/config.json.
 * @throws AutoCircuitError when it is missing, not JSON, or without `model_type`
 */
export function readConfig(folder: string): RawConfig {
  const path = join(folder, 'config.json');
  return parseConfig(rawConfig, readJson(path), path);
}

/** Reads a JSON file; a missing, unreadable or broken one is a sentence. */
export function readJson(path: string): unknown {
  let text: string;
  try {
    refuseEndless(path);
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw fileError(WHERE, 'read', path, cause);
  }
  return parseJson(text, { where: WHERE, path });
}

/** A folder from elsewhere may hold a link to what never ends, such as /dev/zero. @throws AutoCircuitError for what is no file */
function refuseEndless(path: string): void {
  if (statSync(path).isFile()) return;
  throw new AutoCircuitError({
    code: 'file-unreadable',
    fields: { path },
    where: WHERE,
    what: `${path} is not a file`,
  });
}

/**
 * Checks a config (or any JSON) against a schema.
 * @param source what the sentence calls it: a path, or a name for a model built in code
 * @throws AutoCircuitError naming the first wrong key
 */
export function parseConfig<S extends z.ZodType>(schema: S, value: unknown, source: string): z.output<S> {
  return checkJson(schema, value, { where: WHERE, path: source });
}
