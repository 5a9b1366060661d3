/** @file `auto-circuit discover`: task and algorithm → scores → circuit → measurements, in a run folder. */
import { relative, resolve } from 'node:path';
import type { DiscoverRequest, DiscoverResult, ExistingFolder, RunPhase } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import { addTableOptions } from '../flags/table-flags.js';
import { addBackendFlags } from '../open/open-backend.js';
import { reportRenderer } from '../report/run-report.js';
import { type OpenedRun, openRun } from '../run/open-run.js';
import { addRunFlags } from '../run/run-flags.js';
import { chosenAlgo, runRequest } from '../run/run-request.js';
import { withTaskDefaults } from '../run/task-defaults.js';
import { showRun } from '../show/show-run.js';
import { errorKind } from '../terminal/errors.js';
import { countOf } from '../terminal/numbers.js';
import type { Output } from '../terminal/output.js';
import { createProgress, type ProgressBar } from '../terminal/progress.js';

/** Also those of `compare`. */
export const DISCOVER_FLAGS = {
  out: { type: 'string', placeholder: 'DIR', doc: 'the run folder', unset: 'runs/TASK-MODEL-ALGO' },
  resume: { type: 'boolean', default: false, doc: 'go on with the run in the folder, or show it when finished' },
  overwrite: { type: 'boolean', default: false, doc: 'replace the run in the folder' },
} as const satisfies FlagTable;

export const discoverCommand: CliCommand = {
  build: () => {
    const command = new Command('discover').description(
      'Scores edges, measures circuits of several sizes, writes a run folder',
    );
    addRunFlags(command);
    addFlags(command, DISCOVER_FLAGS);
    addTableOptions(addBackendFlags(command), 'algo', 'the algorithm');
    return command.addHelpText(
      'after',
      `
Examples:
  $ auto-circuit discover --task ioi-mini --algo eap
  $ auto-circuit discover --data ioi.json --model gpt2 --algo eap-ig-inputs --edges 50,100,200 --keep 100 --out runs/ioi`,
    );
  },
  async run(plainCli, command) {
    const started = performance.now();
    const cli = await withTaskDefaults(plainCli, command);
    const existing = existingFolder(cli, command.name());
    const named = await chosenAlgo(cli, command); // an unknown name is found before the model is loaded
    const opened = await openRun(cli, command, named.algo.gradients ?? true);
    try {
      const folder = resolve(cli.cwd, cli.flags(DISCOVER_FLAGS).out ?? defaultFolder(opened, named.name));
      const loadSeconds = (performance.now() - started) / 1000;
      const { request, identity } = await runRequest(cli, command, opened, named);
      const result = await runDiscover(cli, { ...request, store: { folder, existing, identity }, loadSeconds }, folder);
      warnOfFewPrompts(cli.output, result);
      await showRun(cli.output, {
        result,
        graph: opened.graph,
        folder: shownPath(cli, folder),
        signed: named.algo.signed ?? true,
        allSizes: request.sizes.by === 'list',
      });
    } finally {
      await opened.dispose();
    }
  },
};

/** Fewer prompts than this say little of others. */
const FEW_PROMPTS = 10;

export function warnOfFewPrompts(output: Output, { run }: DiscoverResult): void {
  const test = run?.prompts.test ?? FEW_PROMPTS;
  if (test < FEW_PROMPTS) output.warn(`circuits were measured on ${countOf(test, 'prompt')} only, which says little`);
}

/** Runs it with a progress bar. `folder`: its run folder. */
export async function runDiscover(cli: Cli, request: DiscoverRequest, folder: string): Promise<DiscoverResult> {
  const { discover } = await import('@auto-circuit/core/run');
  const renderReport = await reportRenderer(cli);
  const bar = phaseBar(cli.output);
  try {
    return await discover(request, {
      signal: cli.signal,
      onProgress: bar.report,
      onWarning: (line) => {
        bar.stop();
        cli.output.warn(line);
      },
      renderReport,
    });
  } catch (error) {
    if (errorKind(error) !== 'interrupted') throw error;
    throw new AutoCircuitError({
      where: 'discover',
      what: `stopped; what was done is kept in ${shownPath(cli, folder)}`,
      fix: 'the same command with --resume goes on',
      kind: 'interrupted',
      cause: error,
    });
  } finally {
    bar.stop();
  }
}

export function existingFolder(cli: Cli, where: string): ExistingFolder {
  const { resume, overwrite } = cli.flags(DISCOVER_FLAGS);
  if (resume && overwrite) {
    throw new AutoCircuitError({ where, what: '--resume and --overwrite exclude each other' });
  }
  return resume ? 'resume' : overwrite ? 'overwrite' : 'refuse';
}

const defaultFolder = ({ dataName, model }: OpenedRun, algo: string): string =>
  `runs/${plainName(dataName)}-${plainName(model.name)}-${plainName(algo)}`;

/** A name as a part of a folder's. */
export const plainName = (name: string): string =>
  name
    .replace(/^.*[/\\]/, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[.-]+|\.json$/g, '');

/** As the user would type it. */
export function shownPath(cli: Cli, path: string): string {
  const short = relative(cli.cwd, path);
  return short === '' || short.startsWith('..') ? path : short;
}

const PHASES: Readonly<Record<RunPhase, string>> = { reference: 'model', score: 'scores', measure: 'circuits' };

/** One bar, which begins anew with each phase. */
export function phaseBar(output: Output): {
  report(phase: RunPhase, done: number, total: number, unit?: string): void;
  stop(): void;
} {
  let current: { readonly phase: RunPhase; readonly bar: ProgressBar } | null = null;
  const stop = (): void => {
    current?.bar.stop();
    current = null;
  };
  return {
    report(phase, done, total, unit) {
      if (current?.phase !== phase) {
        stop();
        current = { phase, bar: createProgress(output, PHASES[phase]) };
      }
      current.bar.report(done, total, unit);
    },
    stop,
  };
}
