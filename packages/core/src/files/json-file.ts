/** @file JSON text from a file to a checked value: what is wrong is one sentence that names the file and the field. */
import type { z } from 'zod';
import { AutoCircuitError } from '../errors/error.js';
import { nearestNames } from '../errors/names.js';

/** Where a text comes from: the part of the tool that reads it, and the file's path as the user knows it. */
export interface JsonOrigin {
  readonly where: string;
  readonly path: string;
}

/** Lists and objects in each other. No file of ours has more than ten; whatever walks deeper ones runs out of stack. */
const DEEPEST = 100;

/** @throws AutoCircuitError when the text is not JSON, or nested deeper than any file that is read here. */
export function parseJson(text: string, { where, path }: JsonOrigin): unknown {
  if (isDeeper(text, DEEPEST)) {
    throw new AutoCircuitError({
      code: 'invalid-file',
      fields: { path, key: '' },
      where,
      what: `${path} holds lists or objects that are nested too deeply`,
      expected: `at most ${DEEPEST} in each other`,
      fix: 'check that it is the right file and whole',
    });
  }
  try {
    // A byte order mark is no part of JSON, but some editors write one.
    return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch (cause) {
    // The error about a text of hundreds of megabytes can be too long itself.
    if (!(cause instanceof SyntaxError || cause instanceof RangeError)) throw cause;
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

/** Whether brackets outside of texts are nested deeper than so many. */
function isDeeper(text: string, most: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfText(text, i);
    else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      if (++depth > most) return true;
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--;
  }
  return false;
}
const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

/** The place of the quote that ends the text which begins at `start`. */
function endOfText(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i;
    if (code === BACKSLASH) i++;
  }
  return text.length;
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
    ...misspelt(value, issue.path),
  });
}

/** So many keys are looked through for a misspelt one. */
const MOST_KEYS = 1000;

/** Advice where a key is missing and another one beside it looks like it. */
function misspelt(value: unknown, path: readonly PropertyKey[]): { fix?: string } {
  const [key, ...parents] = [...path].reverse();
  const at = (inside: unknown, name: PropertyKey): unknown =>
    typeof inside === 'object' && inside !== null && Object.hasOwn(inside, name)
      ? (inside as Record<PropertyKey, unknown>)[name]
      : undefined;
  const parent = parents.reverse().reduce(at, value);
  if (typeof key !== 'string' || typeof parent !== 'object' || parent === null || Object.hasOwn(parent, key)) return {};
  const [near] = nearestNames(key, Object.keys(parent).slice(0, MOST_KEYS), 1);
  return near === undefined ? {} : { fix: `rename "${near.slice(0, 80)}" to "${key}", if that is what it is` };
}

/** `prompts[3].answers[0]`; the top of the file when the path is empty. */
function fieldName(path: readonly PropertyKey[]): string {
  const name = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part).slice(0, 80)}`)).join('');
  return name.replace(/^\./, '') || 'the top level';
}
