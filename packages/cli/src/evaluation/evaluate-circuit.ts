/** @file The numbers of one circuit file, with the settings of the run folder that it is in, and of flags. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import { readOptions } from '../context/read-options.js';
import { readText } from '../open/read-text.js';
import { checkMetricNames } from '../run/check-flags.js';
import { openRun } from '../run/open-run.js';
import { circuitDefaults, runDefaults, withDefaults } from '../run/run-defaults.js';
import { MEASURE_FLAGS } from '../run/run-flags.js';
import { chosenMetrics, circuitSettings } from '../run/run-request.js';
import { withTaskDefaults } from '../run/task-defaults.js';
import { EVALUATE_OUT_FLAGS, readCircuit, withBar } from './measuring.js';
import { asksForProtocol } from './mib-flags.js';
import { oneCircuit } from './mib-protocol.js';
import { showEvaluation } from './show-evaluation.js';

/** Measures one circuit file; nothing is written but `--out`. `name`: the file as the user typed it. */
export async function evaluateCircuit(plainCli: Cli, command: Command, path: string, name: string): Promise<void> {
  const { evaluate, metricText, parseCircuitJson, readRun, toJsonText, writeFileAtomic } = await import(
    '@auto-circuit/core/run'
  );
  const { metric, edges, threshold } = plainCli.flags(MEASURE_FLAGS);
  if (asksForProtocol(plainCli, command)) throw oneCircuit(name);
  if (edges !== undefined || threshold !== undefined) {
    const scored = existsSync(join(dirname(path), 'scores.safetensors'));
    throw new AutoCircuitError({
      code: 'invalid-option',
      fields: { option: edges === undefined ? '--threshold' : '--edges', got: edges ?? threshold },
      where: 'evaluate',
      what: 'a circuit file has one size',
      fix: `leave --edges and --threshold out${scored ? `, or name the folder: evaluate ${dirname(name)}` : ''}`,
    });
  }
  const text = await readText(path, name);
  checkIsCircuit(text, name);
  const { circuit: written } = parseCircuitJson(text, name);
  const run = existsSync(join(dirname(path), 'run.json')) ? await readRun(dirname(path), readOptions(plainCli)) : null;
  const beside = run ? runDefaults(run, command) : {};
  const ofTask = await withTaskDefaults(plainCli, command);
  const cli = withDefaults(ofTask, command, { ...beside, ...circuitDefaults(written.graph) });
  await checkMetricNames(cli, metric);
  const opened = await openRun(cli, command);
  try {
    const circuit = await readCircuit(path, opened.graph, name);
    const metrics = await chosenMetrics(cli, metric, opened);
    const settings = await circuitSettings(cli, command);
    const measurements = await withBar(cli, (hooks) =>
      evaluate(
        {
          ...settings,
          model: opened.patchable,
          prompts: opened.prompts,
          metrics,
          target: { kind: 'circuit', circuit },
        },
        hooks,
      ),
    );
    const { out } = cli.flags(EVALUATE_OUT_FLAGS);
    if (out !== undefined) await writeFileAtomic(resolve(cli.cwd, out), toJsonText(measurements, out));
    await showEvaluation(cli, {
      run: null,
      circuit: path,
      opened,
      measurements,
      shown: metrics.map(metricText),
      kept: null,
      allSizes: true,
    });
    if (out !== undefined && !cli.output.jsonOnly) cli.output.line(`\nfiles   ${out}`);
  } finally {
    await opened.dispose();
  }
}

/** Another JSON file (a prompt file, for example) gets another sentence than a circuit file that is broken. */
function checkIsCircuit(text: string, name: string): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    if (cause instanceof SyntaxError) return; // the reader of circuit files refuses it
    throw cause;
  }
  if (typeof value === 'object' && value !== null && ('graph' in value || 'edges' in value)) return;
  throw new AutoCircuitError({
    code: 'unsupported-format',
    fields: { path: name },
    where: 'evaluate',
    what: `${name} is neither a run folder nor a circuit file`,
    fix: 'name a folder that discover wrote, or the circuit.json in one',
  });
}
