/** @file Runs `main` in this process with streams that keep what was written; for tests of commands. */
import { main } from '../cli.js';
import type { TextStream } from '../terminal/output.js';

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
export interface RunSettings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether stdout and stderr are a terminal. */
  readonly terminal?: boolean;
  readonly signal?: AbortSignal;
}

export async function runMain(args: readonly string[], settings: RunSettings = {}): Promise<CliRun> {
  const { cwd = process.cwd(), env = {}, terminal = false, signal = new AbortController().signal } = settings;
  const out = recorded(terminal);
  const err = recorded(terminal);
  const code = await main(args, { stdout: out.stream, stderr: err.stream, cwd, env, signal });
  return { code, stdout: out.text(), stderr: err.text() };
}

function recorded(isTTY: boolean): { readonly stream: TextStream; readonly text: () => string } {
  let written = '';
  const write = (text: string): void => {
    written += text;
  };
  return { stream: { write, isTTY, columns: 100 }, text: () => written };
}
