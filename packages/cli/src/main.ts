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

// Nothing is left to do, and the command has not ended: what it awaits (a promise of a plugin) never comes. Node would end with
// code 13 and a warning. Whoever knows better, as the loader of plugins does, says so first.
let ended = false;
process.once('beforeExit', () => {
  setTimeout(() => {
    if (ended) return;
    process.stderr.write(
      'error: [auto-circuit] the command waits for something that never comes, such as a promise of a plugin; check the plugins and the config\n',
      () => process.exit(2),
    );
  }, 100);
});

const exitCode = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  cwd: process.cwd(),
  env: process.env,
  signal: interrupt.signal,
  interrupt: answer,
});
ended = true;
// A native runtime may still hold threads; what was written is flushed first.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
