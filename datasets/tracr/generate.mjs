/**
 * @file Writes the prompts of tracr-reverse and tracr-xproportion.
 *
 * node datasets/tracr/generate.mjs [--out DIR]
 *
 * Without --out the files go where the package ships them from.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '../ioi-mini/random.mjs';

/** Of the prompts: the shipped files follow from it. */
export const SEED = 30;
const LENGTH = 5;
const SEQ_LABELS = ['BOS', '1', '2', '3', '4', '5'];

/** Every sequence of LENGTH places in a vocabulary, the first place changing fastest. */
const sequences = (vocabulary) =>
  Array.from({ length: vocabulary ** LENGTH }, (_, n) =>
    Array.from({ length: LENGTH }, (_, place) => Math.floor(n / vocabulary ** place) % vocabulary),
  );

/** Each sequence once as clean and once as corrupt, in random order; the two of a pair differ. */
function pairs(vocabulary, random) {
  const all = sequences(vocabulary);
  const order = random.draw(all, all.length);
  // A cycle through all of them in random order, so that no sequence is paired with itself.
  return order.map((clean, i) => ({ clean, corrupt: order[(i + 1) % order.length] }));
}

/** The sequence backwards: at each place one answer, and the other tokens as wrong answers. */
function reversePrompts(random) {
  const vocabulary = [0, 1, 2];
  return pairs(vocabulary.length, random).map(({ clean, corrupt }) => {
    const answers = clean.toReversed();
    return {
      clean: [3, ...clean],
      corrupt: [3, ...corrupt],
      answers: answers.map((token) => [token]),
      wrong_answers: answers.map((token) => vocabulary.filter((other) => other !== token)),
    };
  });
}

/** The share of x (token 1) up to each place. */
function xproportionPrompts(random) {
  const share = (tokens) => Number((tokens.filter((token) => token === 1).length / tokens.length).toFixed(7));
  return pairs(4, random).map(({ clean, corrupt }) => ({
    clean: [4, ...clean],
    corrupt: [4, ...corrupt],
    targets: clean.map((_, place) => [share(clean.slice(0, place + 1))]),
  }));
}

const fileText = (prompts) =>
  `{"prompts":[\n${prompts.map((prompt) => JSON.stringify(prompt)).join(',\n')}\n],\n"seq_labels":${JSON.stringify(SEQ_LABELS)}}\n`;

const out = process.argv.indexOf('--out');
const shipped = fileURLToPath(new URL('../../packages/tasks/data/', import.meta.url));
const folder = out < 0 ? shipped : resolve(process.argv[out + 1]);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'tracr-reverse.json'), fileText(reversePrompts(seededRandom(SEED))));
writeFileSync(join(folder, 'tracr-xproportion.json'), fileText(xproportionPrompts(seededRandom(SEED + 1))));
