/** @file `auto-circuit evaluate RUN|CIRCUIT`: more metrics or other sizes on a run folder, or the numbers of one circuit file. */
import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { ChosenMetric, Measurement } from '@auto-circuit/core/run';
import { AutoCircuitError, kebabCase } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { curveNumbers, sizesFor, splitMetrics } from '../evaluation/curve-numbers.js';
import { showEvaluation } from '../evaluation/show-evaluation.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import { addBackendFlags } from '../open/open-backend.js';
import { reportRenderer } from '../report/run-report.js';
import { type OpenedRun, openRun } from '../run/open-run.js';
import { circuitDefaults, givenFlags, runDefaults, withDefaults } from '../run/run-defaults.js';
import { addEvaluateFlags, DECIDING_FLAGS, MEASURE_FLAGS } from '../run/run-flags.js';
import { chosenMetrics, circuitSettings } from '../run/run-request.js';
import { checkSameSources } from '../run/same-sources.js';
import { parseSizes } from '../run/sizes.js';
import { withTaskDefaults } from '../run/task-defaults.js';
import { createProgress } from '../terminal/progress.js';

const FLAGS = {
  out: {
    type: 'string',
    placeholder: 'FILE',
    doc: 'also write the measurements of a circuit file, or of another --select than the run’s, to this file',
    unset: 'none',
  },
} as const satisfies FlagTable;

/** `auto-circuit evaluate`. */
export const evaluateCommand: CliCommand = {
  build: () => {
    const command = new Command('evaluate')
      .description('More metrics or other circuit sizes on a run folder or a circuit file')
      .argument('<run>', 'a run folder, or a circuit file');
    addEvaluateFlags(command);
    addBackendFlags(addFlags(command, FLAGS));
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

async function evaluateRun(plainCli: Cli, command: Command, folder: string, name: string): Promise<void> {
  const { flattenScores } = await import('@auto-circuit/core');
  const { evaluate, finishedPart, mergeMeasurements, openExistingRun, sizesLeft, toJsonText, writeFileAtomic } =
    await import('@auto-circuit/core/run');
  refuseSettings(command, name);
  const { store, run } = await openExistingRun(folder);
  try {
    const before = finishedPart(await store.measurements(), name);
    const cli = withDefaults(plainCli, command, runDefaults(run));
    const opened = await openRun(cli, command);
    try {
      await checkSameSources('evaluate', run, opened, name);
      const { scores, standardErrors, curves } = finishedPart(store.scores(opened.graph), name);
      flattenScores(opened.graph, scores); // checks them
      const { metric, edges, threshold } = cli.flags(MEASURE_FLAGS);
      const wanted = splitMetrics(metric);
      const metrics = await metricsOr(cli, wanted.metrics, before, opened);
      const settings = circuitSettings(cli, command);
      const sameCircuits = settings.select === run.asked.select;
      const asked = parseSizes('evaluate', edges, threshold);
      const named =
        edges === undefined && threshold === undefined
          ? { by: 'list' as const, counts: (before[0]?.points ?? []).map((point) => point.edges) }
          : asked;
      const sizes = await sizesFor(wanted.numbers, named, opened.graph.edgeCount);
      const numbersOf = (measurements: readonly Measurement[]) =>
        curveNumbers(cli, wanted.numbers, {
          place: opened,
          scores,
          select: settings.select ?? 'threshold',
          measurements,
        });
      const names = metrics.map((chosen) => chosen.metric.name);
      const left =
        sizes.by === 'list' && sameCircuits ? { ...sizes, counts: sizesLeft(before, names, sizes.counts) } : sizes;
      const nothingLeft = left.by === 'list' && left.counts.length === 0;
      const added = nothingLeft
        ? []
        : await withBar(cli, (hooks) =>
            evaluate(
              {
                ...settings,
                force: true,
                model: opened.patchable,
                prompts: opened.prompts,
                metrics,
                constants: store.constants(),
                target: { kind: 'scores', scores, sizes: left },
              },
              hooks,
            ),
          );
      if (!sameCircuits) {
        const { out } = cli.flags(FLAGS);
        if (out !== undefined) await writeFileAtomic(resolve(cli.cwd, out), toJsonText(added, out));
        const allSizes = edges !== undefined && asked.by === 'list';
        await showEvaluation(cli, {
          run: folder,
          circuit: null,
          opened,
          measurements: added,
          numbers: await numbersOf(added),
          shown: names,
          kept: null,
          allSizes,
        });
        return;
      }
      const measurements = mergeMeasurements(before, added);
      const { circuit } = await readCircuit(store.path('circuit'), opened);
      await store.writeJson('measurements', measurements);
      const renderReport = await reportRenderer(cli);
      const input = {
        run,
        graph: opened.graph,
        scores,
        ...(standardErrors ? { standardErrors } : {}),
        ...(curves ? { curves } : {}),
        circuit,
        measurements,
        verifications: await store.verifications(),
      };
      await store.writeReport(renderReport(input));
      await showEvaluation(cli, {
        run: folder,
        circuit: null,
        opened,
        measurements,
        numbers: await numbersOf(measurements.filter(({ metric: one }) => names.includes(one))),
        shown: names,
        kept: circuit.edges.length,
        allSizes: edges !== undefined && asked.by === 'list',
      });
      if (!cli.output.jsonOnly) cli.output.line(`\nfiles   ${name}/measurements.json, ${name}/report.html`);
    } finally {
      await opened.dispose();
    }
  } finally {
    await store.close();
  }
}

async function evaluateCircuit(plainCli: Cli, command: Command, path: string, name: string): Promise<void> {
  const { evaluate, parseCircuitJson, readRun, toJsonText, writeFileAtomic } = await import('@auto-circuit/core/run');
  const { metric, edges, threshold } = plainCli.flags(MEASURE_FLAGS);
  if (edges !== undefined || threshold !== undefined) {
    throw new AutoCircuitError({
      code: 'invalid-option',
      fields: { option: edges === undefined ? '--threshold' : '--edges', got: edges ?? threshold },
      where: 'evaluate',
      what: 'a circuit file has one size',
      fix: 'leave --edges and --threshold out, or name the run folder',
    });
  }
  const text = await readText(path, name);
  checkIsCircuit(text, name);
  const { circuit: written } = parseCircuitJson(text, name);
  const beside = existsSync(join(dirname(path), 'run.json')) ? runDefaults(await readRun(dirname(path))) : {};
  const ofTask = await withTaskDefaults(plainCli, command);
  const cli = withDefaults(ofTask, command, { ...beside, ...circuitDefaults(written.graph) });
  const opened = await openRun(cli, command);
  try {
    const { circuit } = await readCircuit(path, opened, name);
    const metrics = await chosenMetrics(cli, metric, opened);
    const measurements = await withBar(cli, (hooks) =>
      evaluate(
        {
          ...circuitSettings(cli, command),
          model: opened.patchable,
          prompts: opened.prompts,
          metrics,
          target: { kind: 'circuit', circuit },
        },
        hooks,
      ),
    );
    const { out } = cli.flags(FLAGS);
    if (out !== undefined) await writeFileAtomic(resolve(cli.cwd, out), toJsonText(measurements, out));
    await showEvaluation(cli, {
      run: null,
      circuit: path,
      opened,
      measurements,
      shown: metrics.map((chosen) => chosen.metric.name),
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
    what: `${name} is no run folder and no circuit file`,
    fix: 'name a folder that discover wrote, or the circuit.json in one',
  });
}

/** Numbers of other settings would not belong to the run. */
function refuseSettings(command: Command, name: string): void {
  const given = givenFlags(command).find((flag) => DECIDING_FLAGS.includes(flag) && flag !== 'select');
  if (given === undefined) return;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: `--${kebabCase(given)}` },
    where: 'evaluate',
    what: `a run is measured with its own settings, so --${kebabCase(given)} has no place here`,
    fix: `evaluate ${join(name, 'circuit.json')} to choose others, or run discover anew`,
  });
}

/** The metrics asked for, else those that the run has. */
async function metricsOr(
  cli: Cli,
  names: string | undefined,
  before: readonly Measurement[],
  opened: OpenedRun,
): Promise<ChosenMetric[]> {
  return chosenMetrics(cli, names ?? before.map(({ metric }) => metric).join(','), opened);
}

async function readText(path: string, name: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const { fileError } = await import('@auto-circuit/core/run');
    throw fileError('circuit', 'read', name, cause);
  }
}

async function readCircuit(path: string, { graph }: OpenedRun, name = path) {
  const { parseCircuitJson } = await import('@auto-circuit/core/run');
  return parseCircuitJson(await readText(path, name), name, graph);
}

interface BarHooks {
  readonly onProgress: (done: number, total: number) => void;
  readonly onWarning: (line: string) => void;
  readonly signal: AbortSignal;
}
async function withBar<T>(cli: Cli, work: (hooks: BarHooks) => Promise<T>): Promise<T> {
  const bar = createProgress(cli.output, 'circuits');
  try {
    return await work({
      onProgress: (done, total) => bar.report(done, total, 'circuits'),
      onWarning: (line) => {
        bar.stop();
        cli.output.warn(line);
      },
      signal: cli.signal,
    });
  } finally {
    bar.stop();
  }
}
