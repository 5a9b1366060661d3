/** @file `auto-circuit report RUN…`: the HTML report of a finished run, or of several side by side, rewritten from their files. */
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import type { CliCommand } from '../context/context.js';
import { READ_FLAGS } from '../context/read-options.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import { reportOfFolders } from '../report/run-report.js';
import { formatBytes } from '../terminal/numbers.js';

const FLAGS = {
  out: {
    type: 'string',
    placeholder: 'FILE',
    doc: 'the HTML file',
    unset: 'RUN/report.html; comparison.html for several',
  },
} as const satisfies FlagTable;

/** `auto-circuit report`. */
export const reportCommand: CliCommand = {
  build: () =>
    addFlags(
      new Command('report')
        .description('Writes one self-contained HTML file about a run, or about several side by side')
        .argument('<runs...>', 'run folders'),
      { ...FLAGS, ...READ_FLAGS },
    ).addHelpText(
      'after',
      `
For several runs it shows curves, areas, the overlap of their scores and small drawings, grouped by task.

Examples:
  $ auto-circuit report runs/ioi --out ioi.html
  $ auto-circuit report runs/eap runs/acdc --out both.html`,
    ),
  async run(cli, command) {
    const [folders] = command.processedArgs as [string[]];
    const { writeFileAtomic } = await import('@auto-circuit/core/run');
    const out = cli.flags(FLAGS).out ?? (folders.length === 1 ? join(folders[0]!, 'report.html') : 'comparison.html');
    const html = await (await reportOfFolders(cli, folders, dirname(resolve(cli.cwd, out))))();
    await writeFileAtomic(resolve(cli.cwd, out), html);
    const bytes = Buffer.byteLength(html);
    if (cli.output.jsonOnly) cli.output.json({ report: resolve(cli.cwd, out), bytes });
    else cli.output.line(`${out}  ${formatBytes(bytes)}`);
  },
};
