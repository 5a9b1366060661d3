/** @file `auto-circuit compare`: several algorithms on one task, a run folder each, and what they find side by side. */
import { join, resolve } from 'node:path';
import type { DiscoverResult, JsonNumber, MeasuredPoint } from '@auto-circuit/core/run';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { addFlags, type FlagTable, requireFlag } from '../flags/flag-table.js';
import { rocAreas } from '../open/known-circuit.js';
import { addBackendFlags } from '../open/open-backend.js';
import { comparisonReport, reportAddress } from '../report/comparison.js';
import { checkMetricNames, checkPromptScores } from '../run/check-flags.js';
import { namedAlgos } from '../run/choose-algo.js';
import { type OpenedRun, openRun } from '../run/open-run.js';
import { runDiscover, warnOfFewPrompts } from '../run/run-discover.js';
import { addRunFlags, MEASURE_FLAGS, OUT_GROUP, SETTING_FLAGS } from '../run/run-flags.js';
import { existingFolder, folderName, OUT_FLAGS, settingsSuffix, shortened, shownPath } from '../run/run-folder.js';
import { runRequest } from '../run/run-request.js';
import { withTaskDefaults } from '../run/task-defaults.js';
import { formatCount, formatFaithfulness, formatSeconds, formatValue } from '../terminal/numbers.js';
import type { Output } from '../terminal/output.js';
import { writeTable } from '../terminal/table.js';

const FLAGS = {
  algos: {
    type: 'string',
    placeholder: 'NAME,…',
    doc: 'what scores the edges; options in parentheses',
    unset: 'needed',
  },
} as const satisfies FlagTable;
const FOLDER_FLAGS = {
  ...OUT_FLAGS,
  out: {
    ...OUT_FLAGS.out,
    doc: 'the folder of the run folders',
    unset: 'runs/compare-TASK-MODEL-ALGOS, with the settings given',
  },
} as const satisfies FlagTable;

interface ComparedRun {
  readonly name: string;
  readonly result: DiscoverResult;
}
/** `compare.json`. */
interface Comparison {
  readonly format: 'auto-circuit compare 1';
  readonly task: string;
  readonly model: string;
  readonly edges_total: number;
  /** The task's known circuit, where it has one of this graph. */
  readonly known_circuit?: { readonly name: string; readonly edges: number };
  readonly runs: readonly {
    readonly name: string;
    readonly folder: string;
    readonly edges_kept: number;
    readonly faithfulness: JsonNumber | null;
    /** Area under the ROC curve of the scores against the known circuit: 1 is perfect, ½ chance. Absent where none is known. */
    readonly roc_area?: number;
    readonly seconds: { readonly score: number; readonly measure: number };
  }[];
  /** What `sizes` holds of each run, in the order of `runs`: faithfulness, or the first metric where there is none. */
  readonly measured: string;
  /** Numbers of edges that more than one run measured (ties make others); null where a run has no such circuit. */
  readonly sizes: readonly { readonly edges: number; readonly values: readonly (JsonNumber | null)[] }[];
  readonly overlap: {
    /** The size of the smallest circuit that was kept. */
    readonly edges: number;
    /** |A ∩ B| / |A ∪ B| of the top edges: a row and a column for each run. */
    readonly jaccard: readonly (readonly number[])[];
  };
}

/** `auto-circuit compare`. */
export const compareCommand: CliCommand = {
  build: () => {
    const command = addFlags(new Command('compare'), FLAGS, 'Algorithm:').description(
      'Runs several algorithms on one task, side by side',
    );
    addRunFlags(command, { algo: false });
    return addBackendFlags(addFlags(command, FOLDER_FLAGS, OUT_GROUP)).addHelpText(
      'after',
      `
Each algorithm gets its own run folder, like one from discover. Options follow its name in parentheses, or are given to every
algorithm that has them. Where the task has a known circuit, the area under each algorithm's ROC curve against it is also shown.

Examples:
  $ auto-circuit compare --task ioi-mini --algos eap,eap-ig-inputs,random
  $ auto-circuit compare --task ioi-mini --algos "eap-ig-inputs(steps=5),eap-ig-inputs(steps=20),acdc(taus=0.001,0.01)"`,
    );
  },
  async run(plainCli, command) {
    const started = performance.now();
    const cli = await withTaskDefaults(plainCli, command);
    const existing = existingFolder(cli, 'compare');
    const asked = requireFlag(cli.flags(FLAGS).algos, command, '--algos', 'eap,random');
    const algos = await namedAlgos(cli, 'compare', asked);
    await checkPromptScores(cli, algos);
    await checkMetricNames(cli, cli.flags(MEASURE_FLAGS).metric);
    const opened = await openRun(
      cli,
      command,
      algos.some(({ algo }) => algo.gradients ?? true),
    );
    try {
      const loadSeconds = (performance.now() - started) / 1000;
      const folder = resolve(
        cli.cwd,
        cli.flags(FOLDER_FLAGS).out ??
          defaultFolder(opened) +
            shortened(algos.map(({ name }) => `-${name}`).join('')) +
            settingsSuffix(cli, command),
      );
      const runs: ComparedRun[] = [];
      for (const named of algos) {
        const { request, identity } = await runRequest(cli, command, opened, named, true);
        const own = join(folder, folderName(named.name));
        cli.output.note(`${named.name} in ${shownPath(cli, own)}`);
        const store = { folder: own, existing, identity };
        runs.push({
          name: named.name,
          result: await runDiscover(cli, { ...request, store, loadSeconds }, own, SAME_AGAIN),
        });
      }
      warnOfFewPrompts(cli.output, runs[0]!.result);
      const comparison = await comparisonOf(cli, opened, runs);
      const { toJsonText, writeFileAtomic } = await import('@auto-circuit/core/run');
      await writeFileAtomic(join(folder, 'compare.json'), toJsonText(comparison, 'compare.json'));
      await writeFileAtomic(join(folder, 'report.html'), await reportOfRuns(cli, opened, runs, folder));
      if (cli.output.jsonOnly) cli.output.json(comparison);
      else show(cli.output, comparison, shownPath(cli, folder));
    } finally {
      await opened.dispose();
    }
  },
};

const SAME_AGAIN = 'run the same command with --resume';
const defaultFolder = ({ dataName, model }: OpenedRun): string =>
  `runs/compare-${folderName(dataName)}-${folderName(model.name)}`;

function reportOfRuns(
  cli: Cli,
  { graph, dataName }: OpenedRun,
  runs: readonly ComparedRun[],
  folder: string,
): Promise<string> {
  const linked = runs.map(({ name, result }) => ({
    input: { ...result, run: result.run!, graph },
    href: reportAddress(folder, join(folder, folderName(name))),
  }));
  return comparisonReport(cli, `${dataName}: ${runs.length} algorithms compared`, linked);
}

async function comparisonOf(cli: Cli, opened: OpenedRun, runs: readonly ComparedRun[]): Promise<Comparison> {
  const { graph, model, dataName } = opened;
  const { topOverlap } = await import('@auto-circuit/metrics');
  const known = await rocAreas(cli, opened);
  const pointsOf = ({ result }: ComparedRun): readonly MeasuredPoint[] => result.measurements[0]!.points;
  const faithful = runs.every((run) => pointsOf(run).every(({ faithfulness }) => faithfulness !== undefined));
  const at = (run: ComparedRun, edges: number): MeasuredPoint | undefined =>
    pointsOf(run).find((point) => point.edges === edges);
  const all = [...new Set(runs.flatMap(pointsOf).map(({ edges }) => edges))].sort((a, b) => a - b);
  const shared = all.filter((edges) => runs.filter((run) => at(run, edges)).length >= Math.min(2, runs.length));
  const { rankBy } = cli.flags(SETTING_FLAGS);
  const smallest = Math.min(...runs.map(({ result }) => result.circuit.edges.length));
  return {
    format: 'auto-circuit compare 1',
    task: dataName,
    model: model.name,
    edges_total: graph.edgeCount,
    ...(known ? { known_circuit: { name: known.name, edges: known.edges } } : {}),
    runs: runs.map((run) => ({
      name: run.name,
      folder: folderName(run.name),
      edges_kept: run.result.circuit.edges.length,
      faithfulness: at(run, run.result.circuit.edges.length)?.faithfulness ?? null,
      ...(known ? { roc_area: known.areaOf(run.result.scores) } : {}),
      seconds: { score: run.result.timings.seconds.score, measure: run.result.timings.seconds.measure },
    })),
    measured: faithful ? 'faithfulness' : runs[0]!.result.measurements[0]!.metric,
    sizes: shared.map((edges) => ({
      edges,
      values: runs.map((run) => {
        const point = at(run, edges);
        return (faithful ? point?.faithfulness : point?.value) ?? null;
      }),
    })),
    overlap: {
      edges: smallest,
      jaccard: runs.map((a) =>
        runs.map((b) => topOverlap(graph, a.result.scores, b.result.scores, smallest, rankBy).jaccard),
      ),
    },
  };
}

function show(output: Output, comparison: Comparison, folder: string): void {
  const { runs, measured, sizes, overlap, edges_total, known_circuit: known } = comparison;
  const { bold } = output.colors;
  const right = (title: string) => ({ title, align: 'right' as const });
  const names = runs.map(({ name }) => right(name));
  const number = (value: JsonNumber | null): string => {
    if (value === null) return '';
    const plain = value === 'inf' ? Number.POSITIVE_INFINITY : value === '-inf' ? Number.NEGATIVE_INFINITY : value;
    return measured === 'faithfulness' ? formatFaithfulness(plain) : formatValue(plain);
  };
  output.line(bold(`circuits kept, of ${formatCount(edges_total)} edges`));
  writeTable(
    output,
    [
      { title: 'algorithm' },
      right('edges'),
      right('faithfulness'),
      right('scores took'),
      right('circuits took'),
      ...(known ? [right('ROC area')] : []),
    ],
    runs.map(({ name, edges_kept, faithfulness, seconds, roc_area: area }) => [
      name,
      formatCount(edges_kept),
      typeof faithfulness === 'number' ? formatFaithfulness(faithfulness) : (faithfulness ?? ''),
      formatSeconds(seconds.score),
      formatSeconds(seconds.measure),
      ...(area === undefined ? [] : [area.toFixed(3)]),
    ]),
  );
  if (known)
    output.line(
      output.colors.dim(`ROC against the known circuit "${known.name}" of ${formatCount(known.edges)} edges`),
    );
  output.line();
  output.line(bold(`${measured} at sizes measured by more than one`));
  const rows = sizes.map(({ edges, values }) => [formatCount(edges), ...values.map(number)]);
  if (rows.length > 0) writeTable(output, [right('edges'), ...names], rows);
  else output.line('no sizes in common; choose some with --edges');
  output.line();
  output.line(bold(`overlap of the top ${formatCount(overlap.edges)} edges: shared / all in either`));
  writeTable(
    output,
    [{ title: '' }, ...names],
    overlap.jaccard.map((row, i) => [runs[i]!.name, ...row.map((value) => value.toFixed(2))]),
  );
  output.line();
  output.line(`files   ${folder}/report.html, ${folder}/compare.json, and a run folder for each algorithm`);
}
