/** @file `auto-circuit discover`: task and algorithm → scores → circuit → measurements, in a run folder. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import type { CliCommand } from '../context/context.js';
import { addFlags } from '../flags/flag-table.js';
import { addBackendFlags } from '../open/open-backend.js';
import { checkMetricNames, checkPromptScores } from '../run/check-flags.js';
import { type OpenedRun, openRun } from '../run/open-run.js';
import { withResumedRun } from '../run/resume.js';
import { givenFlags } from '../run/run-defaults.js';
import { runDiscover, warnOfFewPrompts } from '../run/run-discover.js';
import { addRunFlags, MEASURE_FLAGS, OUT_GROUP } from '../run/run-flags.js';
import { existingFolder, folderName, OUT_FLAGS, settingsSuffix, shownPath } from '../run/run-folder.js';
import { chosenAlgo, runRequest } from '../run/run-request.js';
import { withTaskDefaults } from '../run/task-defaults.js';
import { showRun } from '../show/show-run.js';

/** `auto-circuit discover`. */
export const discoverCommand: CliCommand = {
  build: () => {
    const command = new Command('discover').description(
      'Scores edges, measures circuits of several sizes, writes a run folder',
    );
    addRunFlags(command);
    addBackendFlags(addFlags(command, OUT_FLAGS, OUT_GROUP));
    return command.addHelpText(
      'after',
      `
Examples:
  $ auto-circuit discover --task ioi-mini --algo eap
  $ auto-circuit discover --resume --out runs/ioi
  $ auto-circuit discover --data ioi.json --model gpt2 --algo eap-ig-inputs --edges 50,100,200 --keep 100 --out runs/ioi`,
    );
  },
  async run(plainCli, command) {
    const started = performance.now();
    const cli = await withResumedRun(await withTaskDefaults(plainCli, command), command);
    const existing = existingFolder(cli, command.name());
    const named = await chosenAlgo(cli, command); // an unknown name is found before the model is loaded
    await checkPromptScores(cli, [named]);
    await checkMetricNames(cli, cli.flags(MEASURE_FLAGS).metric);
    const opened = await openRun(cli, command, named.algo.gradients ?? true);
    try {
      const folder = resolve(
        cli.cwd,
        cli.flags(OUT_FLAGS).out ?? defaultFolder(opened, named.name) + settingsSuffix(cli, command),
      );
      const loadSeconds = (performance.now() - started) / 1000;
      const { request, identity } = await runRequest(cli, command, opened, named);
      const result = await runDiscover(
        cli,
        {
          ...request,
          store: { folder, existing, identity, readDamaged: givenFlags(command).includes('force') },
          loadSeconds,
        },
        folder,
      );
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

const defaultFolder = ({ dataName, model }: OpenedRun, algo: string): string =>
  `runs/${folderName(dataName)}-${folderName(model.name)}-${folderName(algo)}`;
