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
  const lists = [
    ...readFileSync(new URL('./index.ts', import.meta.url), 'utf8').matchAll(/^export (type )?\{([^}]*)\}/gm),
  ];
  const types = lists.flatMap(([, all, names]) =>
    [...names!.matchAll(all ? /(\w+)/g : /type (\w+)/g)].map(([, name]) => name!),
  );
  expect(types.sort().join('\n')).toMatchInlineSnapshot(`
    "AdamSettings
    Gpt2Shape
    HeldOutPrompt
    HeldOutResult
    TrainingReport
    TrainingRequest
    TrainingSentence
    TrainingSettings
    Weights"
  `);
});
