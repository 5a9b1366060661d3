/**
 * @file Door `@auto-circuit/tasks`: models with their clean and corrupt prompts, and what is known of their circuits.
 *
 * Rooms: `prompt-set` (what generators share) and `official` (what circuits share) < a folder for each task (words,
 * generator, circuits, the task) < `plugin.ts` < this list. No task imports from another.
 * @module
 */
export { generateAnimalDiet } from './animal-diet/generate.js';
export { animalDiet } from './animal-diet/task.js';
export { type Arithmetic, generateArithmetic } from './arithmetic/generate.js';
export { arithmeticAddition, arithmeticSubtraction } from './arithmetic/task.js';
export { generateCapitals } from './capitals/generate.js';
export { capitals } from './capitals/task.js';
export { DOCSTRING_CIRCUITS } from './docstring/circuit.js';
export { generateDocstring } from './docstring/generate.js';
export { docstring, docstringPositions } from './docstring/task.js';
export { GREATER_THAN_CIRCUITS } from './greater-than/circuit.js';
export { generateGreaterThan } from './greater-than/generate.js';
export { greaterThan } from './greater-than/task.js';
export { IOI_CIRCUITS } from './ioi/circuit.js';
export { generateIoi, type IoiOrder, type IoiSettings } from './ioi/generate.js';
export { ioi, ioiPositions } from './ioi/task.js';
export { ioiMini, ioiMiniPositions } from './ioi-mini/task.js';
export { generateMcqa } from './mcqa/generate.js';
export { mcqa } from './mcqa/task.js';
export { tasksPlugin } from './plugin.js';
export { generatePronouns } from './pronouns/generate.js';
export { pronouns } from './pronouns/task.js';
export { SPORTS_PLAYERS_CIRCUITS } from './sports-players/circuit.js';
export { generateSportsPlayers, type SportsSettings } from './sports-players/generate.js';
export { sportsPlayers, sportsPlayersPositions } from './sports-players/task.js';
export { generateSva } from './sva/generate.js';
export { sva } from './sva/task.js';
export { tracrReverse, tracrXproportion } from './tracr/task.js';
