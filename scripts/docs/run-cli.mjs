/** @file Runs one command line of the built CLI in this process and gives what it prints: 100 columns, no colours, no config. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '@auto-circuit/cli';

/** @param {readonly string[]} args */
export async function runCli(args) {
  const cwd = mkdtempSync(join(tmpdir(), 'generate-docs-'));
  const [out, err] = [[], []];
  const stdout = { isTTY: false, columns: 100, write: (text) => out.push(text) };
  const stderr = { isTTY: false, columns: 100, write: (text) => err.push(text) };
  const signal = new AbortController().signal;
  const code = await main(args, { stdout, stderr, cwd, env: { NO_COLOR: '1' }, signal });
  rmSync(cwd, { recursive: true });
  if (code !== 0) throw new Error(`auto-circuit ${args.join(' ')} ended with ${code}: ${err.join('')}`);
  return out.join('');
}
