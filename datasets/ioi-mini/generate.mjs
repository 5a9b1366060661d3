/**
 * @file Writes the prompts and the tokenizer of ioi-mini.
 *
 * node datasets/ioi-mini/generate.mjs [--out DIR]
 *
 * Without --out the files go where the packages ship them from.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from './random.mjs';
import { isHeldOut } from './sentences.mjs';
import { TOKENIZER_CONFIG, tokenizerJson } from './tokenizer.mjs';
import { fill, NAMES, OBJECTS, PLACES, TEMPLATES } from './words.mjs';

/** Of the prompts: the shipped files follow from it. */
export const SEED = 20;
/** Tokens of most prompts, without `<bos>`. Of 320 prompts, 280 have this length, 20 have 9 and 20 have 19. */
const COMMON_LENGTH = 14;
const PROMPTS_PER_TEMPLATE = { common: 40, other: 20 };
const POSITION_PROMPTS_PER_TEMPLATE = 50;

const tokenCount = (text) => text.split(' ').length;

/** Three different names, of which the first two are a held-out pair. */
function drawNames(random) {
  for (;;) {
    const names = random.draw(NAMES, 3);
    if (isHeldOut(names[0], names[1])) return names;
  }
}

/** One pair of prompts. `order`: ABBA has the answer first of the two people, BABA second. */
function promptPair(random, template, order) {
  const [answer, subject, third] = drawNames(random);
  const [first, second] = order === 'ABBA' ? [answer, subject] : [subject, answer];
  const slots = { first, second, object: random.pick(OBJECTS), place: random.pick(PLACES) };
  return {
    clean: fill(template.text, { ...slots, subject }),
    corrupt: fill(template.text, { ...slots, subject: third }),
    answers: [` ${answer}`],
    wrong_answers: [` ${subject}`],
  };
}

/** `count` different prompts, the templates in turn. */
function prompts(random, wanted) {
  const seen = new Set();
  const rounds = Math.max(...wanted.map(({ count }) => count));
  const made = [];
  for (let round = 0; round < rounds; round++) {
    for (const { template, count, orders } of wanted) {
      if (round >= count) continue;
      for (;;) {
        const prompt = promptPair(random, template, orders[round % orders.length]);
        if (seen.has(prompt.clean)) continue;
        seen.add(prompt.clean);
        made.push(prompt);
        break;
      }
    }
  }
  return made;
}

/** Several templates, both orders; most prompts of one length. */
export const ioiMini = () => ({
  prompts: prompts(
    seededRandom(SEED),
    TEMPLATES.map((template) => ({
      template,
      count: PROMPTS_PER_TEMPLATE[tokenCount(template.text) === COMMON_LENGTH ? 'common' : 'other'],
      orders: ['ABBA', 'BABA'],
    })),
  ),
});

/** The aligned templates in one order: every word class has one position, counted without `<bos>`. */
export const ioiMiniPositions = () => ({
  prompts: prompts(
    seededRandom(SEED + 1),
    TEMPLATES.filter(({ aligned }) => aligned).map((template) => ({
      template,
      count: POSITION_PROMPTS_PER_TEMPLATE,
      orders: ['ABBA'],
    })),
  ),
  seq_labels: ['start', 'IO', 'joins', 'S1', 'verb', 'at', 'the', 'place', 'stop', 'S2', 'gives', 'a', 'object', 'to'],
  word_idxs: { IO: 1, S1: 3, 'S1+1': 4, place: 7, S2: 9, object: 12, end: 13 },
});

const root = fileURLToPath(new URL('../..', import.meta.url));
const TASK_DATA = 'packages/tasks/data';
const MODEL_FOLDER = 'packages/models/shipped-data/ioi-mini';
const line = (value) => JSON.stringify(value);

/** File name → [folder it ships from, text]. */
export function files() {
  const promptFile = ({ prompts: list, ...rest }) =>
    `{"prompts":[\n${list.map(line).join(',\n')}\n]${Object.entries(rest)
      .map(([k, v]) => `,\n${line(k)}:${line(v)}`)
      .join('')}}\n`;
  return {
    'ioi-mini.json': [TASK_DATA, promptFile(ioiMini())],
    'ioi-mini-positions.json': [TASK_DATA, promptFile(ioiMiniPositions())],
    'tokenizer.json': [MODEL_FOLDER, `${JSON.stringify(tokenizerJson(), null, 1)}\n`],
    'tokenizer_config.json': [MODEL_FOLDER, `${JSON.stringify(TOKENIZER_CONFIG, null, 1)}\n`],
  };
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const at = process.argv.indexOf('--out');
  const out = at < 0 ? null : process.argv[at + 1];
  if (at >= 0 && !out) {
    console.error('[datasets/ioi-mini] --out needs a folder');
    process.exit(2);
  }
  for (const [name, [folder, text]] of Object.entries(files())) {
    const target = out ?? join(root, folder);
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, name), text);
    console.log(`${join(target, name)}: ${text.length} bytes`);
  }
}
