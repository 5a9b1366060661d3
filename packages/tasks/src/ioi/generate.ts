/** @file Prompts of indirect object identification. */
import type { PromptFile, PromptRequest, RandomSource } from '@auto-circuit/core/plugin';
import { filledPair } from '../prompt-set/fill.js';
import { oneTokenWords } from '../prompt-set/one-token.js';
import { type Draft, promptSet } from '../prompt-set/prompt-set.js';
import { draw, pick } from '../prompt-set/random-choice.js';
import { IOI_FIXED_SENTENCE, IOI_SENTENCES, NAMES, OBJECTS, PLACES } from './words.js';

/** Which of the two people is met first: ABBA the answer, BABA the one who gives. */
export type IoiOrder = 'ABBA' | 'BABA';
/** What is asked of `generateIoi`. */
export interface IoiSettings extends PromptRequest {
  /** Default: both. */
  readonly orders?: readonly IoiOrder[];
  /**
   * true: one sentence in one order (ABBA unless `orders` says BABA), so that all prompts are equally long, with word
   * indices. Default: false, 15 sentences.
   */
  readonly fixed?: boolean;
}

/**
 * Who receives the object: `When Mary and John entered the office, John gave the book to` → ` Mary`. The corrupt prompt is
 * the same sentence with three other people (the ABC distribution of Wang et al. 2022), so it says nothing about the answer.
 * Names, places and objects are one token each.
 *
 * Word indices of fixed prompts: `IO` (the answer), `S1` and `S2` (the giver's first and second mention), `S1+1`, `end`.
 * @throws AutoCircuitError when the tokenizer has too few of the names as one token, or too few prompts can be made
 */
export function generateIoi({ orders, fixed = false, ...request }: IoiSettings): PromptFile {
  const task = fixed ? 'ioi-positions' : 'ioi';
  const words = (what: string, list: readonly string[], least: number): readonly string[] =>
    oneTokenWords(task, what, request.encoder, list, least);
  const lists = {
    names: words('names', NAMES, 6),
    places: words('places', PLACES, 1),
    objects: words('objects', OBJECTS, 1),
  };
  const sentences = fixed ? [IOI_FIXED_SENTENCE] : IOI_SENTENCES;
  const chosen = orders ?? (fixed ? ['ABBA'] : ['ABBA', 'BABA']);
  const drawPrompt = (random: RandomSource): Draft =>
    drawn(random, pick(random, sentences), pick(random, chosen), lists);
  if (!fixed) return promptSet({ task, request, draw: drawPrompt });
  const answerFirst = chosen[0] === 'ABBA';
  return promptSet({
    task,
    request,
    draw: drawPrompt,
    wordIdxs: ({ first, second, giver }, length) => ({
      IO: answerFirst ? first! : second!,
      S1: answerFirst ? second! : first!,
      'S1+1': (answerFirst ? second! : first!) + 1,
      S2: giver!,
      end: length - 1,
    }),
  });
}

interface Lists {
  readonly names: readonly string[];
  readonly places: readonly string[];
  readonly objects: readonly string[];
}

function drawn(random: RandomSource, sentence: string, order: IoiOrder, { names, places, objects }: Lists): Draft {
  const [answer, giver, ...others] = draw(random, names, 5);
  const shared = { place: pick(random, places), object: pick(random, objects) };
  const [first, second] = order === 'ABBA' ? [answer!, giver!] : [giver!, answer!];
  return {
    ...filledPair(
      sentence,
      shared,
      { first, second, giver: giver! },
      { first: others[0]!, second: others[1]!, giver: others[2]! },
    ),
    answers: [` ${answer}`],
    wrongAnswers: [` ${giver}`],
  };
}
