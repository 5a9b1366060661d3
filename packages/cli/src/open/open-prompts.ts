/** @file From a prompt file (or prompts on the command line) and the data flags to tokenized prompts. */
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PromptFile, PromptGenerator, Task } from '@auto-circuit/core/plugin';
import type { TokenizedPrompts } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { Cli } from '../context/context.js';
import { DATA_FLAGS, type DataValues } from '../flags/shared-flags.js';
import { countOf, quoted } from '../terminal/numbers.js';
import type { LoadedModel } from './open-model.js';

/** Reads a prompt file: AutoCircuit's JSON, or rows of CSV, JSON or Parquet. Relative paths start at the user's folder. */
export async function readPromptFile(cli: Cli, data: string | URL): Promise<PromptFile> {
  const { fileError, readPromptBytes, readWhole } = await import('@auto-circuit/core/run');
  const path = data instanceof URL ? fileURLToPath(data) : resolve(cli.cwd, data);
  const shown = data instanceof URL ? path : data;
  let bytes: Uint8Array;
  try {
    bytes = await readWhole(path);
  } catch (cause) {
    throw fileError('prompts', 'read', shown, cause);
  }
  const file = await readPromptBytes(bytes, shown);
  if (file.rowsLeftOut) {
    const rows = countOf(file.rowsLeftOut, 'row');
    cli.output.warn(`${shown}: ${rows} without a counterfactual to patch in, left out`);
  }
  return file;
}

/** Whether a task's prompts are made for a tokenizer, and not read from a file. */
export const isGenerator = (data: Task['data']): data is PromptGenerator =>
  typeof data !== 'string' && !(data instanceof URL);

const modelOf = ({ model }: Task): string => (typeof model === 'string' ? model : 'MODEL');

/**
 * A task's prompts, made for the model's tokenizer.
 * @param asked another number or seed than the task's own data set has
 * @throws AutoCircuitError when the task's prompts are not made, the model has no tokenizer, or it does not fit the task
 */
export async function generatedPrompts(
  task: Task,
  { model, tokenizer }: Pick<LoadedModel, 'tokenizer'> & { readonly model: { readonly name: string } },
  asked: { readonly count?: number | undefined; readonly seed?: number | undefined } = {},
): Promise<PromptFile> {
  const { data } = task;
  if (!isGenerator(data)) {
    throw new AutoCircuitError({
      code: 'invalid-option',
      fields: { option: '--generate', got: task.name },
      where: 'prompts',
      what: `the prompts of task "${task.name}" come from a file and are not generated`,
      fix: `to check them: auto-circuit dataset ${quoted(data instanceof URL ? fileURLToPath(data) : data)} --model ${modelOf(task)}`,
    });
  }
  if (tokenizer === null) {
    throw new AutoCircuitError({
      code: 'no-tokenizer',
      fields: { model: model.name, task: task.name },
      where: 'prompts',
      what: `the prompts of task "${task.name}" are made for the model's tokenizer, and ${model.name} has none`,
      fix: 'use a model folder with tokenizer.json',
    });
  }
  return data.generate({ encoder: tokenizer, count: asked.count ?? data.count, seed: asked.seed ?? data.seed });
}

/** Prompts as token ids, ready to run. */
export interface OpenedPrompts extends TokenizedPrompts {
  /** What was done about BOS, for the header: `BOS added`, `no BOS`, or null for prompts of ids. */
  readonly bosLine: string | null;
}

/** Reasons shown for prompts that are left out. */
const REASONS_SHOWN = 3;

/**
 * Tokenizes those prompts of a file that `--length` and `--limit` leave, and says what is likely not meant. Under `--bos auto`
 * the tokenizer decides.
 * @param unfit what is done about prompts that do not fit; default: what `--skip-unfit` says
 * @throws AutoCircuitError for answers that are not one token, pairs of unequal length, …
 */
export async function tokenizeFile(
  cli: Cli,
  file: PromptFile,
  loaded: LoadedModel,
  unfit: 'refuse' | 'skip' | 'list' = cli.flags(DATA_FLAGS).skipUnfit ? 'skip' : 'refuse',
): Promise<OpenedPrompts> {
  const { tokenizePrompts } = await import('@auto-circuit/core');
  const { bos, length, limit } = cli.flags(DATA_FLAGS);
  const { tokenizer, model } = loaded;
  const tokenized = tokenizePrompts(file, tokenizer, {
    bos: wantsBos(bos, loaded),
    length: length ?? null,
    limit: limit ?? null,
    unfit,
    model,
  });
  for (const line of tokenized.warnings) cli.output.warn(line);
  if (unfit === 'skip') tellLeftOut(cli, file, tokenized);
  const unusual = bos === 'auto' && tokenizer !== null && tokenizer.bosId !== null;
  const without = `no BOS${unusual ? ' (AutoCircuit and TransformerLens add one: --bos on)' : ''}`;
  const bosLine = file.kind !== 'text' ? null : tokenized.bosAdded ? 'BOS added' : without;
  return Object.freeze({ ...tokenized, bosLine });
}

/** `2 prompts of p.json do not fit and are left out:`, and why. */
function tellLeftOut(cli: Cli, { path }: PromptFile, { unfit }: TokenizedPrompts): void {
  if (unfit.length === 0) return;
  const does = unfit.length === 1 ? 'does not fit and is' : 'do not fit and are';
  cli.output.warn(`${countOf(unfit.length, 'prompt')} of ${path} ${does} left out`);
  for (const { error } of unfit.slice(0, REASONS_SHOWN)) cli.output.note(`  ${error.message}`);
  if (unfit.length > REASONS_SHOWN) cli.output.note(`  … and ${unfit.length - REASONS_SHOWN} more`);
}

/** Whether BOS is put before prompts of text. */
export function wantsBos(bos: DataValues['bos'], { tokenizer }: LoadedModel): boolean {
  return bos === 'auto' ? (tokenizer?.addsBos ?? false) : bos === 'on';
}

/** What prompts are called: the file of `--data`, else the task. */
export const nameOfData = (task: Pick<Task, 'name'> | null, data: string | undefined, own: unknown): string =>
  data === undefined ? (task?.name ?? basename(`${own}`)) : basename(data);

/** The same for the header, where a task's own prompts are set aside. */
export const shownData = (name: string, task: Pick<Task, 'name'> | null, data: string | undefined): string =>
  task !== null && data !== undefined ? `${name}, not the prompts of task ${task.name}` : name;

/** `ioi.json · 40 prompts of 15 tokens · no BOS`. */
export function promptsLine(
  name: string,
  prompts: TokenizedPrompts['prompts'],
  bosLine: string | null,
  prefix = 0,
): string {
  const lengths = prompts.map(({ clean }) => clean.length);
  const first = lengths.reduce((least, length) => Math.min(least, length), Number.POSITIVE_INFINITY);
  const last = lengths.reduce((most, length) => Math.max(most, length), 0);
  const tokens = first === last ? countOf(last, 'token') : `${first} to ${last} tokens`;
  return [
    name,
    `${countOf(prompts.length, 'prompt')} of ${tokens}`,
    bosLine,
    prefix > 0 ? `the first ${prefix} run once` : null,
  ]
    .filter(Boolean)
    .join(' · ');
}
