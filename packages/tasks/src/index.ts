/**
 * @file Tasks: models with their clean and corrupt prompts. A folder each, with words, generator and known circuits; what generators
 * share is in `prompt-set/`, what circuits share in `official/`. The prompts of `ioi-mini` lie in `data/`.
 * @module
 */
import { definePlugin, type Plugin } from '@auto-circuit/core/plugin';
import { animalDiet } from './animal-diet/index.js';
import { capitals } from './capitals/index.js';
import { docstring, docstringPositions } from './docstring/index.js';
import { greaterThan } from './greater-than/index.js';
import { ioi, ioiPositions } from './ioi/index.js';
import { ioiMini } from './ioi-mini.js';
import { ioiMiniPositions } from './ioi-mini-positions.js';
import { pronouns } from './pronouns/index.js';
import { sportsPlayers, sportsPlayersPositions } from './sports-players/index.js';
import { sva } from './sva/index.js';
import { tracrReverse, tracrXproportion } from './tracr/index.js';

/** All tasks of this package, for a registry. */
export const tasksPlugin: Plugin = definePlugin({
  name: '@auto-circuit/tasks',
  contributes: [
    ...[ioiMini, ioiMiniPositions, ioi, ioiPositions, greaterThan, docstring, docstringPositions, sva, pronouns],
    ...[capitals, sportsPlayers, sportsPlayersPositions, animalDiet, tracrReverse, tracrXproportion],
  ],
});

export * from './animal-diet/index.js';
export * from './capitals/index.js';
export * from './docstring/index.js';
export * from './greater-than/index.js';
export * from './ioi/index.js';
export * from './pronouns/index.js';
export * from './sports-players/index.js';
export * from './sva/index.js';
export * from './tracr/index.js';
export { ioiMini, ioiMiniPositions };
