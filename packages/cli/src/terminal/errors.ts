/**
 * @file How an error ends a command: one line on stderr, an exit code, the stack only with `--debug`, and with `--json` a
 * document on stdout.
 */
import { AutoCircuitError, type ErrorKind, EXIT_CODES, shortText, visibleText } from '@auto-circuit/core/startup';
import { errorText, withAdvice } from './advice.js';
import type { FlagWords } from './flag-words.js';
import type { Output } from './output.js';
import { withoutLikelySecrets } from './shown.js';
import { asTyped } from './typed.js';

/** Writes the error and gives the exit code. */
export function reportError(output: Output, error: unknown, debug: boolean): number {
  const { red, dim } = output.errorColors;
  const kind = errorKind(error);
  const { stderr } = output.streams;
  const label = kind === 'interrupted' ? 'interrupted' : 'error';
  const { env } = output.streams;
  const message = withoutLikelySecrets(asTyped(sentenceOf(error, kind, output.flags), env), env);
  stderr.write(`${red(`${label}:`)} ${message}\n`);
  if (debug) stderr.write(`${dim(visibleText(withoutLikelySecrets(stackOf(error), env)))}\n`);
  if (output.jsonOnly && !output.wroteJson)
    output.json({ error: cleaned(errorJson(error, kind, message, output.flags), env) });
  return EXIT_CODES[kind];
}

/** Errors of plugins may come from another copy of core, so the name counts, not the class. */
export function isAutoCircuitError(error: unknown): error is AutoCircuitError {
  return (
    error instanceof AutoCircuitError ||
    (error instanceof Error && error.name === 'AutoCircuitError' && 'kind' in error)
  );
}

/** Whose fault an error is, and so the exit code. What is no `AutoCircuitError` is our own mistake, or Ctrl-C. */
export function errorKind(error: unknown): ErrorKind {
  if (isAutoCircuitError(error)) return Object.hasOwn(EXIT_CODES, error.kind) ? error.kind : 'internal';
  return error instanceof Error && error.name === 'AbortError' ? 'interrupted' : 'internal';
}

/** What `--json` writes of an error. */
export interface ErrorJson {
  /** A name of docs/reference/errors.md, or a plugin's own. */
  readonly code: string;
  readonly kind: ErrorKind;
  readonly where: string;
  /** The sentence that stands on stderr. */
  readonly message: string;
  /** The parts of the sentence, where it has them. */
  readonly what?: string | undefined;
  readonly expected?: string | undefined;
  readonly got?: string | undefined;
  readonly fix?: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

function errorJson(error: unknown, kind: ErrorKind, message: string, flags: FlagWords): ErrorJson {
  if (!isAutoCircuitError(error)) {
    return {
      code: kind === 'interrupted' ? 'interrupted' : 'internal',
      kind,
      where: 'auto-circuit',
      message,
      fields: {},
    };
  }
  const { code = 'internal', where, fields = {} } = error;
  if (!(error instanceof AutoCircuitError)) return { code, kind, where, message, fields: jsonFields(fields) };
  const { what, expected, got, fix } = withAdvice(error.parts, flags);
  return { code, kind, where, message, what, expected, got, fix, fields: jsonFields(fields) };
}

/** Every text of the document without secrets, and cut where it is long. */
function cleaned<T>(value: T, env: Output['streams']['env']): T {
  if (typeof value === 'string') return withoutLikelySecrets(shortText(value, LONGEST), env) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.slice(0, MOST_ENTRIES).map((entry) => cleaned(entry, env)) as T;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, cleaned(entry, env)])) as T;
}
/** A message of four parts that are cut themselves is shorter. */
const LONGEST = 15_000;
const MOST_ENTRIES = 10_000;

/** Without values that JSON has no form for. */
function jsonFields(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const said = Object.entries(fields).filter(([, value]) => {
    try {
      return JSON.stringify(value) !== undefined;
    } catch {
      return false;
    }
  });
  return Object.fromEntries(said);
}

function sentenceOf(error: unknown, kind: ErrorKind, flags: FlagWords): string {
  const text = errorText(error, flags);
  if (isAutoCircuitError(error)) return text;
  if (kind === 'interrupted') return 'stopped by Ctrl-C';
  // What the system refused, somewhere that no sentence was thought of, is no mistake of this program.
  if (error instanceof Error && 'errno' in error && 'syscall' in error) return `[files] ${text}`;
  return `[auto-circuit] a bug in auto-circuit: ${text} (--debug shows where; please report it)`;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
