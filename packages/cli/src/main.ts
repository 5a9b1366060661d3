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
const MISTAKE = 2;
let told = false;
/** The reader of a pipe may leave early (`auto-circuit list | head -3`): then nobody wants the rest. A full disk (`list > file`) is an error. */
async function outputLost(cause: NodeJS.ErrnoException): Promise<void> {
  if (cause.code === 'EPIPE') process.exit(0);
  if (told) return;
  told = true;
  const { fileError } = await import('@auto-circuit/core/run');
  const error = fileError('auto-circuit', 'write', 'the output', cause) as Error;
  process.stderr.write(`error: ${error.message}\n`, () => process.exit(MISTAKE));
}
process.stdout.on('error', outputLost);
process.stderr.on('error', () => undefined); // there is nobody left to tell

// Nothing is left to do, and the command has not ended: what it awaits (a promise of a plugin) never comes. Node would end with
// code 13 and a warning. Whoever knows better, as the loader of plugins does, says so first.
let ended = false;
process.once('beforeExit', () => {
  setTimeout(() => {
    if (ended) return;
    process.stderr.write(
      'error: [auto-circuit] the command waits for something that never comes, such as a promise of a plugin; check the plugins and the config\n',
      () => process.exit(MISTAKE),
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
process.stdout.write('', (error) => {
  if (told) return; // its sentence ends the process
  if (error) void outputLost(error);
  else process.stderr.write('', () => process.exit(exitCode));
});
