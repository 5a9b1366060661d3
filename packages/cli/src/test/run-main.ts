/** @file Runs `main` in this process with streams that keep what was written; for tests of commands. */
import { main } from '../cli.js';
import type { ErrorJson } from '../terminal/errors.js';
import type { TextStream } from '../terminal/output.js';

/** What a command line came to. */
export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
/** What a command line is run in. */
export interface RunSettings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether stdout and stderr are a terminal. */
  readonly terminal?: boolean;
  readonly signal?: AbortSignal;
}

/** Runs one command line, as `main` gets it. */
export async function runMain(args: readonly string[], settings: RunSettings = {}): Promise<CliRun> {
  const { cwd = process.cwd(), env = {}, terminal = false, signal = new AbortController().signal } = settings;
  const out = recorded(terminal);
  const err = recorded(terminal);
  const code = await main(args, { stdout: out.stream, stderr: err.stream, cwd, env, signal });
  return { code, stdout: out.text(), stderr: err.text() };
}

/**
 * Runs a command line that must be refused with exit code 2 and one line on stderr.
 * @returns the error as `--json` writes it
 */
export async function refusal(args: readonly string[], settings: RunSettings = {}): Promise<ErrorJson> {
  const { code, stdout, stderr } = await runMain([...args, '--json', '--quiet'], settings);
  if (code !== 2) throw new Error(`expected exit code 2, got ${code}: ${stderr || stdout}`);
  const { error } = JSON.parse(stdout) as { readonly error: ErrorJson };
  if (stderr !== `error: ${error.message}\n`) throw new Error(`expected the sentence on stderr, got ${stderr}`);
  return error;
}

function recorded(isTTY: boolean): { readonly stream: TextStream; readonly text: () => string } {
  let written = '';
  const write = (text: string): void => {
    written += text;
  };
  return { stream: { write, isTTY, columns: 100 }, text: () => written };
}
