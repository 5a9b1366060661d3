/** @file `auto-circuit clusters RUN`: prompts that are alike by their scores of edges, and whether one circuit serves them all. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { READ_FLAGS, readOptions } from '../context/read-options.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import { findGroups } from '../groups/find-groups.js';
import { showGroups } from '../groups/show-groups.js';
import { addBackendFlags } from '../open/open-backend.js';
import { reportRenderer } from '../report/run-report.js';
import { chosenAgain } from '../run/chosen-again.js';
import { openRun } from '../run/open-run.js';
import { noPromptScores } from '../run/prompt-scores.js';
import { runDefaults, withDefaults } from '../run/run-defaults.js';
import { phaseBar } from '../run/run-discover.js';
import { circuitSettings } from '../run/run-request.js';
import { checkSameSources } from '../run/same-sources.js';

const FLAGS = {
  groups: { type: 'int', min: 1, doc: 'how many groups', unset: 'by silhouette, or one where there is no structure' },
  most: { type: 'int', min: 2, default: 8, doc: 'the most groups that are tried' },
  edges: { type: 'int', min: 1, doc: 'the size of every circuit', unset: 'that of the run’s circuit' },
  groupSeed: { type: 'int', min: 0, default: 0, doc: 'where the first centres of groups are drawn from' },
} as const satisfies FlagTable;

/** `auto-circuit clusters`. */
export const clustersCommand: CliCommand = {
  build: () => {
    const command = new Command('clusters')
      .description('Groups the prompts of a run by their scores, and asks whether one circuit serves all')
      .argument('<run>', 'a run folder, of a run with --per-prompt');
    addFlags(command, FLAGS);
    return addBackendFlags(addFlags(command, READ_FLAGS)).addHelpText(
      'after',
      `
Each group gets a circuit by the mean of its prompts' scores, of the same size as the shared one. Circuits are measured on the
run's test prompts, which are scored once more to find their groups. The result is kept in RUN/clusters.json and
RUN/circuit-group-N.json and shown in report.html; nothing else of the run is changed.

Examples:
  $ auto-circuit discover --data both.json --model gpt2 --algo eap-ig-inputs --per-prompt float16 --out runs/both
  $ auto-circuit clusters runs/both
  $ auto-circuit evaluate runs/both/circuit-group-1.json`,
    );
  },
  async run(plainCli, command) {
    const [name] = command.processedArgs as [string];
    const { checkSameGraph, openExistingRun, readFinishedRun, readPromptScores } = await import(
      '@auto-circuit/core/run'
    );
    const renderReport = await reportRenderer(plainCli);
    const folder = resolve(plainCli.cwd, name);
    const options = readOptions(plainCli);
    const { store, run } = await openExistingRun(folder, options);
    try {
      if (run.asked.perPrompt === undefined) throw noPromptScores('clusters', name);
      const before = await readFinishedRun(folder, options);
      const table = readPromptScores(store.path('promptScores'), before.graph);
      const cli: Cli = withDefaults(plainCli, command, runDefaults(run, command));
      const opened = await openRun(cli, command, true);
      try {
        await checkSameSources('clusters', run, opened, name);
        checkSameGraph(before.graph, opened.graph, name);
        const { groups, most, edges, groupSeed } = plainCli.flags(FLAGS);
        const bar = phaseBar(cli.output);
        const found = await findGroups(
          {
            ...(await circuitSettings(cli, command)),
            ...(await chosenAgain(cli, 'clusters', run)),
            model: opened.patchable,
            prompts: opened.prompts,
            constants: store.constants(),
            before,
            table,
            groups: groups ?? null,
            most,
            groupSeed,
            edges: edges ?? null,
          },
          { signal: cli.signal, onProgress: bar.report },
        ).finally(bar.stop);
        const clusters = await store.writeClusters(found.clusters, found.circuits);
        await store.writeReport(renderReport(await readFinishedRun(folder, options)));
        const { measured: _, prompts: __, ...shown } = clusters;
        if (cli.output.jsonOnly) cli.output.json({ run: folder, ...shown });
        else showGroups(cli.output, clusters, name);
      } finally {
        await opened.dispose();
      }
    } finally {
      await store.close();
    }
  },
};
