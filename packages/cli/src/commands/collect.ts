/** @file `auto-circuit collect PLAN`: the results of a plan whose shards are done. */
import { join } from 'node:path';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { CollectRequest } from '../cluster/collect-plan.js';
import type { Cli, CliCommand } from '../context/context.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import { phaseBar } from '../run/run-discover.js';
import { shownPath } from '../run/run-folder.js';
import { formatCount, formatFaithfulness } from '../terminal/numbers.js';

const FLAGS = {
  mixedHardware: {
    type: 'boolean',
    default: false,
    doc: 'put shards together that were computed on different processors or runtimes; the results say so',
  },
} as const satisfies FlagTable;

/** Some cells failed. */
const SOME_FAILED = 1;

/** `auto-circuit collect`. */
export const collectCommand: CliCommand = {
  build: () =>
    addFlags(
      new Command('collect')
        .description('Puts the shards of a plan together: scores, circuits, tables and a report')
        .argument('<plan>', 'a folder of auto-circuit plan'),
      FLAGS,
    ).addHelpText(
      'after',
      `
The results are in PLAN/result: a run folder as discover writes it, or an experiment's. All shards must have ended.
Exit code 0 when all is done, 1 when some cells failed.

Example:
  $ auto-circuit collect plans/ioi`,
    ),
  async run(cli, command) {
    const [name] = command.processedArgs as [string];
    const { PLAN_FILES, readPlan } = await import('@auto-circuit/core/run');
    const { planFolder } = await import('../cluster/plan-work.js');
    const folder = planFolder(cli, name);
    const plan = await readPlan(folder);
    const result = join(folder, PLAN_FILES.result);
    const bar = phaseBar(cli.output);
    const request: CollectRequest = {
      folder,
      plan,
      mixedHardware: cli.flags(FLAGS).mixedHardware,
      onProgress: bar.report,
    };
    try {
      return plan.kind === 'run' ? await endRun(cli, request, result) : await endExperiment(cli, request, result);
    } finally {
      bar.stop();
    }
  },
};

async function endRun(cli: Cli, request: CollectRequest, result: string): Promise<number> {
  const { collectRun } = await import('../cluster/collect-plan.js');
  const outcome = await collectRun(cli, request);
  if (outcome.kind === 'interrupted') throw interrupted(request.folder);
  if (cli.output.jsonOnly) cli.output.json({ out: result, ...outcome });
  else if (outcome.kind === 'failed') cli.output.line(`the run failed: ${outcome.error}`);
  else {
    const { edges, faithfulness } = outcome;
    const number = typeof faithfulness === 'number' ? `, faithfulness ${formatFaithfulness(faithfulness)}` : '';
    cli.output.line(`circuit  ${formatCount(edges)} edges${number}`);
    cli.output.line(`report   ${shownPath(cli, result)}/report.html`);
  }
  if (outcome.kind === 'done') for (const line of outcome.warnings) cli.output.warn(line);
  return outcome.kind === 'done' ? 0 : SOME_FAILED;
}

async function endExperiment(cli: Cli, request: CollectRequest, result: string): Promise<number> {
  const { collectExperiment } = await import('../cluster/collect-plan.js');
  const { showFailures, showSummary } = await import('../experiment/show-experiment.js');
  const { cells, finished, interrupted: stopped } = await collectExperiment(cli, request);
  if (stopped) throw interrupted(request.folder);
  const failed = cells.some(({ state }) => state !== 'done');
  if (cli.output.jsonOnly) {
    cli.output.json({ out: result, cells });
    return failed ? SOME_FAILED : 0;
  }
  if (finished.length > 0) showSummary(cli.output, finished);
  showFailures(cli.output, cells, 'run their shards again to try them again, then collect');
  cli.output.line();
  cli.output.line(`files   ${shownPath(cli, result)}/results.json, results.csv, cells/`);
  if (finished.length > 0) cli.output.line(`report  ${shownPath(cli, result)}/report.html`);
  return failed ? SOME_FAILED : 0;
}

const interrupted = (folder: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'interrupted',
    fields: { path: folder },
    where: 'collect',
    what: `stopped; finished work is saved in ${folder}`,
    fix: 'the same command goes on',
    kind: 'interrupted',
  });
