#!/usr/bin/env node
/**
 * @file Import rules, types included: which package may import which, through which doors; inside a package which room (folder) may
 * import which, by the total table of `rooms.mjs`, where a room only ever names rooms above it in the table, so that no import runs
 * upwards and no ring can close; and no ring between files of one room. Scripts import packages by name, through doors, and only
 * names that the door has. The rules stand in `imports/house.mjs`, the forms of an import in `imports/parse.mjs`.
 *
 *   node scripts/check-imports.mjs                    check everything
 *   node scripts/check-imports.mjs --print core       what each room of a package imports now, lowest first, as rooms.mjs has it
 *   node scripts/check-imports.mjs --self-test        break each rule, in each form of an import, in a tree of its own
 */
import { resolve } from 'node:path';
import { ROOT } from './dev.mjs';
import { checkHouse } from './imports/house.mjs';
import { selfTest } from './imports/self-test.mjs';
import { DOORS, PACKAGES, ROOMS, RUN_TIME_IMPORTS } from './rooms.mjs';

const [option, name] = process.argv.slice(2);
if (option === '--self-test') {
  process.exitCode = selfTest() ? 0 : 1;
} else {
  const tables = { packages: PACKAGES, doors: DOORS, rooms: ROOMS, runTimeImports: RUN_TIME_IMPORTS };
  const house = checkHouse(resolve(ROOT), tables);
  if (option === '--print') printRooms(house.roomImports(name));
  else {
    for (const problem of house.problems) console.error(problem);
    console.log(`${house.files} files, ${house.problems.length} problems`);
    process.exitCode = house.problems.length > 0 ? 1 : 0;
  }
}

function printRooms(actual) {
  const done = new Set();
  const visit = (room, path) => {
    if (done.has(room)) return;
    if (path.includes(room)) throw new Error(`ring of rooms: ${[...path, room].join(' -> ')}`);
    for (const to of [...(actual.get(room)?.keys() ?? [])].sort()) visit(to, [...path, room]);
    done.add(room);
  };
  for (const room of [...actual.keys()].sort()) visit(room, []);
  for (const room of done) {
    const used = [...actual.get(room).keys()].sort().map((to) => `'${to}'`);
    console.log(`    ${/^[a-z]+$/.test(room) ? room : `'${room}'`}: [${used.join(', ')}],`);
  }
}
