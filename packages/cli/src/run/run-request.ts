/** @file What is asked of a run: algorithm, metrics, objective, circuits, and what identifies its parts. */

import type { ChosenObjective } from '@auto-circuit/core/plugin';
import type {
  ChosenMetric,
  DiscoverRequest,
  RunIdentity,
  RunPromptSettings,
  SelectionSettings,
} from '@auto-circuit/core/run';
import type { Registry } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import { packageVersion } from '../context/package-version.js';
import { requireFlag } from '../flags/flag-table.js';
import { DATA_FLAGS, OBJECTIVE_FLAGS, type PatchValues } from '../flags/shared-flags.js';
import { algoOptions, type NamedAlgo, namedAlgo } from './choose-algo.js';
import { ablationNamed, knownFor, metricsNamed, objectiveNamed, selectionNamed } from './named-contributions.js';
import type { OpenedRun } from './open-run.js';
import { ALGO_FLAGS, KEEP_FLAGS, MEASURE_FLAGS, PROMPT_FLAGS, SETTING_FLAGS } from './run-flags.js';
import { parseCount, parseSizes } from './sizes.js';

/** The algorithm of `--algo`, with its options checked as far as they can be without a model. */
export async function chosenAlgo(cli: Cli, command: Command): Promise<NamedAlgo> {
  const name = requireFlag(cli.flags(ALGO_FLAGS).algo, command, '--algo', 'eap');
  const named = await namedAlgo(cli, command.name(), name);
  await algoOptions(cli, named, null);
  return named;
}

/** How circuits are run and which prompts are used, by the flags. */
export async function circuitSettings(
  cli: Cli,
  command: Command,
): Promise<SelectionSettings & RunPromptSettings & { readonly force: boolean }> {
  const values = cli.flags(SETTING_FLAGS);
  const { ablation, ablateFrom } = values as unknown as PatchValues;
  const { batchSize, limit, length, seed } = cli.flags(DATA_FLAGS);
  return {
    ablation: await ablationNamed(cli, command.name(), ablation),
    ablateFrom,
    patchType: values.patchType,
    select: await selectionNamed(cli, command.name(), values.select),
    rankBy: values.rankBy,
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
  const metrics = await chosenMetrics(cli, metric, opened);
  const request: DiscoverRequest = {
    model: opened.patchable,
    prompts: opened.prompts,
    algo: named.algo,
    algoOptions: await algoOptions(cli, named, opened, shared),
    metrics,
    known: await knownFor(opened, metrics),
    objective: await chosenObjective(cli, command.name(), opened),
    sizes: parseSizes(command.name(), edges, threshold),
    keep: parseCount(command.name(), '--keep', cli.flags(KEEP_FLAGS).keep, 'auto', 0),
    perPrompt: cli.flags(PROMPT_FLAGS).perPrompt ?? null,
    ...(await circuitSettings(cli, command)),
    processMemory: opened.backend.processMemory,
  };
  const { name, weights, processing } = opened.model;
  const used = await pluginsUsed(cli, request, opened.backend.info.backend);
  const identity: RunIdentity = {
    model: { name, key: weights.key, processing },
    data: { name: opened.dataName, bos: opened.bosLine ?? 'no text', leftOut: opened.leftOut },
    positions: { labels: opened.labels, words: opened.wordIdxs },
    ...(opened.decode ? { decode: opened.decode } : {}),
    sources: opened.sources,
    backend: opened.backend.info,
    plugins: Object.fromEntries(used.flatMap(({ plugin, code }) => (code === null ? [] : [[plugin, code]]))),
    versions: {
      'auto-circuit': packageVersion(),
      ...Object.fromEntries(used.flatMap(({ plugin, version }) => (version === null ? [] : [[plugin, version]]))),
    },
  };
  return { request, identity };
}

/** What takes part: the algorithm, the metrics and the backend, and all that bring models or tasks. */
async function pluginsUsed(
  cli: Cli,
  { algo, metrics, objective, ablation, select = 'threshold' }: DiscoverRequest,
  backend: string,
): Promise<readonly ReturnType<Registry['list']>[number][]> {
  const registry = await cli.registry();
  return [
    ...registry.list('prune-algo').filter(({ item }) => item.name === algo.name),
    ...registry.list('metric').filter(({ item }) => metrics.some(({ metric }) => metric.name === item.name)),
    ...registry.list('score-metric').filter(({ item }) => metrics.some(({ metric }) => metric.name === item.name)),
    ...registry.list('objective').filter(({ item }) => item.name === nameIn(objective)),
    ...registry.list('selection').filter(({ item }) => item.name === nameIn(select)),
    ...registry.list('ablation').filter(({ item }) => item.name === nameIn(ablation)),
    ...registry.list('backend').filter(({ item }) => item.name === backend),
    ...registry.list('architecture'),
    ...registry.list('task'),
  ];
}

/** The name of what was chosen, without its options. */
const nameIn = (chosen: string | { readonly text: string }): string =>
  (typeof chosen === 'string' ? chosen : chosen.text).replace(/\(.*$/s, '');

/** KL, or squared differences where the output is one number; and the logit difference where prompts have wrong answers. */
const defaultMetrics = (opened: OpenedRun): string[] => [
  opened.model.spec.outputSize === 1 ? 'mse' : 'kl',
  ...(haveWrongAnswers(opened) ? ['logit-diff'] : []),
];

/** The metrics of `--metric`, or the default ones. */
export async function chosenMetrics(cli: Cli, names: string | undefined, opened: OpenedRun): Promise<ChosenMetric[]> {
  return metricsNamed(cli, '--metric', names ?? defaultMetrics(opened).join(','));
}

async function chosenObjective(cli: Cli, where: string, opened: OpenedRun): Promise<ChosenObjective> {
  const asked = cli.flags(OBJECTIVE_FLAGS).objective ?? opened.task?.objective;
  if (asked !== undefined) return objectiveNamed(cli, where, asked);
  if (haveWrongAnswers(opened)) return objectiveNamed(cli, where, 'logit-diff');
  cli.output.warn(
    'some prompts have no wrong answers, so scores are gradients of the answer’s logit (--objective answer-logit)',
  );
  return objectiveNamed(cli, where, 'answer-logit');
}
