/** @file `auto-circuit stability RUN`: how a run's circuit holds up under other prompts, seeds, paraphrases and ablations. */
import { resolve } from 'node:path';
import type { RunJson, Stability, StabilityRequest } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { packageVersion } from '../context/package-version.js';
import { READ_FLAGS, readOptions } from '../context/read-options.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import { addBackendFlags } from '../open/open-backend.js';
import { reportRenderer } from '../report/run-report.js';
import { chosenAgain } from '../run/chosen-again.js';
import { type OpenedRun, openRun } from '../run/open-run.js';
import { runDefaults, withDefaults } from '../run/run-defaults.js';
import { phaseBar } from '../run/run-discover.js';
import { shownPath } from '../run/run-folder.js';
import { circuitSettings } from '../run/run-request.js';
import { checkSameSources } from '../run/same-sources.js';
import { stabilityMetric, VARIATION_FLAGS, variationsAsked } from '../run/variations.js';
import { showStability } from '../show/show-stability.js';
import { errorKind } from '../terminal/errors.js';
import { quoted } from '../terminal/numbers.js';

/** How prompts are resampled. */
const RESAMPLE_FLAGS = {
  resamples: {
    type: 'int',
    min: 20,
    max: 100_000,
    default: 1000,
    doc: 'resamples of the prompts, and random subsets of them for certificates; they cost no runs of the model',
  },
  reruns: {
    type: 'int',
    min: 1,
    max: 10_000,
    default: 10,
    doc: 'resamples of an algorithm whose scores are no means over prompts: it runs on each',
  },
  measured: { type: 'int', min: 0, max: 1000, default: 10, doc: 'resamples whose circuits are measured' },
  deletion: {
    type: 'number',
    min: 0.01,
    max: 0.99,
    default: 0.8,
    doc: 'chance of each prompt to be left out of a subset: more certifies against more edits, of fewer edges',
  },
  level: {
    type: 'number',
    min: 0.5,
    max: 0.9999,
    default: 0.95,
    doc: 'of intervals, and of all certificates together',
  },
} as const satisfies FlagTable;

/** `auto-circuit stability`. */
export const stabilityCommand: CliCommand = {
  build: () => {
    const command = new Command('stability')
      .description('Shows how a run’s circuit holds up: resampled prompts, other seeds, paraphrases, other ablations')
      .argument('<run>', 'a run folder');
    addFlags(command, RESAMPLE_FLAGS, 'Resamples:');
    addFlags(command, VARIATION_FLAGS, 'Other conditions:');
    return addBackendFlags(addFlags(command, READ_FLAGS)).addHelpText(
      'after',
      `
For each edge: how often it is in the circuit, with an interval, and whether its place is certified not to depend on a few of the
prompts. For the circuit: how much of it is found again, and how well both circuits do, under each condition. The result is kept in
RUN/stability.json and shown in report.html; nothing else of the run is changed. Work that was stopped is gone on with by the
same command.

Examples:
  $ auto-circuit stability runs/ioi
  $ auto-circuit stability runs/ioi --ablations zero,mean-clean --paraphrases other-words.json --seeds 1,2,3`,
    );
  },
  async run(plainCli, command) {
    const [name] = command.processedArgs as [string];
    const { checkSameGraph, openExistingRun, readFinishedRun, runStability } = await import('@auto-circuit/core/run');
    const renderReport = await reportRenderer(plainCli);
    const folder = resolve(plainCli.cwd, name);
    const options = readOptions(plainCli);
    const { store, run } = await openExistingRun(folder, options);
    try {
      const before = await readFinishedRun(folder, options);
      const cli = withDefaults(plainCli, command, runDefaults(run, command));
      const again = await chosenAgain(cli, command.name(), run);
      const opened = await openRun(cli, command, again.algo.gradients ?? true);
      try {
        await checkSameSources('stability', run, opened, name);
        checkSameGraph(before.graph, opened.graph, name);
        const request: StabilityRequest = {
          ...(await circuitSettings(cli, command)),
          ...again,
          ...cli.flags(RESAMPLE_FLAGS),
          model: opened.patchable,
          prompts: opened.prompts,
          metric: await stabilityMetric(cli, run, opened),
          variations: await variationsAsked(cli, command, run, opened),
          constants: store.constants(),
          kept: store.stabilityPieces(makerOf(run, opened)),
          before,
        };
        const bar = phaseBar(cli.output);
        const onWarning = (line: string): void => {
          bar.stop();
          cli.output.warn(line);
        };
        const stability = await runStability(request, { signal: cli.signal, onProgress: bar.report, onWarning })
          .catch((error: unknown) => Promise.reject(stoppedError(cli, error, folder, name)))
          .finally(bar.stop);
        await store.writeStability(stability);
        await store.writeReport(renderReport(await readFinishedRun(folder, options)));
        show(cli, stability, folder, name);
      } finally {
        await opened.dispose();
      }
    } finally {
      await store.close();
    }
  },
};

function show(cli: Cli, stability: Stability, folder: string, name: string): void {
  if (cli.output.jsonOnly) cli.output.json({ run: folder, ...stability });
  else showStability(cli.output, stability, name);
}

/** What makes the numbers, beside the run: kept work of anything else is done again. */
const makerOf = ({ versions }: RunJson, { backend }: OpenedRun): string =>
  JSON.stringify([packageVersion(), backend.info, versions, process.versions.node.split('.')[0]]);

/** What is said when the work was stopped. */
function stoppedError(cli: Cli, error: unknown, folder: string, name: string): unknown {
  if (errorKind(error) !== 'interrupted') return error;
  return new AutoCircuitError({
    code: 'interrupted',
    fields: { path: folder },
    where: 'stability',
    what: `stopped; scores that were made are kept in ${shownPath(cli, folder)}`,
    fix: `to continue: auto-circuit stability ${quoted(name)}, with the same flags`,
    kind: 'interrupted',
    cause: error,
  });
}
