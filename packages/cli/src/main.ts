#!/usr/bin/env node
/** @file The `auto-circuit` program: the process around `main`. */
import { main } from './cli.js';

const INTERRUPTED = 130;
const interrupt = new AbortController();
const answer = { words: 'stopping after this step; press Ctrl-C again to quit at once' };
process.on('SIGINT', () => {
  if (interrupt.signal.aborted) process.exit(INTERRUPTED);
  interrupt.abort(); // takes progress bars away
  process.stderr.write(`\n${answer.words}\n`);
});
// The reader of a pipe may leave early (`auto-circuit list | head -3`): then nobody wants the rest.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const exitCode = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  cwd: process.cwd(),
  env: process.env,
  signal: interrupt.signal,
  interrupt: answer,
});
// A native runtime may still hold threads; what was written is flushed first.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
