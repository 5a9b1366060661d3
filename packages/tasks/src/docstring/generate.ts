/** @file Prompts of docstring: the next argument that a half-written docstring describes. */
import type { PromptFile, PromptRequest, RandomSource } from '@auto-circuit/core/plugin';
import { filledPair } from '../prompt-set/fill.js';
import { oneTokenWords } from '../prompt-set/one-token.js';
import { type Draft, promptSet } from '../prompt-set/prompt-set.js';
import { draw, pick } from '../prompt-set/random-choice.js';
import { ARGUMENT_NAMES, DESCRIPTION_WORDS, FUNCTION_NAMES } from './words.js';

/** Six arguments, of which the docstring has described the third and fourth. */
const CODE = `def {function}(self, {one}, {two}, {A_def}, {B_def}, {C_def}, {last}):
    """{purpose}

    :param {A_doc}: {about A}
    :param {B_doc}: {about B}
    :param`;

/**
 * A method's signature and a docstring that describes its arguments A and B: the next is C. In the corrupt prompt the
 * signature has other names in place of A, B and C, and the docstring describes two further names, so that nothing says what
 * comes next. Wrong answers are the other three arguments. All words are one token each.
 *
 * Word indices: `A_def`, `B_def`, `B_def+1` (the comma after it), `C_def`, `A_doc`, `B_doc`, `end`.
 * @throws AutoCircuitError when the tokenizer has too few of the words as one token
 */
export function generateDocstring(request: PromptRequest): PromptFile {
  const task = 'docstring';
  const words = (what: string, list: readonly string[], least: number): readonly string[] =>
    oneTokenWords(task, what, request.encoder, list, least);
  const functions = words('function names', FUNCTION_NAMES, 1);
  const names = words('argument names', ARGUMENT_NAMES, 11);
  const descriptions = words('words', DESCRIPTION_WORDS, 7);
  const drawn = (random: RandomSource): Draft => {
    const [A, B, C, D, E, F, G, H, one, two, last] = draw(random, names, 11) as [string, ...string[]];
    const about = draw(random, descriptions, 7);
    const shared = {
      ...{ function: pick(random, functions), one: one!, two: two!, last: last! },
      ...{
        purpose: about.slice(0, 3).join(' '),
        'about A': about.slice(3, 5).join(' '),
        'about B': about.slice(5).join(' '),
      },
    };
    return {
      ...filledPair(
        CODE,
        shared,
        { A_def: A, B_def: B!, C_def: C!, A_doc: A, B_doc: B! },
        { A_def: D!, B_def: E!, C_def: F!, A_doc: G!, B_doc: H! },
      ),
      answers: [` ${C}`],
      wrongAnswers: [one, two, last].map((name) => ` ${name}`),
    };
  };
  return promptSet({
    task,
    request,
    draw: drawn,
    wordIdxs: ({ A_def, B_def, C_def, A_doc, B_doc }, length) => ({
      ...{ A_def: A_def!, B_def: B_def!, 'B_def+1': B_def! + 1, C_def: C_def! },
      ...{ A_doc: A_doc!, B_doc: B_doc!, end: length - 1 },
    }),
  });
}
