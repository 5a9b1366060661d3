/** @file One pair of prompts from the command line: texts, or JSON numbers for models without a tokenizer. */
import type { Prompt, PromptFile } from '@auto-circuit/core';
import type { RawInput } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { type Command, Option } from 'commander';
import type { Cli } from '../context/context.js';
import { DATA_FLAGS } from '../flags/shared-flags.js';
import type { LoadedModel } from './open-model.js';
import { wantsBos } from './open-prompts.js';

/** `--answer` and `--wrong`, each as often as there are answers. @param unset what stands for them in help */
export function addAnswerFlags(command: Command, unset: string): void {
  for (const [name, what] of [
    ['answer', 'a right answer (one token)'],
    ['wrong', 'a wrong answer'],
  ]) {
    const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
    command.addOption(
      new Option(`--${name} <TEXT>`, `${what} to watch; may be repeated (${unset})`).argParser(collect),
    );
  }
}

/** A pair as the command line has it. */
export interface PairTexts {
  readonly clean: string;
  readonly corrupt: string;
  readonly answer: readonly string[];
  readonly wrong: readonly string[];
}

const BOS_FLAG = { bos: DATA_FLAGS.bos } as const;

/** The pair as a prompt file of one prompt. @param where the command, for errors */
export async function pairFile(where: string, { tokenizer }: LoadedModel, texts: PairTexts): Promise<PromptFile> {
  const { kindOf } = await import('@auto-circuit/core/run');
  const asInput = (text: string, flag: string): RawInput => (tokenizer ? text : numbersOf(where, text, flag));
  const asAnswer = (text: string): string | number => (tokenizer ? text : Number(text));
  const clean = asInput(texts.clean, where === 'query' ? '--prompt' : '--clean');
  return {
    path: 'the command line',
    kind: kindOf(clean),
    prompts: [
      {
        clean,
        corrupt: asInput(texts.corrupt, '--corrupt'),
        answers: texts.answer.map(asAnswer),
        wrongAnswers: texts.wrong.map(asAnswer),
      },
    ],
    seqLabels: null,
    wordIdxs: {},
  };
}

/** The pair as tokens. @throws AutoCircuitError for a pair of unequal length, answers that are not one token, … */
export async function pairOf(cli: Cli, where: string, loaded: LoadedModel, texts: PairTexts): Promise<Prompt> {
  const { tokenizePrompts } = await import('@auto-circuit/core');
  const file = await pairFile(where, loaded, texts);
  const bos = wantsBos(cli.flags(BOS_FLAG).bos, loaded);
  const { prompts, warnings } = tokenizePrompts(file, loaded.tokenizer, { bos });
  for (const line of warnings) cli.output.warn(line);
  return prompts[0]!;
}

/** Token ids `[5, 3]` or features `[[1, 2], [3, 4]]` written as JSON. */
function numbersOf(where: string, text: string, flag: string): RawInput {
  const wrong = (): AutoCircuitError =>
    new AutoCircuitError({
      code: 'no-tokenizer',
      fields: { option: flag, got: text },
      where,
      what: `${flag} is text, but the model has no tokenizer`,
      expected: 'token ids such as "[5, 3, 8]", or numbers for each position such as "[[1, 2], [3, 4]]"',
      got: `"${text}"`,
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong();
  }
  const numbers = (list: unknown): boolean =>
    Array.isArray(list) && list.length > 0 && list.every((x) => typeof x === 'number');
  if (numbers(value) || (Array.isArray(value) && value.length > 0 && value.every(numbers))) return value as RawInput;
  throw wrong();
}
