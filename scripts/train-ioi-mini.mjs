#!/usr/bin/env node
/**
 * @file Trains the shipped model `ioi-mini` and writes its Hugging Face folder. Needs a build; takes a minute or two.
 *
 *   node scripts/dev.mjs turbo build && node scripts/train-ioi-mini.mjs [--out DIR] [--steps N] [--stop-at 0.99]
 *
 * The same machine gives the same weights (one thread, every seed fixed); another processor may round differently.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { onnxBackend } from '@auto-circuit/backend-onnx';
import { TRAINING_DEFAULTS, trainGpt2, writeHfFolder } from '@auto-circuit/models/training';
import { trainingSentences } from '../datasets/ioi-mini/sentences.mjs';
import { TOKENIZER_CONFIG, tokenizerJson } from '../datasets/ioi-mini/tokenizer.mjs';
import { vocabulary } from '../datasets/ioi-mini/words.mjs';

const DEFAULT_FOLDER = fileURLToPath(new URL('../packages/models/shipped-data/ioi-mini', import.meta.url));
const PROMPTS = new URL('../packages/tasks/data/ioi-mini.json', import.meta.url);
const CORPUS_SEED = 1;

const { values: flags } = parseArgs({
  options: {
    out: { type: 'string', default: DEFAULT_FOLDER },
    steps: { type: 'string', default: String(TRAINING_DEFAULTS.steps) },
    seed: { type: 'string', default: String(TRAINING_DEFAULTS.seed) },
    layers: { type: 'string', default: '3' },
    'weight-decay': { type: 'string', default: String(TRAINING_DEFAULTS.adam.weightDecay) },
    writing: { type: 'string', default: String(TRAINING_DEFAULTS.writing) },
    'stop-at': { type: 'string', default: String(TRAINING_DEFAULTS.stopAt) },
  },
});

const ids = new Map(vocabulary().map((word, id) => [word, id]));
const BOS = ids.get('<bos>');
const encode = (text) => [
  BOS,
  ...text
    .trim()
    .split(' ')
    .map((word) => ids.get(word)),
];
const wordId = (word) => ids.get(word.trim());

/** The answer is the last word before the full stop. */
function* encodedSentences() {
  for (const { text } of trainingSentences(CORPUS_SEED)) {
    const tokens = encode(text);
    yield { tokens, answerAt: tokens.length - 2 };
  }
}

const heldOut = JSON.parse(readFileSync(PROMPTS, 'utf8')).prompts.map((prompt) => ({
  clean: encode(prompt.clean),
  corrupt: encode(prompt.corrupt),
  answer: wordId(prompt.answers[0]),
  wrongAnswer: wordId(prompt.wrong_answers[0]),
}));

const dModel = 64;
const heads = 4;
const shape = {
  layers: Number(flags.layers),
  heads,
  dModel,
  dHead: dModel / heads,
  dMlp: 4 * dModel,
  vocabulary: ids.size,
  positions: TOKENIZER_CONFIG.model_max_length,
  epsilon: 1e-5,
  activation: 'gelu_new',
  mlp: true,
};
const settings = {
  ...TRAINING_DEFAULTS,
  steps: Number(flags.steps),
  seed: Number(flags.seed),
  writing: Number(flags.writing),
  stopAt: Number(flags['stop-at']),
  adam: { ...TRAINING_DEFAULTS.adam, weightDecay: Number(flags['weight-decay']) },
};

const backend = await onnxBackend({ threads: 1 });
const start = performance.now();
const weights = await trainGpt2({
  shape,
  backend,
  sentences: encodedSentences(),
  heldOut,
  settings,
  report({ step, crossEntropy, written, heldOut: { accuracy, cleanDifference, corruptDifference, corruptSpread } }) {
    console.log(
      `step ${step}  cross entropy ${crossEntropy.toFixed(3)}  written ${written.toFixed(2)}  held out: accuracy ${(100 * accuracy).toFixed(1)} %, ` +
        `logit difference clean ${cleanDifference.toFixed(2)}, corrupt ${corruptDifference.toFixed(2)} ` +
        `(mean size ${corruptSpread.toFixed(2)})  ${((performance.now() - start) / 1000).toFixed(0)} s`,
    );
  },
});
await backend.dispose();

mkdirSync(flags.out, { recursive: true });
await writeHfFolder(flags.out, shape, weights, BOS);
for (const [name, value] of Object.entries({
  'tokenizer.json': tokenizerJson(),
  'tokenizer_config.json': TOKENIZER_CONFIG,
})) {
  writeFileSync(join(flags.out, name), `${JSON.stringify(value, null, 1)}\n`);
}
console.log(`wrote ${flags.out}`);
