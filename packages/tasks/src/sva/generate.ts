/** @file Prompts of subject-verb agreement: the verb has the subject's number, not that of the noun between. */
import type { PromptFile, PromptRequest, RandomSource } from '@auto-circuit/core/plugin';
import { filledPair } from '../prompt-set/fill.js';
import { isOneToken, oneTokenWords } from '../prompt-set/one-token.js';
import { type Draft, promptSet } from '../prompt-set/prompt-set.js';
import { draw, pick } from '../prompt-set/random-choice.js';
import { type WordPair, wordPairs } from '../prompt-set/word-lists.js';

/** {subject} decides; {other} stands between it and the verb. */
export const SVA_SENTENCES: readonly string[] = [
  'In the photo, the {subject} beside the {other}',
  'It is well known that the {subject} from the {other}',
  'I noticed that the {subject} close to the {other}',
  'Once again, the {subject} across from the {other}',
  'Nobody knew why the {subject} above the {other}',
  'They say that the {subject} with the {other}',
  'This time the {subject} under the {other}',
  'The {subject} in the picture of the {other}',
  'As far as we know, the {subject} among the {other}',
  'We were told that the {subject} next to the {other}',
];
/** Singular and plural. */
export const NOUNS: readonly WordPair[] = wordPairs(`
  actor actors, artist artists, author authors, baby babies, bear bears, bottle bottles, bridge bridges,
  brother brothers, building buildings, camera cameras, church churches, city cities, coach coaches, coin coins,
  computer computers, cow cows, customer customers, door doors, driver drivers, engine engines, engineer engineers,
  flag flags, garden gardens, guard guards, hat hats, hotel hotels, island islands, judge judges, lake lakes,
  lamp lamps, lawyer lawyers, leader leaders, manager managers, mountain mountains, neighbor neighbors, nurse nurses,
  painting paintings, pilot pilots, plant plants, poet poets, rabbit rabbits, road roads, school schools,
  singer singers, sister sisters, soldier soldiers, statue statues, stone stones, table tables, tower towers,
  train trains, village villages, visitor visitors, wall walls, wheel wheels, writer writers
`);
const VERBS = { singular: [' is', ' was', ' has'], plural: [' are', ' were', ' have'] } as const;

/**
 * `The engineers in the picture of the lake` → ` are`, ` were` or ` have`; wrong are ` is`, ` was`, ` has`. In the corrupt
 * prompt the subject has the other number, and so do the answers. The noun between is singular or plural by chance. Nouns
 * are one token each.
 * @throws AutoCircuitError when the tokenizer has too few of the nouns as one token
 */
export function generateSva(request: PromptRequest): PromptFile {
  const task = 'sva';
  const { encoder } = request;
  const singular = new Set(
    oneTokenWords(
      task,
      'nouns',
      encoder,
      NOUNS.map(([one]) => one),
      4,
    ),
  );
  const nouns = NOUNS.filter(([one, many]) => singular.has(one) && isOneToken(encoder, many));
  oneTokenWords(
    task,
    'plural nouns',
    encoder,
    NOUNS.map(([, many]) => many),
    4,
  );
  const drawn = (random: RandomSource): Draft => {
    const [subject, between] = draw(random, nouns, 2) as [readonly [string, string], readonly [string, string]];
    const sentence = pick(random, SVA_SENTENCES);
    const other = sentence.includes('among') ? between[1] : pick(random, between); // among: several
    const [own, opposite] = random.below(2) === 0 ? ([0, 1] as const) : ([1, 0] as const);
    const verbs = [VERBS.singular, VERBS.plural] as const;
    return {
      ...filledPair(sentence, { other }, { subject: subject[own] }, { subject: subject[opposite] }),
      answers: verbs[own],
      wrongAnswers: verbs[opposite],
    };
  };
  return promptSet({ task, request, draw: drawn });
}
