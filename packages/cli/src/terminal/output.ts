/** @file Where lines go: results to stdout; notes, warnings and progress to stderr; one document with `--json`. */
import { shortText, visibleText } from '@auto-circuit/core/startup';
import pc from 'picocolors';
import { warningText } from './advice.js';
import { ANY_FLAG, type FlagWords } from './flag-words.js';
import { shownText, withoutLikelySecrets, withoutSecrets } from './shown.js';
import { asTyped } from './typed.js';

/** What a command line runs in; tests give their own. */
export interface Streams {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** What the first Ctrl-C is answered with; a command that is meant to be ended so says what happens. */
  readonly interrupt?: { words: string };
}
/** The part of a Node.js stream that is used. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Functions that colour a text, or leave it plain. */
export type Colors = ReturnType<typeof pc.createColors>;

/** Where the lines of one command go. */
export interface Output {
  readonly streams: Streams;
  /** `--json`: only `json` writes to stdout. */
  readonly jsonOnly: boolean;
  readonly quiet: boolean;
  /** Colours of stdout, and of stderr: plain where it is no terminal, or with NO_COLOR. */
  readonly colors: Colors;
  readonly errorColors: Colors;
  /** The flags of whoever reads these lines, for advice. */
  readonly flags: FlagWords;
  /** Columns of stdout. */
  readonly width: number;
  /** A line of the result (stdout); nothing with `--json`. */
  line(text?: string): void;
  /** The result as one JSON document (stdout); infinities are written "inf" and "-inf". */
  json(value: unknown): void;
  /** Whether `json` has written: stdout gets one document, so an error after it is on stderr alone. */
  readonly wroteJson: boolean;
  /** A remark on the way (stderr); nothing with `--quiet`. */
  note(text: string): void;
  /** Something the user should know (stderr), always; advice of libraries is put into flags. */
  warn(text: string): void;
}

/** @param json whether stdout gets documents only; `quiet`: whether notes are left out; `flags`: those of the command */
export function createOutput(
  streams: Streams,
  { json = false, quiet = false, flags = ANY_FLAG }: { json?: boolean; quiet?: boolean; flags?: FlagWords } = {},
): Output {
  const { stdout, stderr } = streams;
  const colors = pc.createColors(wantsColor(stdout, streams.env));
  const errorColors = pc.createColors(wantsColor(stderr, streams.env));
  let wroteJson = false;
  const said = (text: string, { isColorSupported }: Colors): string =>
    shownText(withoutLikelySecrets(text, streams.env), isColorSupported);
  return Object.freeze({
    streams,
    jsonOnly: json,
    quiet,
    colors,
    errorColors,
    flags,
    width: stdout.columns ?? 100,
    line: (text = '') => {
      if (!json)
        stdout.write(
          `${shownText(withoutSecrets(asTyped(text, streams.env), streams.env), colors.isColorSupported)}\n`,
        );
    },
    json: (value) => {
      wroteJson = true;
      stdout.write(`${withoutSecrets(jsonText(value), streams.env)}\n`);
    },
    get wroteJson() {
      return wroteJson;
    },
    note: (text) => {
      if (!quiet) stderr.write(`${said(text, errorColors)}\n`);
    },
    warn: (text) => {
      const line = said(shortText(asTyped(warningText(text, flags), streams.env)), NO_COLORS);
      stderr.write(`${errorColors.yellow('warning:')} ${line}\n`);
    },
  } satisfies Output);
}

/** Colours on a terminal only, none with NO_COLOR (any value but '') or TERM=dumb. */
function wantsColor(stream: TextStream, env: Streams['env']): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}

const NO_COLORS: Colors = pc.createColors(false);

/** JSON writes out most of what a terminal acts on; here all of it. */
const jsonText = (value: unknown): string => visibleText(JSON.stringify(value, infinitiesAsText, 2));

/** JSON has no infinities. */
function infinitiesAsText(_key: string, value: unknown): unknown {
  if (value === Number.POSITIVE_INFINITY) return 'inf';
  return value === Number.NEGATIVE_INFINITY ? '-inf' : value;
}
