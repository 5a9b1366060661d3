/** @file JSON text from a file to a checked value: what is wrong is one sentence that names the file and the field. */
import type { z } from 'zod';
import { AutoCircuitError } from '../errors/error.js';

/** Where a text comes from: the part of the tool that reads it, and the file's path as the user knows it. */
export interface JsonOrigin {
  readonly where: string;
  readonly path: string;
}

/** @throws AutoCircuitError when the text is not JSON. */
export function parseJson(text: string, { where, path }: JsonOrigin): unknown {
  try {
    // A byte order mark is no part of JSON, but some editors write one.
    return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new AutoCircuitError({
      code: 'invalid-json',
      fields: { path },
      where,
      what: text.trim() === '' ? `${path} is empty` : `${path} is not a JSON file (${cause.message.slice(0, 120)})`,
      fix: 'check that it is the right file and complete',
      cause,
    });
  }
}

/** The value as the schema has it. @throws AutoCircuitError naming the first field that is wrong. */
export function checkJson<S extends z.ZodType>(schema: S, value: unknown, { where, path }: JsonOrigin): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const key = fieldName(issue.path);
  const problem = issue.message.replace(/^Invalid input: /, '').replace('received', 'got');
  throw new AutoCircuitError({
    code: 'invalid-file',
    fields: { path, key },
    where,
    what: `${path}: ${key} is wrong: ${problem}`,
  });
}

/** `prompts[3].answers[0]`; the top of the file when the path is empty. */
function fieldName(path: readonly PropertyKey[]): string {
  const name = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part).slice(0, 80)}`)).join('');
  return name.replace(/^\./, '') || 'the top level';
}
