/**
 * @file The one error family. A user's mistake is one sentence: `[where] what: expected X, got Y; do Z`.
 * Anything that is not an `AutoCircuitError` is our own bug and keeps its stack.
 */

import type { ErrorCode } from './codes.js';
import { shortText, visibleText } from './shown-text.js';

/** Whose fault it is: the user's, ours, or nobody's, when the work was interrupted and what was done is kept. */
export type ErrorKind = 'user' | 'internal' | 'interrupted';

/** The exit code of a process that ended with an error of this kind. */
export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = Object.freeze({
  user: 2,
  internal: 1,
  interrupted: 130,
});

/** What an error is made of: a code and fields for programs, and the parts of a sentence for people. */
export interface ErrorParts {
  /** What went wrong, by name: a key of `ERROR_CODES`, or a plugin's own (`my-plugin/what-is-wrong`). */
  readonly code: ErrorCode;
  /** What it is about, as plain data: names, paths, numbers. The table of codes says which fields each code has. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** The part of the tool that noticed: a file, a command, a package. */
  readonly where: string;
  /** What is wrong, in the user's words. */
  readonly what: string;
  readonly expected?: string;
  readonly got?: string;
  /** What to do about it, in the terms of a script: no flags of a command line, which adds its own by code. */
  readonly fix?: string;
  readonly kind?: ErrorKind;
  readonly cause?: unknown;
}

/** Whatever is refused, or fails for a reason that the caller can know. `message` is its sentence. */
export class AutoCircuitError extends Error {
  readonly code: ErrorCode;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly where: string;
  readonly kind: ErrorKind;
  /** The parts of the sentence, so that a program that shows it can give advice of its own (`errorSentence`). */
  declare readonly parts: ErrorParts;

  constructor(parts: ErrorParts) {
    super(errorSentence(parts), { cause: parts.cause });
    this.name = 'AutoCircuitError';
    this.code = parts.code;
    this.fields = Object.freeze({ ...parts.fields });
    this.where = parts.where;
    this.kind = parts.kind ?? 'user';
    // not listed, so that an uncaught error prints its sentence once
    Object.defineProperty(this, 'parts', { value: parts, enumerable: false });
  }
}

/** Nobody reads 64 digits: a sentence has the first ones, the fields have all. */
const SHA256 = /\b[0-9a-f]{64}\b/g;

/** `[where] what: expected X, got Y; fix`. Parts from files and servers are cut where they are long, and cannot move a cursor. */
export function errorSentence({
  where,
  what,
  expected,
  got,
  fix,
}: Pick<ErrorParts, 'where' | 'what' | 'expected' | 'got' | 'fix'>): string {
  const shown = (part: string): string =>
    visibleText(shortText(part)).replace(SHA256, (hash) => `${hash.slice(0, 12)}…`);
  const comparison = [expected && `expected ${shown(expected)}`, got && `got ${shown(got)}`].filter(Boolean).join(', ');
  return `[${shown(where)}] ${shown(what)}${comparison ? `: ${comparison}` : ''}${fix ? `; ${shown(fix)}` : ''}`;
}
