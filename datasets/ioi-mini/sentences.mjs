/**
 * @file The training corpus of ioi-mini: seeded sentences without end. Pairs of names that the prompts use
 * are held out: no training sentence puts such a pair together.
 *
 * @example
 * const sentences = trainingSentences(1);
 * const { text, kind } = sentences.next().value;
 */
import { seededRandom } from './random.mjs';
import { ALONE_TEMPLATES, fill, NAMES, OBJECTS, OPENERS, OWNER_TEMPLATES, PLACES, TEMPLATES } from './words.mjs';

/** One pair in five: the numbers of the two names add up to a multiple of five. */
export const isHeldOut = (a, b) => (NAMES.indexOf(a) + NAMES.indexOf(b)) % 5 === 0;

/** `count` different names, no two of which are a held-out pair. */
function trainingNames(random, count) {
  for (;;) {
    const names = random.draw(NAMES, count);
    if (!names.some((a, i) => names.slice(0, i).some((b) => isHeldOut(a, b)))) return names;
  }
}

/** Kind of sentence → share of the corpus (they add up to 1) and how one is made. */
export const SENTENCE_KINDS = {
  /** The subject is one of the two people; the last name is the other. */
  'indirect-object': {
    share: 0.6,
    make(random) {
      const [first, second] = trainingNames(random, 2);
      const [subject, answer] = random.draw([first, second], 2);
      return giving(random, { first, second, subject }, answer);
    },
  },
  /** The subject is a third person; the last name is either of the two, by chance. */
  'third-name': {
    share: 0.15,
    make(random) {
      const [first, second, subject] = trainingNames(random, 3);
      return giving(random, { first, second, subject }, random.pick([first, second]));
    },
  },
  /** Two people with an object each; what one of them does is done with that one's object. */
  owner: {
    share: 0.15,
    make(random) {
      const [first, second] = trainingNames(random, 2);
      const [object, other] = random.draw(OBJECTS, 2);
      const [subject, owned] = random.pick([
        [first, object],
        [second, other],
      ]);
      return fill(random.pick(OWNER_TEMPLATES), { first, second, object, other, subject, owned });
    },
  },
  /** One person, named twice, with one object, named twice. */
  alone: {
    share: 0.1,
    make: (random) =>
      fill(random.pick(ALONE_TEMPLATES), {
        first: random.pick(NAMES),
        object: random.pick(OBJECTS),
        place: random.pick(PLACES),
      }),
  },
};

function giving(random, people, answer) {
  const prompt = fill(random.pick(TEMPLATES).text, {
    ...people,
    object: random.pick(OBJECTS),
    place: random.pick(PLACES),
  });
  return `${prompt} ${answer} .`;
}

function pickKind(random) {
  let left = random.next();
  const kinds = Object.entries(SENTENCE_KINDS);
  for (const [kind, { share, make }] of kinds) {
    left -= share;
    if (left < 0) return [kind, make];
  }
  // shares that add up to just under 1 in floating point
  return [kinds[0][0], kinds[0][1].make];
}

/** Yields `{ kind, text }` without end. One sentence in four has an opener before it. */
export function* trainingSentences(seed) {
  const random = seededRandom(seed);
  for (;;) {
    const [kind, make] = pickKind(random);
    const sentence = make(random);
    const opener = random.next() < 0.25 ? `${fill(random.pick(OPENERS), { place: random.pick(PLACES) })} ` : '';
    yield { kind, text: opener + sentence };
  }
}
