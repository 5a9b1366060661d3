/** @file From a prompt file (or prompts on the command line) and the data flags to tokenized prompts. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PromptFile, TokenizedPrompts } from '@auto-circuit/core';
import type { Cli } from './context.js';
import { DATA_FLAGS, type DataValues } from './flags/index.js';
import type { LoadedModel } from './open-model.js';
import { countOf } from './terminal/numbers.js';

/** Reads AutoCircuit's prompt JSON. Relative paths start at the user's folder. */
export async function readPromptFile(cli: Cli, data: string | URL): Promise<PromptFile> {
  const { fileError, parsePromptFile } = await import('@auto-circuit/core');
  const path = data instanceof URL ? fileURLToPath(data) : resolve(cli.cwd, data);
  const shown = data instanceof URL ? path : data;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw fileError('prompts', 'read', shown, cause);
  }
  return parsePromptFile(text, shown);
}

export interface OpenedPrompts extends TokenizedPrompts {
  /** What was done about BOS, for the header: `BOS added`, `no BOS`, or null for prompts of ids. */
  readonly bosLine: string | null;
}

/**
 * Tokenizes a file's prompts and keeps those that `--length` and `--limit` leave. Under `--bos auto` the tokenizer decides.
 * @throws AutoCircuitError for answers that are not one token, pairs of unequal length, …
 */
export async function tokenizeFile(cli: Cli, file: PromptFile, loaded: LoadedModel): Promise<OpenedPrompts> {
  const { choosePrompts, tokenizePrompts } = await import('@auto-circuit/core');
  const values = cli.flags(DATA_FLAGS);
  const { tokenizer } = loaded;
  const tokenized = tokenizePrompts(file, tokenizer, { bos: wantsBos(values.bos, loaded) });
  const prompts = choosePrompts(tokenized.prompts, { length: values.length ?? null, limit: values.limit ?? null });
  const unusual = values.bos === 'auto' && tokenizer !== null && tokenizer.bosId !== null;
  const without = `no BOS${unusual ? ' (AutoCircuit and TransformerLens put one: --bos on)' : ''}`;
  const bosLine = file.kind !== 'text' ? null : tokenized.bosAdded ? 'BOS added' : without;
  return Object.freeze({ ...tokenized, prompts, bosLine });
}

/** Whether BOS is put before prompts of text. */
export function wantsBos(bos: DataValues['bos'], { tokenizer }: LoadedModel): boolean {
  return bos === 'auto' ? (tokenizer?.addsBos ?? false) : bos === 'on';
}

/** `ioi.json · 40 prompts of 15 tokens · no BOS`. */
export function promptsLine(name: string, prompts: TokenizedPrompts['prompts'], bosLine: string | null): string {
  const lengths = prompts.map(({ clean }) => clean.length);
  const [first, last] = [Math.min(...lengths), Math.max(...lengths)];
  const tokens = first === last ? countOf(last, 'token') : `${first} to ${last} tokens`;
  return [name, `${countOf(prompts.length, 'prompt')} of ${tokens}`, bosLine].filter(Boolean).join(' · ');
}
