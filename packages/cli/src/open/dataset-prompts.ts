/** @file The prompts that `auto-circuit dataset` looks at: those of a file, or made by a task for a tokenizer. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PromptFile } from '@auto-circuit/core';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import { type FlagTable, type FlagValues, requireFlag } from '../flags/flag-table.js';
import { countOf } from '../terminal/numbers.js';
import type { LoadedModel } from './open-model.js';

/** The flags of `dataset` about prompts that a task makes. */
export const GENERATE_FLAGS = {
  generate: {
    type: 'string',
    placeholder: 'TASK,…',
    doc: 'make a task’s prompts instead of reading a file; of several tasks, in turns',
    unset: 'no, a file is read',
  },
  tokenizer: {
    type: 'string',
    placeholder: 'DIR',
    doc: 'with --generate: a folder with tokenizer.json, or a shipped model; the model is not loaded',
    unset: 'the model’s',
  },
  count: { type: 'int', min: 1, doc: 'with --generate: how many prompts of each task', unset: 'the task’s' },
  seed: { type: 'int', min: 0, doc: 'with --generate: the seed', unset: 'the task’s' },
  out: {
    type: 'string',
    placeholder: 'FILE',
    doc: 'with --generate or --only-right: where prompts are written',
    unset: 'nowhere',
  },
  onlyRight: {
    type: 'boolean',
    default: false,
    doc: 'write only prompts that the model gets right: an answer above every wrong one, without those the top token',
  },
} as const satisfies FlagTable;
type Values = FlagValues<typeof GENERATE_FLAGS> & { readonly model: string | undefined; readonly process: boolean };

/** The prompts that `dataset` looks at, and the model that they are tried on. */
export interface AskedPrompts {
  /** The file's path or the task's name. */
  readonly name: string;
  readonly file: PromptFile;
  /** null with `--tokenizer`: nothing is tried. */
  readonly loaded: LoadedModel | null;
}

/** @throws AutoCircuitError for flags that do not go together, and for all that reading or making prompts can meet */
export async function askedPrompts(cli: Cli, command: Command, values: Values): Promise<AskedPrompts> {
  const [path] = command.processedArgs as [string | undefined];
  const { loadNamedModel } = await import('./open-model.js');
  const { generatedPrompts, readPromptFile } = await import('./open-prompts.js');
  checkFlags(path, values);
  if (path !== undefined) {
    const name = requireFlag(values.model, command, '--model', 'ioi-mini');
    const file = await readPromptFile(cli, path);
    return { name: path, file, loaded: await loadNamedModel(cli, name, values.process) };
  }
  const registry = await cli.registry();
  const tasks = values.generate!.split(',').map((name) => registry.get('task', name.trim()));
  const name = tasks.map((task) => task.name).join(',');
  const made = async (from: Parameters<typeof generatedPrompts>[1]): Promise<PromptFile> =>
    inTurns(await Promise.all(tasks.map((task) => generatedPrompts(task, from, values))));
  if (values.tokenizer !== undefined) {
    const { loadTokenizer, SHIPPED_MODELS } = await import('@auto-circuit/models');
    const shipped = Object.hasOwn(SHIPPED_MODELS, values.tokenizer) ? SHIPPED_MODELS[values.tokenizer] : undefined;
    const folder = shipped ? fileURLToPath(shipped.folder) : resolve(cli.cwd, values.tokenizer);
    const from = { tokenizer: loadTokenizer(folder), model: { name: values.tokenizer } };
    return { name, file: await made(from), loaded: null };
  }
  const loaded = await loadNamedModel(cli, values.model ?? tasks[0]!.model, values.process);
  return { name, file: await made(loaded), loaded };
}

/**
 * The first prompt of each file, then the second of each, …, so that any part of them holds all kinds. What positions mean is
 * known only of one file alone.
 */
function inTurns(files: readonly PromptFile[]): PromptFile {
  const [first] = files;
  if (files.length === 1) return first!;
  if (files.some(({ kind }) => kind !== first!.kind)) {
    throw refused(
      'conflicting-options',
      ['--generate'],
      'the prompts of these tasks are of different kinds (text, token ids, numbers)',
      'generate each by itself',
    );
  }
  const longest = files.reduce((most, { prompts }) => Math.max(most, prompts.length), 0);
  const prompts = Array.from({ length: longest }, (_, i) => files.flatMap((file) => file.prompts.slice(i, i + 1)));
  return { ...first!, path: 'the prompts of several tasks', prompts: prompts.flat(), seqLabels: null, wordIdxs: {} };
}

/** Writes prompts that were made to `--out`, or to stdout where there is nothing else to show. */
export async function writePrompts(cli: Cli, asked: AskedPrompts, out: string | undefined): Promise<void> {
  if (out !== undefined) return writeTo(cli, asked, asked.file, out);
  const { promptFileText } = await import('@auto-circuit/core/run');
  if (asked.loaded === null) cli.output.streams.stdout.write(promptFileText(asked.file));
}

/**
 * Writes those prompts to `--out` that the model gets right.
 * @param right their places in the file
 */
export async function writeRight(cli: Cli, asked: AskedPrompts, out: string, right: readonly number[]): Promise<void> {
  if (right.length === 0) {
    throw new AutoCircuitError({
      code: 'unfit-prompts',
      fields: { path: asked.name },
      where: 'dataset',
      what: `the model gets no prompt of ${asked.name} right, so nothing is written to ${out}`,
      fix: 'use another model, or leave --only-right out',
    });
  }
  const prompts = right.toSorted((a, b) => a - b).map((index) => asked.file.prompts[index]!);
  await writeTo(cli, asked, { ...asked.file, prompts }, out);
}

async function writeTo(cli: Cli, { name }: AskedPrompts, file: PromptFile, out: string): Promise<void> {
  const { promptFileText, writeFileAtomic } = await import('@auto-circuit/core/run');
  await writeFileAtomic(resolve(cli.cwd, out), promptFileText(file));
  cli.output.note(`${countOf(file.prompts.length, 'prompt')} of ${name} written to ${out}`);
}

function checkFlags(path: string | undefined, values: Values): void {
  const { generate, tokenizer, count, seed, out, onlyRight, model } = values;
  if (path === undefined && generate === undefined) {
    throw refused(
      'missing-option',
      ['--generate'],
      'there are no prompts to check',
      'name a prompt file, or a task with --generate',
    );
  }
  if (path !== undefined && generate !== undefined) {
    throw refused(
      'conflicting-options',
      ['FILE', '--generate'],
      'a prompt file and --generate cannot be used together',
      'leave one of them out',
    );
  }
  const ofGenerate = { tokenizer, count, seed, ...(onlyRight ? {} : { out }) };
  const alone = Object.entries(ofGenerate).find(([, value]) => value !== undefined);
  if (path !== undefined && alone !== undefined) {
    const flag = `--${alone[0]}`;
    throw refused('missing-option', ['--generate', flag], `${flag} only works with --generate`, 'leave it out');
  }
  if (tokenizer !== undefined && model !== undefined) {
    throw refused(
      'conflicting-options',
      ['--tokenizer', '--model'],
      '--tokenizer and --model cannot be used together',
      'leave --tokenizer out to try the model on the prompts',
    );
  }
  if (onlyRight && (out === undefined || tokenizer !== undefined)) {
    throw refused(
      out === undefined ? 'missing-option' : 'conflicting-options',
      out === undefined ? ['--out'] : ['--only-right', '--tokenizer'],
      '--only-right writes the prompts that a model gets right',
      'give --out FILE, and no --tokenizer',
    );
  }
}

/** @param flags those that are missing, or cannot be used together */
function refused(
  code: 'missing-option' | 'conflicting-options',
  flags: readonly string[],
  what: string,
  fix: string,
): AutoCircuitError {
  const fields = code === 'missing-option' ? { option: flags[0] } : { options: flags };
  return new AutoCircuitError({ code, fields, where: 'dataset', what, fix });
}
