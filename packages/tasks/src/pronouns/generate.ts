/** @file Prompts of gendered pronouns: he or she, by the first name. */
import type { PromptFile, PromptRequest, RandomSource } from '@auto-circuit/core/plugin';
import { filledPair } from '../prompt-set/fill.js';
import { oneTokenWords } from '../prompt-set/one-token.js';
import { type Draft, promptSet } from '../prompt-set/prompt-set.js';
import { pick } from '../prompt-set/random-choice.js';
import { wordList } from '../prompt-set/word-lists.js';

/** {name} decides; {job} is the same on both sides. */
export const PRONOUN_SENTENCES: readonly string[] = [
  "I think {name} is a wonderful {job}, isn't",
  'After the concert {name} was tired, so',
  'The whole town admires {name}, because',
  'My neighbor {name} told me yesterday that',
  'We all know {name} as a {job}, and',
  'Nobody could help {name} any more, and',
  'Long before {name} worked as a {job},',
  'The letter made {name} smile, and then',
  'A {job} called {name} lives here, and every evening',
  'Once {name} had found a new house,',
];
/** Jobs that either may have. */
export const JOBS: readonly string[] = wordList(`
  baker chef coach dancer driver farmer gardener guide historian journalist judge librarian manager musician painter
  pilot poet programmer reporter tailor translator
`);
/** Names that usually go with "he". */
export const HE_NAMES: readonly string[] = wordList(`
  Aaron Adam Alan Albert Andrew Anthony Arthur Brian Carl Charles Craig Daniel David Donald Edward Eric Frank Fred
  Gary George Graham Harold Harry Henry Jack James Jason Joe John Jonathan Joseph Keith Kenneth Kevin Luke Mark Martin
  Matthew Michael Neil Nicholas Oliver Patrick Paul Peter Philip Ralph Richard Robert Roger Ronald Samuel Scott Simon
  Stephen Steve Thomas Walter William
`);
/** Names that usually go with "she". */
export const SHE_NAMES: readonly string[] = wordList(`
  Alice Amanda Amy Angela Anna Anne Barbara Betty Carol Caroline Catherine Charlotte Christina Christine Claire
  Deborah Diana Donna Dorothy Elizabeth Ellen Emily Emma Eva Florence Grace Hannah Helen Jane Janet Jennifer Jessica
  Judith Julia Julie Karen Kate Laura Linda Lisa Louise Lucy Margaret Maria Marie Martha Mary Michelle Nancy Olivia
  Patricia Rachel Rebecca Ruth Sandra Sarah Sophia Sophie Susan Victoria
`);
const SIDES = [
  { names: HE_NAMES, pronoun: ' he' },
  { names: SHE_NAMES, pronoun: ' she' },
] as const;

/**
 * `The letter made Alice smile, and then` → ` she`; wrong is ` he`. The corrupt prompt has a name of the other kind in
 * its place. Names are one token each. Which pronoun goes with a name is custom, and not true of everybody.
 * @throws AutoCircuitError when the tokenizer has too few of the names as one token
 */
export function generatePronouns(request: PromptRequest): PromptFile {
  const task = 'pronouns';
  const sides = SIDES.map(({ names, pronoun }) => ({
    names: oneTokenWords(task, `names with${pronoun}`, request.encoder, names, 2),
    pronoun,
  }));
  const drawn = (random: RandomSource): Draft => {
    const own = random.below(2);
    const [clean, corrupt] = [sides[own]!, sides[1 - own]!];
    const sentence = pick(random, PRONOUN_SENTENCES);
    const job = pick(random, JOBS);
    return {
      ...filledPair(sentence, { job }, { name: pick(random, clean.names) }, { name: pick(random, corrupt.names) }),
      answers: [clean.pronoun],
      wrongAnswers: [corrupt.pronoun],
    };
  };
  return promptSet({ task, request, draw: drawn });
}
