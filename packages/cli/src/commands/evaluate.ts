/** @file `auto-circuit evaluate RUN|CIRCUIT|SCORES`: more metrics or other sizes on a run folder, or the numbers of a circuit or of scores from elsewhere. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { readOptions } from '../context/read-options.js';
import { evaluateCircuit } from '../evaluation/evaluate-circuit.js';
import { circuitsSource, eapIgSource, evaluateImported, scoresFolderSource } from '../evaluation/evaluate-imported.js';
import { evaluateRun } from '../evaluation/evaluate-run.js';
import { EVALUATE_OUT_FLAGS } from '../evaluation/measuring.js';
import { asksForProtocol, PROTOCOL_FLAGS } from '../evaluation/mib-flags.js';
import { addFlags } from '../flags/flag-table.js';
import { graphOfFolder, isGraphFile } from '../open/graph-folder.js';
import { addBackendFlags } from '../open/open-backend.js';
import { addEvaluateFlags, OUT_GROUP } from '../run/run-flags.js';

/** `auto-circuit evaluate`. */
export const evaluateCommand: CliCommand = {
  build: () => {
    const command = new Command('evaluate')
      .description(
        'Measures more metrics or other circuit sizes on a run folder, a circuit file, or EAP-IG and MIB files',
      )
      .argument(
        '<run>',
        'a run folder, a circuit file, a folder written by convert, or an EAP-IG or MIB file or folder',
      );
    addEvaluateFlags(command);
    addFlags(command, PROTOCOL_FLAGS, 'Protocol:');
    addBackendFlags(addFlags(command, EVALUATE_OUT_FLAGS, OUT_GROUP));
    return command.addHelpText(
      'after',
      `
A run folder is measured with its own settings, and the numbers are added to its measurements.json and report.html.
With a --select other than the run's, circuits are chosen from its scores and measured, and nothing is added to the run.
Besides metrics of circuits, --metric takes numbers for the whole run: cpr and cmd (MIB, at its ten shares of the edges), area (under
each metric, over log10 edges) and roc (area under the ROC curve of the scores against the task's known circuit).
A circuit file takes its settings from the run folder it is in, if any, and from flags; nothing is written there.
EAP-IG and MIB files, and folders written by convert, take theirs from flags. With --edges, --threshold or a number for the whole
run, circuits are chosen by their scores; otherwise a file that marks a circuit stands for that circuit.

--protocol mib measures as the code of the MIB circuit track does: ten shares of the edges (rounded down, exactly so many, greedy for
information-flow-routes), what is disconnected pruned; CPR of circuits by signed score and CMD of circuits by |score|, unless --rank-by
names one. A MIB folder of nine circuits without scores is measured as it is. Nothing is added to a run.

Examples:
  $ auto-circuit evaluate runs/ioi --metric logit-diff-percent,percent-correct --edges 10,100,1000
  $ auto-circuit evaluate runs/ioi --metric cpr,cmd,area,roc
  $ auto-circuit evaluate runs/ioi --protocol mib
  $ auto-circuit evaluate runs/ioi/circuit.json --ablation zero
  $ auto-circuit evaluate circuit.json --data ioi.json --model gpt2
  $ auto-circuit evaluate graph.json --task ioi-mini --metric kl,cpr,cmd --edges 10,50`,
    );
  },
  async run(cli, command) {
    const byProtocol = asksForProtocol(cli, command);
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
    if (!statSync(path).isDirectory()) return evaluateFile(cli, command, path, name);
    if (existsSync(join(path, 'run.json'))) return evaluateRun(cli, command, path, name);
    const scores = await scoresFolderSource(cli, path, name);
    if (scores) return evaluateImported(cli, command, scores);
    if (byProtocol) {
      const files = readdirSync(path).filter(isGraphFile);
      const circuits = files.length > 1 ? await circuitsSource(path, name, files) : null;
      if (circuits) return evaluateImported(cli, command, circuits);
    }
    const file = graphOfFolder('evaluate', path, name);
    if (file) return evaluateFile(cli, command, file.path, file.shown);
    const { readRun } = await import('@auto-circuit/core/run');
    await readRun(path, readOptions(cli)); // says that it is none
  },
};

async function evaluateFile(cli: Cli, command: Command, path: string, name: string): Promise<void> {
  const eapIg = await eapIgSource(path, name);
  if (eapIg) await evaluateImported(cli, command, eapIg);
  else await evaluateCircuit(cli, command, path, name);
}
