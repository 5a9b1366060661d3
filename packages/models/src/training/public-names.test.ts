/** @file The names of the door `@auto-circuit/models/training`: adding, renaming or taking one away changes what users can import. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as door from './index.js';

it('offers these values', () => {
  expect(Object.keys(door).sort().join('\n')).toMatchInlineSnapshot(`
    "ADAM_DEFAULTS
    TRAINING_DEFAULTS
    trainGpt2
    writeHfFolder"
  `);
});

it('offers these types', () => {
  const list = readFileSync(new URL('./index.ts', import.meta.url), 'utf8');
  expect(list.match(/\btype (\w+|\{[^}]*\})/g)!.join('\n')).toMatchInlineSnapshot(`
    "type { Gpt2Shape }
    type AdamSettings
    type HeldOutPrompt
    type HeldOutResult
    type TrainingReport
    type TrainingRequest
    type TrainingSentence
    type TrainingSettings
    type { Weights }"
  `);
});
