/** @file `auto-circuit report RUN`: the HTML report of a finished run, made again from its files. */
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import type { CliCommand } from '../context.js';
import { addFlags, type FlagTable } from '../flags/index.js';
import { formatBytes } from '../terminal/index.js';

const FLAGS = {
  out: { type: 'string', placeholder: 'FILE', doc: 'the HTML file', unset: 'RUN/report.html' },
} as const satisfies FlagTable;

export const reportCommand: CliCommand = {
  build: () =>
    addFlags(
      new Command('report')
        .description('One HTML file about a run, which needs no network')
        .argument('<run>', 'a run folder'),
      FLAGS,
    ).addHelpText('after', '\nExample:\n  $ auto-circuit report runs/ioi --out ioi.html'),
  async run(cli, command) {
    const [folder] = command.processedArgs as [string];
    const { readFinishedRun, writeFileAtomic } = await import('@auto-circuit/core');
    const { renderReport } = await import('@auto-circuit/viewer');
    const html = renderReport(await readFinishedRun(resolve(cli.cwd, folder)));
    const out = cli.flags(FLAGS).out ?? join(folder, 'report.html');
    await writeFileAtomic(resolve(cli.cwd, out), html);
    const bytes = Buffer.byteLength(html);
    if (cli.output.jsonOnly) cli.output.json({ report: resolve(cli.cwd, out), bytes });
    else cli.output.line(`${out}  ${formatBytes(bytes)}`);
  },
};
