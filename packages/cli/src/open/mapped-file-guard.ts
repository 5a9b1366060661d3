/**
 * @file Whoever cuts a file short that this process has mapped ends it by SIGBUS: no code of ours runs any more, and nothing is
 * said. So a shell waits beside it, which sees its end and says what became of the file. It costs a millisecond and a megabyte.
 */
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { visibleText } from '@auto-circuit/core/startup';

/** The pipe ends when this process does; a file that is gone, or as long as it was, ended nobody. */
const WATCH = `trap '' INT; cat >/dev/null; { size=$(wc -c <"$1"); } 2>/dev/null || exit 0; [ "$size" -lt "$2" ] && printf '%s\\n' "$3" >&2`;

/**
 * Watches a mapped file.
 * @returns ends the watch: a process that ends by itself says what it has to say
 */
export function guardMappedFile(path: string): () => void {
  if (process.platform === 'win32') return () => undefined;
  const sentence = `error: [cache] ${visibleText(path)} was cut short while this run had it mapped, which ended the process (SIGBUS); run again: the file is written anew`;
  const shell = spawn('/bin/sh', ['-c', WATCH, 'sh', path, `${statSync(path).size}`, sentence], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  shell.on('error', () => undefined); // without a shell nothing is said, as before
  shell.stdin.on('error', () => undefined);
  shell.unref();
  const end = (): void => {
    process.off('exit', end);
    shell.kill('SIGKILL');
  };
  process.on('exit', end);
  return end;
}
