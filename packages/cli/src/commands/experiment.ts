/** @file `auto-circuit experiment FILE`: many tasks × algorithms × seeds, a run folder each, and one table of results. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { ExperimentCell } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import type { CellHost } from '../experiment/cell-cli.js';
import type { Cell } from '../experiment/cells.js';
import { hostOf, SESSION_FLAGS } from '../experiment/host.js';
import type { PlannedCell } from '../experiment/plan.js';
import type { ExperimentOutcome } from '../experiment/run-experiment.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import { addTableOptions } from '../flags/table-flags.js';
import { existingFolder, folderName, OUT_FLAGS, shownPath } from '../run/run-folder.js';
import { countOf } from '../terminal/numbers.js';
import { createProgress } from '../terminal/progress.js';

const FLAGS = {
  out: { ...OUT_FLAGS.out, doc: 'the experiment’s folder', unset: 'runs/NAME' },
  resume: { ...OUT_FLAGS.resume, doc: 'continue the experiment in the folder; finished cells are kept' },
  overwrite: { ...OUT_FLAGS.overwrite, doc: 'replace the experiment in the folder' },
  only: {
    type: 'string',
    placeholder: 'PATTERN,…',
    doc: 'only cells whose name, or a part of it, matches: "ioi*", "*/eap/*"',
    unset: 'all cells',
  },
  workers: {
    type: 'int',
    min: 0,
    default: 1,
    doc: 'worker processes, which share one copy of the weights; 0: run in this process',
  },
  dryRun: { type: 'boolean', default: false, doc: 'show the cells and which are done; run nothing' },
} as const satisfies FlagTable;
/** Some cells failed. */
const SOME_FAILED = 1;

/** `auto-circuit experiment`. */
export const experimentCommand: CliCommand = {
  build: () => {
    const command = new Command('experiment')
      .description(
        'Runs many tasks × algorithms × seeds from one file, resumable, with a table of results and a report',
      )
      .argument('<file>', 'an experiment file: .json, or .mjs with a default export');
    addTableOptions(
      addFlags(addFlags(command, FLAGS, 'Experiment:'), SESSION_FLAGS, 'Backend:'),
      'backend',
      'the backend',
      'Backend:',
    );
    return command.addHelpText(
      'after',
      `
Each cell is a run folder like one from discover, under OUT/cells/, named after a hash of everything that decides its numbers.
Exit code 0 when all cells are done, 1 when some failed.

Examples:
  $ auto-circuit experiment study.json --workers 2
  $ auto-circuit experiment study.mjs --resume --only 'ioi-mini/eap*/*'`,
    );
  },
  async run(cli, command) {
    const [file] = command.processedArgs as [string];
    const existing = existingFolder(cli, command.name());
    const values = cli.flags(FLAGS);
    const { readExperimentFile } = await import('../experiment/read-experiment-file.js');
    const { experimentCells, matchingCells } = await import('../experiment/cells.js');
    const { openExperimentFolder, readExperiment } = await import('@auto-circuit/core/run');
    const opened = await readExperimentFile(cli.cwd, file);
    const cells = experimentCells(opened);
    const wanted = new Set((values.only === undefined ? cells : matchingCells(cells, values.only)).map((c) => c.name));
    const folder = resolve(cli.cwd, values.out ?? `runs/${folderName(opened.name)}`);
    const kept = existing === 'overwrite' ? null : await readExperiment(folder);
    const threads = threadsOfSession(cli, kept?.threads ?? null);
    const host = hostOf(cli, command, {
      file: opened.path,
      plugins: opened.experiment.plugins ?? [],
      threads,
      workers: values.workers,
    });
    const { hostCli } = await import('../experiment/cell-cli.js');
    const { checkNames } = await import('../experiment/plan.js');
    const base = await hostCli(host, cli.signal);
    await checkNames(opened, base, host);
    const { cellStates, runExperiment } = await import('../experiment/run-experiment.js');
    if (values.dryRun) return showDryRun(cli, await cellStates(await planned(cli, cells, base, host), folder), folder);
    const store = await openExperimentFolder(folder, existing);
    let outcome: ExperimentOutcome;
    try {
      const asked = opened.experiment as unknown as Readonly<Record<string, unknown>>;
      const request = {
        name: opened.name,
        asked,
        planned: await planned(cli, cells, base, host),
        wanted,
        threads,
        workers: values.workers,
      };
      outcome = await runExperiment(cli, host, store, request);
    } finally {
      await store.close();
    }
    return end(cli, outcome, folder, wanted);
  },
};

/** With a progress bar, as opening models takes a while. */
async function planned(cli: Cli, cells: readonly Cell[], base: Cli, host: CellHost): Promise<PlannedCell[]> {
  const { planCells } = await import('../experiment/plan.js');
  const bar = createProgress(cli.output, 'opening');
  try {
    return await planCells(cells, base, host, bar);
  } finally {
    bar.stop();
  }
}

/** The share of each worker; a resumed experiment keeps its own, since it is part of what decides the numbers. */
function threadsOfSession(cli: Cli, kept: number | null): number {
  const { threads } = cli.flags(SESSION_FLAGS);
  if (threads === undefined && kept !== null) return kept;
  const { workers } = cli.flags(FLAGS);
  return Math.max(1, Math.floor((threads ?? availableParallelism()) / Math.max(1, workers)));
}

async function showDryRun(cli: Cli, cells: readonly ExperimentCell[], folder: string): Promise<number> {
  const { cellFolder, cellProgress } = await import('@auto-circuit/core/run');
  const { showCells } = await import('../experiment/show-experiment.js');
  const states = cells.map(({ state, hash }) =>
    state === 'waiting' && cellProgress(cellFolder(folder, hash!)) === 'begun' ? 'begun' : state,
  );
  if (cli.output.jsonOnly) {
    cli.output.json({ out: folder, cells: cells.map((cell, i) => ({ ...cell, state: states[i] })) });
    return 0;
  }
  showCells(cli.output, cells, states);
  const done = cells.filter(({ state }) => state === 'done').length;
  cli.output.line();
  cli.output.line(`${countOf(cells.length, 'cell')}, ${done} done; nothing was run`);
  return 0;
}

async function end(
  cli: Cli,
  { cells, finished, interrupted }: ExperimentOutcome,
  folder: string,
  wanted: ReadonlySet<string>,
): Promise<number> {
  const { faithfulnessKept, showFailures, showSummary } = await import('../experiment/show-experiment.js');
  const { EXPERIMENT_FILES: files } = await import('@auto-circuit/core/run');
  const shown = shownPath(cli, folder);
  if (interrupted) {
    const done = cells.filter(({ state }) => state === 'done').length;
    throw new AutoCircuitError({
      code: 'interrupted',
      fields: { path: folder },
      where: 'experiment',
      what: `stopped with ${done} of ${countOf(cells.length, 'cell')} done; finished work is saved in ${shown}`,
      fix: 'run the same command with --resume to continue',
      kind: 'interrupted',
    });
  }
  const failed = cells.some(({ name, state }) => wanted.has(name) && state === 'failed');
  if (cli.output.jsonOnly) {
    const circuits = new Map(finished.map((one) => [one.cell.name, one]));
    cli.output.json({
      out: folder,
      cells: cells.map((cell) => {
        const one = circuits.get(cell.name);
        const found = one ? { edges: one.run.circuit.edges.length, faithfulness: faithfulnessKept(one) } : {};
        return { ...cell, folder: cell.hash === null ? null : `${files.cells}/${cell.hash}`, ...found };
      }),
      results: resolve(folder, files.results),
      report: finished.length > 0 ? resolve(folder, files.report) : null,
    });
    return failed ? SOME_FAILED : 0;
  }
  if (finished.length > 0) showSummary(cli.output, finished);
  showFailures(cli.output, cells);
  cli.output.line();
  cli.output.line(`files   ${shown}/${files.results}, ${files.table}, ${files.cells}/`);
  if (finished.length > 0) cli.output.line(`report  ${shown}/${files.report}`);
  return failed ? SOME_FAILED : 0;
}
