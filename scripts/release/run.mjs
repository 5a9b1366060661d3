/** @file Running commands: their output, and the end of the script, with all they said, when one fails. */
import { spawnSync } from 'node:child_process';

/** Runs a command to its end; gives status, stdout and stderr. Variables that package managers leave for their scripts are taken away. */
export function attempt(command, args, { cwd, env = {} }) {
  const clean = Object.entries(process.env).filter(([name]) => !/^(npm_|pnpm_|PNPM_|INIT_CWD$)/.test(name));
  return spawnSync(command, args, {
    cwd,
    env: { ...Object.fromEntries(clean), NO_COLOR: '1', ...env },
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    shell: process.platform === 'win32',
  });
}

/** The stdout of a command that must succeed. */
export function run(command, args, options) {
  const { status, stdout, stderr, error } = attempt(command, args, options);
  if (status === 0) return stdout;
  throw new Error(
    `${command} ${args.join(' ')} (in ${options.cwd}) ended with ${status}:\n${stdout ?? ''}${stderr ?? ''}${error ?? ''}`,
  );
}

/** @throws Error unless it holds */
export function expect(holds, sentence) {
  if (!holds) throw new Error(sentence);
}
