/**
 * @file Tasks: models with their clean and corrupt prompts. A folder each, with words, generator and known circuits; what generators
 * share is in `prompt-set/`, what circuits share in `official/`. The prompts of `ioi-mini` lie in `data/`.
 */
import { definePlugin, type Plugin } from '@auto-circuit/core/plugin';
import { animalDiet } from './animal-diet/task.js';
import { capitals } from './capitals/task.js';
import { docstring, docstringPositions } from './docstring/task.js';
import { greaterThan } from './greater-than/task.js';
import { ioi, ioiPositions } from './ioi/task.js';
import { ioiMiniPositions } from './ioi-mini/positions-task.js';
import { ioiMini } from './ioi-mini/task.js';
import { pronouns } from './pronouns/task.js';
import { sportsPlayers, sportsPlayersPositions } from './sports-players/task.js';
import { sva } from './sva/task.js';
import { tracrReverse, tracrXproportion } from './tracr/task.js';

/** All tasks of this package, for a registry. */
export const tasksPlugin: Plugin = definePlugin({
  name: '@auto-circuit/tasks',
  contributes: [
    ...[ioiMini, ioiMiniPositions, ioi, ioiPositions, greaterThan, docstring, docstringPositions, sva, pronouns],
    ...[capitals, sportsPlayers, sportsPlayersPositions, animalDiet, tracrReverse, tracrXproportion],
  ],
});

export * from './animal-diet/task.js';
export * from './capitals/task.js';
export * from './docstring/task.js';
export * from './greater-than/task.js';
export * from './ioi/task.js';
export * from './pronouns/task.js';
export * from './sports-players/task.js';
export * from './sva/task.js';
export * from './tracr/task.js';
export { ioiMini, ioiMiniPositions };
