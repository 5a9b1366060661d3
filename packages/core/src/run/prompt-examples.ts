/** @file Some of the prompts that a run was measured on, as text, for its report. */
import type { Prompt } from '../prompts/types.js';
import type { PromptExample } from '../run-folder/schemas.js';
import type { RunPrompts } from './prompts-of-run.js';

const EXAMPLES = 5;

/**
 * Examples spread evenly over the test prompts, which are ordered as the values by prompt of `measurements.json` are. None where
 * prompts are no text.
 * @param decode text of token ids
 * @param outputs ids that the model can answer with: wrong answers that nothing reads may have others, and are not shown
 */
export function promptExamples(
  { test }: RunPrompts,
  decode: (ids: readonly number[]) => string,
  outputs: number,
): PromptExample[] {
  const prompts = test.flatMap((batch) => batch.prompts);
  const count = Math.min(EXAMPLES, prompts.length);
  return Array.from({ length: count }, (_, i) => Math.floor((i * prompts.length) / count)).flatMap((at) => {
    const prompt = prompts[at]!;
    const { clean, corrupt, answers, wrongAnswers, prefix } = prompt;
    if (!isTokens(clean) || !isTokens(corrupt)) return [];
    const textOf = (ids: readonly number[]): string => decode([...(prefix?.tokens ?? []), ...ids]);
    const words = (ids: readonly number[]): string[] => ids.filter((id) => id < outputs).map((id) => decode([id]));
    return [
      {
        at,
        index: prompt.index,
        clean: textOf(clean),
        corrupt: textOf(corrupt),
        answers: words(answers),
        wrongAnswers: words(wrongAnswers),
      },
    ];
  });
}

const isTokens = (input: Prompt['clean']): input is readonly number[] => typeof input[0] === 'number';
