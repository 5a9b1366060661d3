/** @file More metrics or other sizes on a run folder, with the run's own settings. */
import { join, resolve } from 'node:path';
import type { ChosenMetric, CircuitSizes, Measurement } from '@auto-circuit/core/run';
import { AutoCircuitError, kebabCase } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import { readOptions } from '../context/read-options.js';
import { reportRenderer } from '../report/run-report.js';
import { checkMetricNames } from '../run/check-flags.js';
import { knownFor } from '../run/named-contributions.js';
import { type OpenedRun, openRun } from '../run/open-run.js';
import { givenFlags, runDefaults, withDefaults } from '../run/run-defaults.js';
import { DECIDING_FLAGS, MEASURE_FLAGS } from '../run/run-flags.js';
import { chosenMetrics, circuitSettings } from '../run/run-request.js';
import { checkSameSources } from '../run/same-sources.js';
import { parseSizes } from '../run/sizes.js';
import { type CurveNumber, type CurveNumberName, curveNumbers, sizesFor, splitMetrics } from './curve-numbers.js';
import { EVALUATE_OUT_FLAGS, readCircuit, withBar } from './measuring.js';
import { asksForProtocol } from './mib-flags.js';
import { measureByMib } from './mib-protocol.js';
import { showEvaluation } from './show-evaluation.js';

type RunApi = typeof import('@auto-circuit/core/run');
type ExistingRun = Awaited<ReturnType<RunApi['openExistingRun']>>;
type Scores = NonNullable<ReturnType<ExistingRun['store']['scores']>>;

/** A run opened again, to be measured. */
interface MeasuredRun extends ExistingRun {
  /** The run as the user typed it. */
  readonly name: string;
  readonly folder: string;
  readonly opened: OpenedRun;
  readonly saved: Scores;
  /** What the run has measured already. */
  readonly before: readonly Measurement[];
}

/** What the flags ask for. */
interface Wanted {
  readonly metrics: readonly ChosenMetric[];
  readonly metricNames: readonly string[];
  readonly numbers: readonly CurveNumberName[];
  readonly sizes: CircuitSizes;
  /** Whether sizes were asked for one by one. */
  readonly listed: boolean;
  readonly settings: Awaited<ReturnType<typeof circuitSettings>>;
}

/**
 * Measures a run folder. With the run's own `--select` the numbers are added to its files, with another one only shown.
 * @param name the run as the user typed it
 */
export async function evaluateRun(plainCli: Cli, command: Command, folder: string, name: string): Promise<void> {
  const { flattenScores } = await import('@auto-circuit/core');
  const { finishedPart, openExistingRun, selectionText } = await import('@auto-circuit/core/run');
  refuseSettings(command, name);
  const existing = await openExistingRun(folder, readOptions(plainCli));
  const { store, run } = existing;
  try {
    const before = finishedPart(await store.measurements(), name);
    const cli = withDefaults(plainCli, command, runDefaults(run, command));
    await checkMetricNames(cli, (await splitMetrics(cli.flags(MEASURE_FLAGS).metric)).metrics);
    const opened = await openRun(cli, command);
    try {
      await checkSameSources('evaluate', run, opened, name);
      const saved = finishedPart(store.scores(opened.graph), name);
      flattenScores(opened.graph, saved.scores); // checks them
      if (asksForProtocol(cli, command)) {
        const scored = { ...saved, nodes: saved.nodes ?? null };
        const subject = { name, opened, scored, algo: run.asked.algo.name, constants: store.constants() };
        await measureByMib(cli, command, subject);
        return;
      }
      const measured = { ...existing, name, folder, opened, saved, before };
      const wanted = await wantedOf(cli, command, measured);
      const { select = 'threshold', rankBy } = wanted.settings;
      const asRun = selectionText(select) === run.asked.select && rankBy === run.asked.rankBy;
      if (asRun) await addToRun(cli, measured, wanted);
      else await showOtherCircuits(cli, measured, wanted);
    } finally {
      await opened.dispose();
    }
  } finally {
    await store.close();
  }
}

/** The metrics and sizes of the flags, else those that the run has. */
async function wantedOf(cli: Cli, command: Command, { before, opened }: MeasuredRun): Promise<Wanted> {
  const { metricText } = await import('@auto-circuit/core/run');
  const { metric, edges, threshold } = cli.flags(MEASURE_FLAGS);
  const { metrics: named, numbers } = await splitMetrics(metric);
  const metrics = await chosenMetrics(cli, named ?? before.map((measurement) => measurement.metric).join(','), opened);
  const settings = await circuitSettings(cli, command);
  const asked = parseSizes('evaluate', edges, threshold);
  const ofRun = { by: 'list' as const, counts: (before[0]?.points ?? []).map((point) => point.edges) };
  const sizes = edges === undefined && threshold === undefined ? ofRun : asked;
  return {
    metrics,
    metricNames: metrics.map(metricText),
    numbers,
    sizes: await sizesFor(numbers, sizes, opened.graph.edgeCount),
    listed: edges !== undefined && asked.by === 'list',
    settings,
  };
}

/** Measures circuits chosen from the run's scores; `sizes` may leave nothing to measure. */
async function measure(
  cli: Cli,
  { opened, saved, store }: MeasuredRun,
  { settings, metrics }: Wanted,
  sizes: CircuitSizes,
): Promise<readonly Measurement[]> {
  if (sizes.by === 'list' && sizes.counts.length === 0) return [];
  const { evaluate } = await import('@auto-circuit/core/run');
  const request = {
    ...settings,
    force: true,
    model: opened.patchable,
    prompts: opened.prompts,
    metrics,
    known: await knownFor(opened, metrics),
    constants: store.constants(),
    target: { kind: 'scores', scores: saved.scores, standardErrors: saved.standardErrors, sizes },
  } as const;
  return withBar(cli, (hooks) => evaluate(request, hooks));
}

const numbersOf = (
  cli: Cli,
  { opened, saved }: MeasuredRun,
  { numbers, settings }: Wanted,
  measurements: readonly Measurement[],
): Promise<CurveNumber[]> =>
  curveNumbers(cli, numbers, {
    place: opened,
    scores: saved.scores,
    standardErrors: saved.standardErrors,
    select: settings.select ?? 'threshold',
    rankBy: settings.rankBy ?? 'absolute',
    measurements,
  });

/** Circuits chosen in another way than the run's: shown, and written to `--out`. */
async function showOtherCircuits(cli: Cli, measured: MeasuredRun, wanted: Wanted): Promise<void> {
  const { toJsonText, writeFileAtomic } = await import('@auto-circuit/core/run');
  const measurements = await measure(cli, measured, wanted, wanted.sizes);
  const { out } = cli.flags(EVALUATE_OUT_FLAGS);
  if (out !== undefined) await writeFileAtomic(resolve(cli.cwd, out), toJsonText(measurements, out));
  await showEvaluation(cli, {
    run: measured.folder,
    circuit: null,
    opened: measured.opened,
    measurements,
    numbers: await numbersOf(cli, measured, wanted, measurements),
    shown: wanted.metricNames,
    kept: null,
    allSizes: wanted.listed,
  });
}

/** Measures what the run lacks and adds it to its measurements and its report. */
async function addToRun(cli: Cli, measured: MeasuredRun, wanted: Wanted): Promise<void> {
  const { mergeMeasurements, sizesLeft } = await import('@auto-circuit/core/run');
  const { name, folder, opened, saved, before, store, run } = measured;
  const { sizes, metricNames } = wanted;
  const left = sizes.by === 'list' ? { ...sizes, counts: sizesLeft(before, metricNames, sizes.counts) } : sizes;
  const measurements = mergeMeasurements(before, await measure(cli, measured, wanted, left));
  const circuit = await readCircuit(store.path('circuit'), opened.graph);
  await store.writeJson('measurements', measurements);
  await store.commit('measurements');
  const renderReport = await reportRenderer(cli);
  const { scores, standardErrors, curves } = saved;
  const stability = await store.stability();
  const input = {
    run,
    graph: opened.graph,
    scores,
    ...(standardErrors ? { standardErrors } : {}),
    ...(curves ? { curves } : {}),
    circuit,
    measurements,
    verifications: await store.verifications(),
    ...(stability ? { stability } : {}),
  };
  await store.writeReport(renderReport(input));
  const asked = measurements.filter(({ metric }) => metricNames.includes(metric));
  await showEvaluation(cli, {
    run: folder,
    circuit: null,
    opened,
    measurements,
    numbers: await numbersOf(cli, measured, wanted, asked),
    shown: metricNames,
    kept: circuit.edges.length,
    allSizes: wanted.listed,
  });
  if (!cli.output.jsonOnly) cli.output.line(`\nfiles   ${name}/measurements.json, ${name}/report.html`);
}

/** Flags that choose other circuits from the same scores. */
const CHOOSING_FLAGS: readonly string[] = ['select', 'rankBy'];

/** Numbers of other settings would not belong to the run. */
function refuseSettings(command: Command, name: string): void {
  const given = givenFlags(command).find((flag) => DECIDING_FLAGS.includes(flag) && !CHOOSING_FLAGS.includes(flag));
  if (given === undefined) return;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: `--${kebabCase(given)}` },
    where: 'evaluate',
    what: `a run is measured with its own settings, so --${kebabCase(given)} cannot be given here`,
    fix: `evaluate ${join(name, 'circuit.json')} to choose others, or run discover again`,
  });
}
