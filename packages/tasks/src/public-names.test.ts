/** @file The names of the door `@auto-circuit/tasks`: adding, renaming or taking one away changes what users can import. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as door from './index.js';

it('offers these values', () => {
  expect(Object.keys(door).sort().join('\n')).toMatchInlineSnapshot(`
    "DOCSTRING_CIRCUITS
    GREATER_THAN_CIRCUITS
    IOI_CIRCUITS
    SPORTS_PLAYERS_CIRCUITS
    animalDiet
    arithmeticAddition
    arithmeticSubtraction
    capitals
    docstring
    docstringPositions
    generateAnimalDiet
    generateArithmetic
    generateCapitals
    generateDocstring
    generateGreaterThan
    generateIoi
    generateMcqa
    generatePronouns
    generateSportsPlayers
    generateSva
    greaterThan
    ioi
    ioiMini
    ioiMiniPositions
    ioiPositions
    mcqa
    pronouns
    sportsPlayers
    sportsPlayersPositions
    sva
    tasksPlugin
    tracrReverse
    tracrXproportion"
  `);
});

it('offers these types', () => {
  const list = readFileSync(new URL('./index.ts', import.meta.url), 'utf8');
  expect(list.match(/\btype (\w+|\{[^}]*\})/g)!.join('\n')).toMatchInlineSnapshot(`
    "type Arithmetic
    type IoiOrder
    type IoiSettings
    type SportsSettings"
  `);
});
