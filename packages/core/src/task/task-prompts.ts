/** @file The prompts of an opened task: from a task, a prompt file or a path to token ids. */

import { fileURLToPath } from 'node:url';
import { AutoCircuitError } from '../errors/error.js';
import { fileError } from '../files/file-error.js';
import { readWhole } from '../files/read-whole.js';
import type { Task } from '../plugin/task.js';
import { type PromptFile, readPromptBytes } from '../prompts/prompt-file.js';
import type { TextEncoder } from '../prompts/text-encoder.js';
import { type TokenizedPrompts, type TokenizeOptions, tokenizePrompts } from '../prompts/tokenize.js';

/** A tokenizer, as `loadModel` gives it. */
export interface TaskTokenizer extends TextEncoder {
  /** Whether it puts a BOS token before a text by itself. Default: false. */
  readonly addsBos?: boolean;
}

/** A task with its data and defaults, a prompt file by path or URL, or one that has been read (`readPromptBytes`). */
export type TaskData = Task | PromptFile | string | URL;

export const isTask = (data: TaskData): data is Task =>
  typeof data === 'object' && !(data instanceof URL) && 'kind' in data && data.kind === 'task';

/**
 * The prompts of a task's data. @param options `bos` is what the tokenizer does where it is left out
 * @throws AutoCircuitError for a file that cannot be read or used, or prompts that need a tokenizer where there is none
 */
export async function taskPrompts(
  data: TaskData,
  tokenizer: TaskTokenizer | null,
  { bos = tokenizer?.addsBos ?? false, ...choice }: Partial<TokenizeOptions>,
): Promise<TokenizedPrompts> {
  const file = await promptFileOf(data, tokenizer);
  return tokenizePrompts(file, tokenizer, { ...choice, bos });
}

async function promptFileOf(data: TaskData, tokenizer: TaskTokenizer | null): Promise<PromptFile> {
  if (typeof data === 'string' || data instanceof URL) return readPrompts(data);
  if (!isTask(data)) return data;
  if (typeof data.data === 'string' || data.data instanceof URL) return readPrompts(data.data);
  if (tokenizer) return data.data.generate({ encoder: tokenizer, count: data.data.count, seed: data.data.seed });
  throw new AutoCircuitError({
    code: 'no-tokenizer',
    where: 'prompts',
    what: `the prompts of task "${data.name}" are made for the model's tokenizer, and none is given`,
    fix: 'give the tokenizer along with the model, as loadModel returns it',
    fields: { task: data.name },
  });
}

async function readPrompts(source: string | URL): Promise<PromptFile> {
  const path = source instanceof URL ? fileURLToPath(source) : source;
  const bytes = await readWhole(path).catch((cause: unknown) => {
    throw fileError('prompts', 'read', path, cause);
  });
  return readPromptBytes(bytes, path);
}
