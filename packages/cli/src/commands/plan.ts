/** @file `auto-circuit plan`: divides an experiment or a run into shards, for any launcher to run. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { PlanJson } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { WorkToPlan } from '../cluster/plan-work.js';
import type { Cli, CliCommand } from '../context/context.js';
import { hostOf, SESSION_FLAGS } from '../experiment/host.js';
import { addFlags, type FlagTable, requireFlag } from '../flags/flag-table.js';
import { addTableOptions } from '../flags/table-flags.js';
import { givenFlags } from '../run/run-defaults.js';
import { addRunFlags } from '../run/run-flags.js';
import { shownPath } from '../run/run-folder.js';
import { countOf, quoted } from '../terminal/numbers.js';
import { createProgress } from '../terminal/progress.js';

const FLAGS = {
  shards: { type: 'int', min: 1, max: 100_000, doc: 'processes that will share the work', unset: 'needed' },
  out: { type: 'string', placeholder: 'DIR', doc: 'the folder of the plan, which all machines see', unset: 'needed' },
} as const satisfies FlagTable;

/** `auto-circuit plan`. */
export const planCommand: CliCommand = {
  build: () => {
    const command = new Command('plan')
      .description('Divides an experiment or a run into shards, for Slurm, Kubernetes, GNU parallel or any launcher')
      .argument('[file]', 'an experiment file; without it one run, by the flags of discover');
    addFlags(command, FLAGS, 'Plan:');
    addRunFlags(command);
    addTableOptions(addFlags(command, SESSION_FLAGS, 'Backend:'), 'backend', 'the backend', 'Backend:');
    return command.addHelpText(
      'after',
      `
An experiment is divided by its cells, and where shards are more than cells, cells by their prompts, in whole batches
(--batch-size), or by edges for exact. Any number of shards gives the bytes of experiment and discover.

Examples:
  $ auto-circuit plan study.json --shards 16 --out plans/study
  $ auto-circuit plan --task ioi --algo eap --batch-size 8 --shards 4 --out plans/ioi
  $ for i in 0 1 2 3; do auto-circuit run-shard plans/ioi $i & done; wait
  $ auto-circuit collect plans/ioi`,
    );
  },
  async run(cli, command) {
    const [file] = command.processedArgs as [string | undefined];
    const { shards, out } = cli.flags(FLAGS);
    const asked = requireFlag(shards, command, '--shards', '4');
    const { planFolder, planOf } = await import('../cluster/plan-work.js');
    const folder = planFolder(cli, requireFlag(out, command, '--out', 'plans/ioi'));
    const work =
      file === undefined ? await runWork(cli, command, asked) : await experimentWork(cli, command, file, asked);
    const plan = planOf(work);
    const { writePlan } = await import('@auto-circuit/core/run');
    const isNew = await writePlan(folder, plan);
    show(cli, plan, folder, isNew, asked);
  },
};

const threadsOf = (cli: Cli): number => cli.flags(SESSION_FLAGS).threads ?? availableParallelism();

async function runWork(cli: Cli, command: Command, shards: number): Promise<WorkToPlan> {
  const { planRun, runCell } = await import('../cluster/plan-work.js');
  const threads = threadsOf(cli);
  const host = hostOf(cli, command, { file: join(cli.cwd, 'run'), plugins: [], threads, workers: 1 });
  const cell = runCell(cli, command);
  return {
    name: cell.algo,
    kind: 'run',
    shards,
    threads,
    asked: {},
    host,
    planned: [await planRun(cell, host, cli.signal)],
  };
}

async function experimentWork(cli: Cli, command: Command, file: string, shards: number): Promise<WorkToPlan> {
  checkFlagsOfFile(command);
  const { readExperimentFile } = await import('../experiment/read-experiment-file.js');
  const { experimentCells } = await import('../experiment/cells.js');
  const { checkNames, planCells } = await import('../experiment/plan.js');
  const { hostCli } = await import('../experiment/cell-cli.js');
  const opened = await readExperimentFile(cli.cwd, file);
  const threads = threadsOf(cli);
  const plugins = opened.experiment.plugins ?? [];
  const host = hostOf(cli, command, { file: opened.path, plugins, threads, workers: 1 });
  const base = await hostCli(host, cli.signal);
  await checkNames(opened, base, host);
  const bar = createProgress(cli.output, 'opening');
  try {
    return {
      name: opened.name,
      kind: 'experiment',
      shards,
      threads,
      asked: opened.experiment as unknown as WorkToPlan['asked'],
      host,
      planned: await planCells(experimentCells(opened), base, host, bar),
    };
  } finally {
    bar.stop();
  }
}

/** Settings of runs stand in the file. @throws AutoCircuitError naming a flag that belongs there */
function checkFlagsOfFile(command: Command): void {
  const own = [...Object.keys(FLAGS), ...Object.keys(SESSION_FLAGS), 'plugin', 'config', 'json', 'quiet', 'debug'];
  const stray = givenFlags(command).find((name) => !own.includes(name));
  if (stray === undefined) return;
  const flag = command.options.find((option) => option.attributeName() === stray)?.long ?? `--${stray}`;
  throw new AutoCircuitError({
    code: 'usage',
    fields: { option: flag },
    where: 'plan',
    what: `${flag} is a setting of runs, which stand in the experiment file`,
    fix: 'write it there under "settings", or leave the file out to plan one run',
  });
}

function show(cli: Cli, plan: Omit<PlanJson, 'sha256'>, folder: string, isNew: boolean, asked: number): void {
  const failed = plan.cells.filter(({ error }) => error !== null);
  if (plan.shards < asked) {
    cli.output.warn(
      `the work has ${countOf(plan.units.length, 'piece')}, so it is planned for ${countOf(plan.shards, 'shard')}, not ${asked}` +
        (plan.kind === 'run' ? ': prompts are divided by whole batches (--batch-size)' : ''),
    );
  }
  for (const { name, error } of failed) cli.output.warn(`${name} cannot be run: ${error}`);
  if (cli.output.jsonOnly) {
    const { shards, units, cells } = plan;
    cli.output.json({
      plan: folder,
      shards,
      units: units.length,
      cells: cells.length,
      failed: failed.length,
      new: isNew,
    });
    return;
  }
  const shown = quoted(shownPath(cli, folder));
  const what = plan.kind === 'run' ? 'one run' : countOf(plan.cells.length, 'cell');
  cli.output.line(
    `${isNew ? 'planned' : 'planned before'}: ${what} in ${countOf(plan.units.length, 'piece')} of work for ${countOf(plan.shards, 'shard')}`,
  );
  cli.output.line();
  cli.output.line(
    `run      auto-circuit run-shard ${shown} I     for each I from 0 to ${plan.shards - 1}, in any order`,
  );
  cli.output.line(`look     auto-circuit status ${shown}`);
  cli.output.line(`collect  auto-circuit collect ${shown}`);
}
