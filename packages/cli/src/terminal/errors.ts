/** @file How an error ends a command: one line on stderr, an exit code, and the stack only with `--debug`. */
import { AutoCircuitError, type ErrorKind, EXIT_CODES } from '@auto-circuit/core/startup';
import type { Output } from './output.js';

/** Writes the error and gives the exit code. */
export function reportError(output: Output, error: unknown, debug: boolean): number {
  const { red, dim } = output.errorColors;
  const kind = errorKind(error);
  const { stderr } = output.streams;
  const label = kind === 'interrupted' ? 'interrupted' : 'error';
  stderr.write(`${red(`${label}:`)} ${errorSentence(error, kind)}\n`);
  if (debug) stderr.write(`${dim(stackOf(error))}\n`);
  return EXIT_CODES[kind];
}

/** Errors of plugins may come from another copy of core, so the name counts, not the class. */
export function isAutoCircuitError(error: unknown): error is AutoCircuitError {
  return (
    error instanceof AutoCircuitError ||
    (error instanceof Error && error.name === 'AutoCircuitError' && 'kind' in error)
  );
}

export function errorKind(error: unknown): ErrorKind {
  if (isAutoCircuitError(error)) return Object.hasOwn(EXIT_CODES, error.kind) ? error.kind : 'internal';
  return error instanceof Error && error.name === 'AbortError' ? 'interrupted' : 'internal';
}

function errorSentence(error: unknown, kind: ErrorKind): string {
  const message = (error instanceof Error ? error.message : String(error)).trim().replace(/\s*\n\s*/g, ' ');
  if (isAutoCircuitError(error)) return message;
  if (kind === 'interrupted') return 'stopped by Ctrl-C';
  return `[auto-circuit] a mistake of ours: ${message} (--debug shows where; please report it)`;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
