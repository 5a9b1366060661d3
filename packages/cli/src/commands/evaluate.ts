/** @file `auto-circuit evaluate RUN|CIRCUIT`: more metrics or other sizes on a run folder, or the numbers of one circuit file. */
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { CliCommand } from '../context/context.js';
import { evaluateCircuit } from '../evaluation/evaluate-circuit.js';
import { evaluateRun } from '../evaluation/evaluate-run.js';
import { EVALUATE_OUT_FLAGS } from '../evaluation/measuring.js';
import { addFlags } from '../flags/flag-table.js';
import { addBackendFlags } from '../open/open-backend.js';
import { addEvaluateFlags } from '../run/run-flags.js';

/** `auto-circuit evaluate`. */
export const evaluateCommand: CliCommand = {
  build: () => {
    const command = new Command('evaluate')
      .description('More metrics or other circuit sizes on a run folder or a circuit file')
      .argument('<run>', 'a run folder, or a circuit file');
    addEvaluateFlags(command);
    addBackendFlags(addFlags(command, EVALUATE_OUT_FLAGS));
    return command.addHelpText(
      'after',
      `
A run folder is measured with its own settings, and the numbers are added to its measurements.json and report.html.
With another --select than the run's, circuits are chosen from its scores and measured, and nothing is added to the run.
Beside metrics of circuits --metric takes numbers of the whole run: cpr and cmd (MIB, at its ten shares of the edges), area (under each
metric, over log10 edges) and roc (area under ROC of the scores against the task's known circuit).
A circuit file takes its settings from the run folder it lies in, where it lies in one, and from flags; nothing is written there.

Examples:
  $ auto-circuit evaluate runs/ioi --metric logit-diff-percent,percent-correct --edges 10,100,1000
  $ auto-circuit evaluate runs/ioi --metric cpr,cmd,area,roc
  $ auto-circuit evaluate runs/ioi/circuit.json --ablation zero
  $ auto-circuit evaluate circuit.json --data ioi.json --model gpt2`,
    );
  },
  async run(cli, command) {
    const [name] = command.processedArgs as [string];
    const path = resolve(cli.cwd, name);
    if (!existsSync(path)) {
      throw new AutoCircuitError({
        code: 'file-not-found',
        fields: { path: name },
        where: 'evaluate',
        what: `there is no ${name}`,
        fix: 'name a run folder or a circuit file',
      });
    }
    if (statSync(path).isDirectory()) await evaluateRun(cli, command, path, name);
    else await evaluateCircuit(cli, command, path, name);
  },
};
