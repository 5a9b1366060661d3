/** @file The page of the command line: every command's own help. */
import { createProgram } from '@auto-circuit/cli';
import { runCli } from './run-cli.mjs';

const silent = { isTTY: false, columns: 100, write: () => {} };
const fenced = (text) => `\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`;

/** Help without the flags that every command has; they stand once at the top of the page. */
const ownPart = (help) => help.replace(/^Global Options:\n(?: .*\n)+\n?/m, '');

export async function cliPage() {
  const names = createProgram({ stdout: silent, stderr: silent, env: {} }).commands.map((command) => command.name());
  const parts = [
    'Results go to stdout, progress and warnings to stderr. Exit codes: 0 done, 2 a mistake in what was asked, 1 a bug in auto-circuit, 130 interrupted with the work kept.\n',
    fenced(await runCli(['--help'])),
  ];
  for (const name of names) parts.push(`## ${name}\n`, fenced(ownPart(await runCli([name, '--help']))));
  return { title: 'Command line', text: parts.join('\n') };
}
