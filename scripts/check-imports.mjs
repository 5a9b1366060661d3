#!/usr/bin/env node
/**
 * @file Import rules, types included: which package may import which, through which doors; inside a package which room (folder) may
 * import which, by the total table of `rooms.mjs`, where a room only ever names rooms above it in the table, so that no import runs
 * upwards and no ring can close; and no ring between files of one room.
 *
 *   node scripts/check-imports.mjs                    check everything
 *   node scripts/check-imports.mjs --print core       what each room of a package imports now, lowest first, as rooms.mjs has it
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { ROOT } from './dev.mjs';
import { DOORS, PACKAGES, ROOMS } from './rooms.mjs';

const SCOPE = '@auto-circuit/';
/** `import … from`, `export … from`, `import '…'`, `import('…')` as a call or as a type. */
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

const problems = [];
const files = new Map(); // file → { package, room, test, targets }
for (const name of folders(join(ROOT, 'packages'))) {
  if (!PACKAGES[name]) problems.push(`packages/${name}: not in the table of packages (scripts/rooms.mjs)`);
  for (const file of sources(join(ROOT, 'packages', name, 'src'))) readImports(name, file);
}

const print = process.argv.indexOf('--print');
if (print > 0) {
  printRooms(process.argv[print + 1]);
} else {
  for (const name of Object.keys(PACKAGES)) checkRooms(name);
  for (const folder of ['bench', 'datasets', 'examples', 'scripts']) checkScripts(join(ROOT, folder));
  for (const ring of rings()) problems.push(`ring of imports: ${ring.map(shown).join(' -> ')}`);
  for (const problem of problems) console.error(problem);
  console.log(`${files.size} files, ${problems.length} problems`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}

function folders(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

function sources(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

function shown(file) {
  return relative(ROOT, file);
}

/** Tests, and what only tests of a package import, may reach into every room. */
function isTest(file) {
  return file.endsWith('.test.ts');
}

function readImports(packageName, file) {
  const src = join(ROOT, 'packages', packageName, 'src');
  const targets = [];
  for (const [, fromPath, calledPath] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
    const path = fromPath ?? calledPath;
    if (path.startsWith('.')) {
      const target = resolve(dirname(file), path).replace(/\.js$/, '.ts');
      if (!target.startsWith(src + sep))
        problems.push(`${shown(file)}: "${path}" leaves its package; import it by name`);
      else targets.push(target);
    } else if (path.startsWith(SCOPE)) checkDoor(packageName, file, path);
  }
  const room = relative(src, dirname(file)).split(sep).join('/') || '.';
  files.set(file, { package: packageName, room, test: isTest(file), targets });
}

function checkDoor(packageName, file, path) {
  const [other, ...door] = path.slice(SCOPE.length).split('/');
  // tests may use the packages that their package.json lists for development
  if (other === packageName || (!PACKAGES[packageName]?.includes(other) && !isTest(file)))
    problems.push(`${shown(file)}: packages/${packageName} may not import ${path}`);
  if (door.length > 0 && !DOORS[other]?.includes(door.join('/')))
    problems.push(`${shown(file)}: "${path}" is not a public door`);
}

/** The rooms of a package and what each imports, tests left out: room → (room → an example). */
function roomImports(name) {
  const rooms = new Map();
  for (const [file, { package: of, room, test, targets }] of files) {
    if (of !== name || test) continue;
    const used = rooms.get(room) ?? new Map();
    rooms.set(room, used);
    for (const target of targets) {
      const to = files.get(target)?.room;
      if (to === undefined) problems.push(`${shown(file)}: there is no ${shown(target)}`);
      else if (to !== room) used.set(to, `${shown(file)} -> ${shown(target)}`);
    }
  }
  return rooms;
}

function checkRooms(name) {
  const table = ROOMS[name] ?? {};
  const order = Object.keys(table);
  const actual = roomImports(name);
  for (const [i, room] of order.entries()) {
    if (!actual.has(room)) problems.push(`rooms.mjs: packages/${name} has no room "${room}"`);
    for (const to of table[room]) {
      if (order.indexOf(to) < 0 || order.indexOf(to) >= i)
        problems.push(`rooms.mjs: "${room}" of packages/${name} may only name rooms above it, not "${to}"`);
      if (!actual.get(room)?.has(to))
        problems.push(`rooms.mjs: "${room}" of packages/${name} does not import "${to}"; take it out`);
    }
  }
  for (const [room, used] of actual) {
    if (!table[room]) problems.push(`packages/${name}: room "${room}" is not in the table (scripts/rooms.mjs)`);
    for (const [to, example] of used)
      if (table[room] && !table[room].includes(to))
        problems.push(`packages/${name}: "${room}" may not import "${to}": ${example}`);
  }
}

/** Files that import each other in a ring, tests left out. */
function rings() {
  const state = new Map();
  const found = [];
  const visit = (file, path) => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      found.push([...path.slice(path.indexOf(file)), file]);
      return;
    }
    state.set(file, 'open');
    for (const next of files.get(file)?.targets ?? []) visit(next, [...path, file]);
    state.set(file, 'done');
  };
  for (const [file, { test }] of files) if (!test) visit(file, []);
  return found;
}

/** No compiler looks at scripts: what they import by name must be on the list of the door. */
function checkScripts(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const file = join(entry.parentPath, entry.name);
    if (!entry.isFile() || !/\.(mjs|js)$/.test(entry.name) || file.includes('node_modules')) continue;
    for (const [, list, path] of readFileSync(file, 'utf8').matchAll(
      /import \{([^}]*)\} from '(@auto-circuit\/[^']+)'/g,
    )) {
      const names = exportedNames(doorFile(path));
      for (const name of list.split(',').map((part) => part.trim().split(' as ')[0]))
        if (name && !names.has(name)) problems.push(`${shown(file)}: ${path} exports no "${name}"`);
    }
  }
}

function doorFile(path) {
  const [name, ...door] = path.slice(SCOPE.length).split('/');
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'packages', name, 'package.json'), 'utf8'));
  return join(ROOT, 'packages', name, exports[['.', ...door].join('/')]['@auto-circuit/source']);
}

function exportedNames(file) {
  const text = readFileSync(file, 'utf8');
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list]) => list.split(','));
  const own = [...text.matchAll(/^export (?:async )?(?:const|function|class|interface|type|\* as) (\w+)/gm)].map(
    ([, name]) => name,
  );
  return new Set([
    ...lists.map((name) =>
      name
        .trim()
        .replace(/^type /, '')
        .replace(/^\S+ as /, ''),
    ),
    ...own,
  ]);
}

function printRooms(name) {
  const actual = roomImports(name);
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
