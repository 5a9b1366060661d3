/** @file From the flags of a run to its model on a backend, and its prompts. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Prompt, Task } from '@auto-circuit/core';
import type { RunIdentity } from '@auto-circuit/core/run';
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import { requireFlag } from '../flags/flag-table.js';
import { DATA_FLAGS, GRAPH_FLAGS, OBJECTIVE_FLAGS } from '../flags/shared-flags.js';
import type { LoadedModel, OpenedModel } from '../open/open-model.js';
import { positionLabels } from '../open/position-labels.js';
import { sharedPrefix } from '../open/shared-prefix.js';
import { readSpans } from '../open/spans.js';
import { backendLine, modelLine, writeHeader } from '../terminal/header.js';
import { checkRunFlags } from './check-flags.js';
import { ablationNamed, objectiveNamed, selectionNamed } from './named-contributions.js';
import { givenFlags } from './run-defaults.js';
import { SETTING_FLAGS, SOURCE_FLAGS } from './run-flags.js';

/** A model on a backend, and its prompts. */
export interface OpenedRun extends OpenedModel {
  readonly task: Task | null;
  readonly dataName: string;
  readonly prompts: readonly Prompt[];
  /** Positions of words, BOS counted. */
  readonly wordIdxs: Readonly<Record<string, number>>;
  readonly bosLine: string | null;
  /** Places in the file of prompts that do not fit and were left out. */
  readonly leftOut: readonly number[];
  /** What stands at each position, or the names of spans; empty without either. */
  readonly labels: readonly string[];
  /** The text of token ids; null where prompts are no text. */
  readonly decode: ((ids: readonly number[]) => string) | null;
  /** Null where prompts are no text. */
  readonly tokenizer: LoadedModel['tokenizer'];
  /** What opens the same again. */
  readonly sources: RunIdentity['sources'];
}

/**
 * Opens model and prompts and writes the header. The caller disposes.
 * @param gradients whether mask gradients will be taken
 */
export async function openRun(cli: Cli, command: Command, gradients = false): Promise<OpenedRun> {
  checkRunFlags(cli, command);
  const values = cli.flags(SOURCE_FLAGS);
  const task = values.task === undefined ? null : (await cli.registry()).get('task', values.task);
  const data = requireFlag(values.data ?? task?.data, command, '--task', 'ioi-mini');
  const named = requireFlag(values.model ?? task?.model, command, '--model', 'gpt2');
  await checkNames(cli, command.name());
  const { requireOneLength } = await import('@auto-circuit/core/run');
  const { withSpans } = await import('@auto-circuit/core/run');
  const { loadedFor, loadNamedModel, openPatchable } = await import('../open/open-model.js');
  const { generatedPrompts, isGenerator, nameOfData, promptsLine, readPromptFile, shownData, tokenizeFile } =
    await import('../open/open-prompts.js');
  const spans = await readSpans(cli, values.spans, beside(command, ['tokenPositions', 'sharedPrefix']));
  const read = isGenerator(data) ? null : await readPromptFile(cli, data); // a mistake in it is found before the model is loaded
  const first = await loadNamedModel(cli, named, values.process);
  const file = read ?? (await generatedPrompts(task!, first));
  const tokenized = await tokenizeFile(cli, file, first);
  const loaded = await loadedFor(cli, values.process, first, tokenized.prompts);
  const { bosLine } = tokenized;
  const prefix = await sharedPrefix(loaded.model, tokenized.prompts, cli.flags(SETTING_FLAGS).sharedPrefix);
  const graphValues = { ...cli.flags(GRAPH_FLAGS) };
  if (task?.tokenPositions) graphValues.tokenPositions = true;
  if (spans) graphValues.tokenPositions = false;
  graphValues.outputs ??= task?.outputs;
  const whole = graphValues.tokenPositions
    ? requireOneLength(tokenized.prompts, 'edges for each token position')
    : null;
  const length = whole === null ? null : whole - prefix.length;
  const longest = tokenized.prompts.reduce((most, { clean }) => Math.max(most, clean.length - prefix.length), 0);
  const spoken = spans ? withSpans(tokenized.prompts, spans) : null; // a mistake in them is found before anything is computed
  const axis = spans ? { spans: spans.names.length } : length;
  const opened = await openPatchable(cli, prefix.model, graphValues, axis, { length: longest, gradients });
  const cut = await prefix.cut(opened.backend).catch(async (error: unknown) => {
    await opened.dispose();
    throw error;
  });
  const prompts = spoken ?? cut;
  const shifted = Object.entries(tokenized.wordIdxs).map(([word, at]) => [word, at - prefix.length] as const);
  const wordIdxs = spans ? {} : Object.fromEntries(shifted.filter(([, at]) => at >= 0)); // positions of words are no spans
  const dataName = nameOfData(task, values.data, data);
  writeHeader(cli.output, {
    model: modelLine(opened.model, opened.graph),
    task: promptsLine(shownData(dataName, task, values.data), tokenized.prompts, bosLine, prefix.length),
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
    ...(cli.flags(DATA_FLAGS).skipUnfit ? { skipUnfit: true } : {}),
    ...(values.spans === undefined ? {} : { spans: resolve(cli.cwd, values.spans) }),
  };
  const leftOut = tokenized.unfit.map(({ index }) => index);
  const ofPositions = whole === null ? [] : positionLabels(whole, tokenized, loaded.tokenizer).slice(prefix.length);
  const labels = spans ? spans.names : ofPositions;
  const { tokenizer } = loaded;
  const decode = tokenizer === null ? null : (ids: readonly number[]): string => tokenizer.decode(ids);
  return Object.freeze({
    ...opened,
    task,
    dataName,
    prompts,
    wordIdxs,
    bosLine,
    labels,
    leftOut,
    decode,
    tokenizer,
    sources,
  });
}

/** What flags name with or without options. @throws AutoCircuitError with the nearest names */
async function checkNames(cli: Cli, where: string): Promise<void> {
  const { objective } = cli.flags(OBJECTIVE_FLAGS);
  const { ablation, select } = cli.flags(SETTING_FLAGS);
  if (objective !== undefined) await objectiveNamed(cli, where, objective);
  await ablationNamed(cli, where, ablation);
  await selectionNamed(cli, where, select);
}

/** Of these flags, by attribute name, those that stand on the command line. */
const beside = (command: Command, names: readonly string[]): string[] =>
  givenFlags(command)
    .filter((name) => names.includes(name) && command.getOptionValue(name) === true)
    .map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);

/** A folder by its whole path, so that the run can be taken up from anywhere; other names as they are. */
function whereModel(cli: Cli, model: string): string {
  const path = resolve(cli.cwd, model);
  return existsSync(path) ? path : model;
}
