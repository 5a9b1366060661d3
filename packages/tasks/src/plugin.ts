/** @file The plugin object of this package: all its tasks. */
import { definePlugin, type Plugin } from '@auto-circuit/core/plugin';
import { animalDiet } from './animal-diet/task.js';
import { arithmeticAddition, arithmeticSubtraction } from './arithmetic/task.js';
import { capitals } from './capitals/task.js';
import { docstring, docstringPositions } from './docstring/task.js';
import { greaterThan } from './greater-than/task.js';
import { ioi, ioiPositions } from './ioi/task.js';
import { ioiMini, ioiMiniPositions } from './ioi-mini/task.js';
import { mcqa } from './mcqa/task.js';
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
    ...[mcqa, arithmeticAddition, arithmeticSubtraction],
  ],
});
