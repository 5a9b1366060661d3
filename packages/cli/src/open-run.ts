/** @file From the flags of `discover` to all that a run needs: model, prompts, algorithm, metrics, sizes. */
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type {
  ChosenMetric,
  CircuitSizes,
  DiscoverRequest,
  ObjectiveName,
  Prompt,
  RunIdentity,
  RunPromptSettings,
  SelectionSettings,
  Task,
} from '@auto-circuit/core';
import { AutoCircuitError, SELECTIONS, type SelectionName } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import { algoOptions, type NamedAlgo, namedAlgo } from './choose-algo.js';
import type { Cli } from './context.js';
import {
  addFlags,
  BACKEND_FLAGS,
  DATA_FLAGS,
  type FlagTable,
  GRAPH_FLAGS,
  modelFlags,
  OBJECTIVE_FLAGS,
  PATCH_FLAGS,
  type PatchValues,
  requireFlag,
} from './flags/index.js';
import type { OpenedModel } from './open-model.js';
import { packageVersion } from './package-version.js';
import { positionLabels } from './position-labels.js';
import { sharedPrefix } from './shared-prefix.js';
import { backendLine, modelLine, writeHeader } from './terminal/index.js';

/** Where model and prompts come from. */
export const SOURCE_FLAGS = {
  task: { type: 'string', placeholder: 'NAME', doc: 'a task; see "list tasks"', unset: 'needed, or --data' },
  data: { type: 'string', placeholder: 'FILE', doc: 'a prompt file', unset: 'the task’s own' },
  ...modelFlags(true, 'the task’s own'),
} as const satisfies FlagTable;
/** A run folder knows these, and a circuit file in one. */
const EVALUATE_SOURCE_FLAGS = {
  task: { ...SOURCE_FLAGS.task, unset: 'the run’s; needed for a circuit file elsewhere, or --data' },
  data: { ...SOURCE_FLAGS.data, unset: 'the run’s, else the task’s own' },
  model: { ...SOURCE_FLAGS.model, unset: 'the run’s, else the task’s own' },
  process: SOURCE_FLAGS.process,
} as const satisfies FlagTable;

const ALGO_FLAGS = {
  algo: { type: 'string', placeholder: 'NAME', doc: 'what scores the edges; see "list algos"', unset: 'needed' },
} as const satisfies FlagTable;

/** Also those of `evaluate`. */
export const MEASURE_FLAGS = {
  metric: {
    type: 'string',
    placeholder: 'NAME,…',
    doc: 'what circuits are measured by; see "list metrics"',
    unset: 'kl,logit-diff',
  },
  edges: {
    type: 'string',
    placeholder: 'N,…',
    doc: 'circuit sizes: numbers, shares of all edges below 1, log, all, or groups of equal scores',
    unset: 'log above 200 edges, groups when scores are few',
  },
  threshold: {
    type: 'number',
    min: 0,
    doc: 'the circuit of all edges with at least this |score|, in place of --edges',
    unset: 'sizes by --edges',
  },
} as const satisfies FlagTable;

const EVALUATE_MEASURE_FLAGS = {
  metric: { ...MEASURE_FLAGS.metric, unset: 'the run’s; kl,logit-diff for a circuit file' },
  edges: { ...MEASURE_FLAGS.edges, unset: 'the run’s sizes' },
  threshold: MEASURE_FLAGS.threshold,
} as const satisfies FlagTable;

const KEEP_FLAGS = {
  keep: {
    type: 'string',
    placeholder: 'N|auto',
    default: 'auto',
    doc: 'size of the circuit written; auto: the smallest faithful one',
  },
} as const satisfies FlagTable;

/** How circuits are run, and on which prompts. */
const SETTING_FLAGS = {
  patchType: {
    type: 'enum',
    values: ['tree', 'edge'],
    default: 'tree',
    doc: 'tree: patch all but the circuit in the clean run; edge: patch the circuit into the corrupt run',
  },
  select: {
    type: 'enum',
    values: Object.keys(SELECTIONS) as SelectionName[],
    default: 'threshold',
    doc: 'which edges a circuit of n has: threshold: the n largest |score| with ties; top: exactly n; greedy: n grown from the output',
  },
  ...PATCH_FLAGS,
  force: { type: 'boolean', default: false, doc: 'allow settings under which a circuit says little' },
  train: { type: 'int', min: 1, doc: 'prompts for scores and data-set means', unset: 'half of them' },
  test: {
    type: 'string',
    placeholder: 'N|same',
    doc: 'prompts to measure on; same: those of the scores',
    unset: 'the other half',
  },
  sharedPrefix: {
    type: 'boolean',
    default: false,
    doc: 'run the tokens that clean and corrupt share only once, and patch those behind them',
  },
} as const satisfies FlagTable;

const CIRCUIT_FLAGS = { ...MEASURE_FLAGS, ...SETTING_FLAGS } as const satisfies FlagTable;

/** The flags of `discover`; without `--algo` those of `compare`. */
export function addRunFlags(command: Command, { algo = true } = {}): void {
  const named = algo ? [ALGO_FLAGS] : [];
  for (const table of [SOURCE_FLAGS, ...named, CIRCUIT_FLAGS, KEEP_FLAGS, OBJECTIVE_FLAGS, GRAPH_FLAGS, DATA_FLAGS]) {
    addFlags(command, table);
  }
}

/** What an experiment file may set for its runs: the flags of `discover` but for its axes and where results go. */
export const RUN_SETTINGS = (() => {
  const { process } = SOURCE_FLAGS;
  const { metric: _, ...measure } = MEASURE_FLAGS;
  const { seed: __, ...data } = DATA_FLAGS;
  const { backend, device } = BACKEND_FLAGS;
  const circuits = { ...measure, ...KEEP_FLAGS, ...SETTING_FLAGS };
  return { ...circuits, ...OBJECTIVE_FLAGS, ...GRAPH_FLAGS, ...data, process, backend, device } as const;
})() satisfies FlagTable;

/** The flags of `evaluate`: graph and scores are there already. */
export function addEvaluateFlags(command: Command): void {
  for (const table of [EVALUATE_MEASURE_FLAGS, EVALUATE_SOURCE_FLAGS, SETTING_FLAGS, DATA_FLAGS]) {
    addFlags(command, table);
  }
}
/** Of those, what decides the numbers. */
export const DECIDING_FLAGS: readonly string[] = [SOURCE_FLAGS, SETTING_FLAGS, DATA_FLAGS].flatMap((table) =>
  Object.keys(table),
);

/** A model on a backend, and its prompts. */
export interface OpenedRun extends OpenedModel {
  readonly task: Task | null;
  readonly dataName: string;
  readonly prompts: readonly Prompt[];
  /** Positions of words, BOS counted. */
  readonly wordIdxs: Readonly<Record<string, number>>;
  readonly bosLine: string | null;
  /** What stands at each position; empty without token positions. */
  readonly labels: readonly string[];
  /** What opens the same again. */
  readonly sources: RunIdentity['sources'];
}

/**
 * Opens model and prompts and writes the header. The caller disposes.
 * @param gradients whether mask gradients will be taken
 */
export async function openRun(cli: Cli, command: Command, gradients = false): Promise<OpenedRun> {
  const values = cli.flags(SOURCE_FLAGS);
  const task = values.task === undefined ? null : (await cli.registry()).get('task', values.task);
  const data = requireFlag(values.data ?? task?.data, command, '--task', 'ioi-mini');
  const named = requireFlag(values.model ?? task?.model, command, '--model', 'gpt2');
  const { requireOneLength } = await import('@auto-circuit/core');
  const { loadNamedModel, openPatchable } = await import('./open-model.js');
  const { generatedPrompts, isGenerator, promptsLine, readPromptFile, tokenizeFile } = await import(
    './open-prompts.js'
  );
  const read = isGenerator(data) ? null : await readPromptFile(cli, data); // a mistake in it is found before the model is loaded
  const loaded = await loadNamedModel(cli, named, values.process);
  const file = read ?? (await generatedPrompts(task!, loaded));
  const tokenized = await tokenizeFile(cli, file, loaded);
  const { bosLine } = tokenized;
  const prefix = await sharedPrefix(loaded.model, tokenized.prompts, cli.flags(SETTING_FLAGS).sharedPrefix);
  const graphValues = { ...cli.flags(GRAPH_FLAGS) };
  if (task?.tokenPositions) graphValues.tokenPositions = true;
  graphValues.outputs ??= task?.outputs;
  const whole = graphValues.tokenPositions
    ? requireOneLength(tokenized.prompts, 'edges for each token position')
    : null;
  const length = whole === null ? null : whole - prefix.length;
  const longest = Math.max(...tokenized.prompts.map(({ clean }) => clean.length - prefix.length));
  const opened = await openPatchable(cli, prefix.model, graphValues, length, { length: longest, gradients });
  const prompts = await prefix.cut(opened.backend).catch(async (error: unknown) => {
    await opened.dispose();
    throw error;
  });
  const behind = Object.entries(tokenized.wordIdxs).map(([word, at]) => [word, at - prefix.length] as const);
  const wordIdxs = Object.fromEntries(behind.filter(([, at]) => at >= 0));
  const dataName = task?.name ?? basename(`${data}`);
  writeHeader(cli.output, {
    model: modelLine(opened.model, opened.graph),
    task: promptsLine(dataName, tokenized.prompts, bosLine, prefix.length),
    backend: backendLine(opened.backend.info),
  });
  const sources = {
    task: values.task ?? null,
    data: values.data === undefined ? null : resolve(cli.cwd, values.data),
    model: values.model === undefined ? null : whereModel(cli, values.model),
    process: values.process,
    tokenPositions: graphValues.tokenPositions,
    outputs: graphValues.outputs ?? null,
    bos: cli.flags(DATA_FLAGS).bos,
    sharedPrefix: prefix.length > 0,
  };
  const labels = whole === null ? [] : positionLabels(whole, tokenized, loaded.tokenizer).slice(prefix.length);
  return Object.freeze({ ...opened, task, dataName, prompts, wordIdxs, bosLine, labels, sources });
}

/** A folder by its whole path, so that the run can be taken up from anywhere; other names as they are. */
function whereModel(cli: Cli, model: string): string {
  const path = resolve(cli.cwd, model);
  return existsSync(path) ? path : model;
}

/** The algorithm of `--algo`, with its options checked as far as they can be without a model. */
export async function chosenAlgo(cli: Cli, command: Command): Promise<NamedAlgo> {
  const name = requireFlag(cli.flags(ALGO_FLAGS).algo, command, '--algo', 'eap');
  const named = await namedAlgo(cli, command.name(), name);
  await algoOptions(cli, named, null);
  return named;
}

/** How circuits are run and which prompts are used, by the flags. */
export function circuitSettings(
  cli: Cli,
  command: Command,
): SelectionSettings & RunPromptSettings & { readonly force: boolean } {
  const values = cli.flags(SETTING_FLAGS);
  const { ablation, ablateFrom } = values as unknown as PatchValues;
  const { batchSize, limit, length, seed } = cli.flags(DATA_FLAGS);
  return {
    ablation,
    ablateFrom,
    patchType: values.patchType,
    select: values.select,
    reverse: values.reverse,
    force: values.force,
    batchSize,
    limit: limit ?? null,
    length: length ?? null,
    train: values.train ?? null,
    test: values.test === undefined ? null : parseCount(command.name(), '--test', values.test, 'same', 1),
    seed,
  };
}

/** Whether every prompt has wrong answers. */
export const haveWrongAnswers = ({ prompts }: OpenedRun): boolean =>
  prompts.every((prompt) => prompt.wrongAnswers.length > 0);

/** @param shared whether the options of the command line are for other algorithms, too */
export async function runRequest(
  cli: Cli,
  command: Command,
  opened: OpenedRun,
  named: NamedAlgo,
  shared = false,
): Promise<{ request: DiscoverRequest; identity: RunIdentity }> {
  const { metric, edges, threshold } = cli.flags(MEASURE_FLAGS);
  const request: DiscoverRequest = {
    model: opened.patchable,
    prompts: opened.prompts,
    algo: named.algo,
    algoOptions: await algoOptions(cli, named, opened, shared),
    metrics: await chosenMetrics(cli, metric, opened),
    objective: chosenObjective(cli, opened),
    sizes: parseSizes(command.name(), edges, threshold),
    keep: parseCount(command.name(), '--keep', cli.flags(KEEP_FLAGS).keep, 'auto', 0),
    ...circuitSettings(cli, command),
  };
  const { name, weights, processing } = opened.model;
  const identity: RunIdentity = {
    model: { name, key: weights.key, processing },
    data: { name: opened.dataName, bos: opened.bosLine ?? 'no text' },
    positions: { labels: opened.labels, words: opened.wordIdxs },
    sources: opened.sources,
    backend: opened.backend.info,
    plugins: await pluginsUsed(cli, request, opened.backend.info.backend),
    versions: { 'auto-circuit': packageVersion() },
  };
  return { request, identity };
}

/** The code of plugins from outside: of the algorithm, the metrics and the backend, and of all that bring models or tasks. */
async function pluginsUsed(
  cli: Cli,
  { algo, metrics }: DiscoverRequest,
  backend: string,
): Promise<Record<string, string>> {
  const registry = await cli.registry();
  const used = [
    ...registry.list('prune-algo').filter(({ item }) => item.name === algo.name),
    ...registry.list('metric').filter(({ item }) => metrics.some(({ metric }) => metric.name === item.name)),
    ...registry.list('backend').filter(({ item }) => item.name === backend),
    ...registry.list('architecture'),
    ...registry.list('task'),
  ];
  return Object.fromEntries(used.flatMap(({ plugin, code }) => (code === null ? [] : [[plugin, code]])));
}

/** KL, or squared differences where the output is one number; and the logit difference where prompts have wrong answers. */
const defaultMetrics = (opened: OpenedRun): string[] => [
  opened.model.spec.outputSize === 1 ? 'mse' : 'kl',
  ...(haveWrongAnswers(opened) ? ['logit-diff'] : []),
];

/** The metrics of `--metric`, or the default ones. */
export async function chosenMetrics(cli: Cli, names: string | undefined, opened: OpenedRun): Promise<ChosenMetric[]> {
  const registry = await cli.registry();
  const { optionDefaults } = await import('@auto-circuit/core');
  const wanted = names === undefined ? defaultMetrics(opened) : names.split(',').map((name) => name.trim());
  return [...new Set(wanted)].map((name) => {
    const metric = registry.get('metric', name);
    return { metric, options: optionDefaults(metric.options) };
  });
}

function chosenObjective(cli: Cli, opened: OpenedRun): ObjectiveName {
  const asked = (cli.flags(OBJECTIVE_FLAGS).objective as ObjectiveName | undefined) ?? opened.task?.objective;
  if (asked !== undefined) return asked;
  if (haveWrongAnswers(opened)) return 'logit-diff';
  cli.output.warn(
    'some prompts have no wrong answers, so scores are gradients of the answer’s logit (--objective answer-logit)',
  );
  return 'answer-logit';
}

const RULES = ['log', 'all', 'groups'] as const;

/** `--edges` and `--threshold`. @throws AutoCircuitError for what is no size */
export function parseSizes(where: string, edges: string | undefined, threshold: number | undefined): CircuitSizes {
  if (edges !== undefined && threshold !== undefined) {
    throw new AutoCircuitError({ where, what: '--edges and --threshold exclude each other' });
  }
  if (threshold !== undefined) return { by: 'threshold', threshold };
  if (edges === undefined) return { by: 'rule', rule: 'default' };
  const rule = RULES.find((name) => name === edges);
  if (rule) return { by: 'rule', rule };
  const counts = edges.split(',').map((text) => (/^\s*(\d+(\.\d+)?|\.\d+)\s*$/.test(text) ? Number(text) : Number.NaN));
  if (counts.every((count) => count < 1 || Number.isInteger(count))) return { by: 'list', counts };
  throw new AutoCircuitError({
    where,
    what: '--edges does not fit',
    expected: 'whole numbers or shares below 1 with commas between, log, all or groups',
    got: `"${edges}"`,
  });
}

/** A whole number, or one word. */
function parseCount<W extends string>(where: string, flag: string, text: string, word: W, least: number): number | W {
  if (text === word) return word;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least) return value;
  throw new AutoCircuitError({
    where,
    what: `${flag} does not fit`,
    expected: `${word}, or a whole number from ${least}`,
    got: `"${text}"`,
  });
}
