/**
 * @file The import rules of a whole tree, held against tables as those of `rooms.mjs`. A function of a folder and tables, so that the
 * self-test can break every rule in a tree of its own.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { CODE, exportedNames, importsOf, mistakeIn, parse } from './parse.mjs';

const SCOPE = '@auto-circuit/';
/** Folders outside the packages whose files no compiler looks at. */
const SCRIPTS = ['bench', 'datasets', 'examples', 'scripts'];
const NOT_SOURCES = new Set(['node_modules', 'dist', '.turbo', '.tools']);

/** Reads every file of the tree; gives its problems, and the rooms for `--print`. */
export function checkHouse(root, { packages, doors, rooms, runTimeImports }) {
  const problems = [];
  const files = new Map(); // file → { package, room, test, targets }; files outside of `src` have no room and count as tests
  const lists = new Map(); // door → the names that it exports
  const atRunTime = new Set();
  const shown = (file) => relative(root, file).split(sep).join('/');
  const report = (file, sentence) => problems.push(`${shown(file)}: ${sentence}`);

  for (const { name } of readdirSync(join(root, 'packages'), { withFileTypes: true }).filter((e) => e.isDirectory())) {
    if (!packages[name]) problems.push(`packages/${name}: not in the table of packages (scripts/rooms.mjs)`);
    const templates = join(root, 'packages', name, 'templates') + sep;
    for (const file of sources(join(root, 'packages', name))) {
      if (file.startsWith(templates)) readTemplate(file);
      else readPackageFile(name, file);
    }
  }
  for (const folder of SCRIPTS) for (const file of sources(join(root, folder))) readScript(file);
  checkTargets();
  for (const file of runTimeImports)
    if (!atRunTime.has(file)) problems.push(`rooms.mjs: ${file} imports nothing named at run time; take it out`);
  const rings = findRings(files);
  for (const ring of rings) problems.push(`ring of imports: ${ring.map(shown).join(' -> ')}`);
  for (const name of Object.keys(packages))
    checkRooms(name, rooms[name] ?? {}, roomImports(name), (problem) => problems.push(problem));
  return { problems, files: files.size, roomImports };

  function read(file) {
    const source = parse(file, readFileSync(file, 'utf8'));
    const mistake = mistakeIn(source);
    if (mistake) report(file, `cannot be parsed: ${mistake}`);
    return importsOf(source).filter(({ path, expression }) => {
      if (path !== null) return true;
      if (runTimeImports.includes(shown(file))) atRunTime.add(shown(file));
      else
        report(
          file,
          `imports "${expression}", which only the run knows; if it must, list the file in scripts/rooms.mjs`,
        );
      return false;
    });
  }

  function readPackageFile(name, file) {
    const home = join(root, 'packages', name);
    const src = join(home, 'src');
    const inside = file.startsWith(src + sep);
    const test = !inside || isTest(file);
    const targets = [];
    for (const { path, names, required } of read(file)) {
      if (isPath(path)) {
        const target = path.startsWith('.') ? fileOf(resolve(dirname(file), path)) : path;
        if (!target.startsWith((inside ? src : home) + sep))
          report(file, `"${path}" leaves its package${inside ? "'s src" : ''}; import it by name`);
        else if (required) report(file, `requires "${path}"; import it`);
        else targets.push(target);
      } else if (path.startsWith(SCOPE)) {
        const [other] = path.slice(SCOPE.length).split('/');
        // tests may use the packages that their package.json lists for development
        if (other === name || !(packages[name]?.includes(other) || (test && listed(home).has(SCOPE + other))))
          report(file, `packages/${name} may not import ${path}`);
        else checkDoor(file, path, inside ? [] : names); // the compiler looks at the names of what stands in src
      }
    }
    files.set(file, { package: name, room: inside ? roomOf(src, file) : undefined, test, targets });
  }

  /** What is copied into folders of other people: it is no part of its package, and imports ours by their doors. */
  function readTemplate(file) {
    for (const { path, names } of read(file)) if (path.startsWith(SCOPE)) checkDoor(file, path, names);
  }

  function readScript(file) {
    for (const { path, names } of read(file)) {
      if (isPath(path)) {
        const target = path.startsWith('.') ? resolve(dirname(file), path) : path;
        if (!target.startsWith(root) || target.startsWith(join(root, 'packages') + sep))
          report(file, `"${path}" reaches into a package; import it by name`);
        else if (!existsSync(fileOf(target))) report(file, `there is no ${shown(target)}`);
      } else if (path.startsWith(SCOPE)) checkDoor(file, path, names);
    }
  }

  function checkDoor(file, path, names) {
    const [other, ...door] = path.slice(SCOPE.length).split('/');
    if (!packages[other] || (door.length > 0 && !doors[other]?.includes(door.join('/')))) {
      report(file, `"${path}" is not a public door`);
      return;
    }
    if (names.length === 0) return;
    if (!lists.has(path))
      lists.set(
        path,
        exportedNames(doorFile(other, door), (at) => readFileSync(at, 'utf8')),
      );
    for (const name of names) if (!lists.get(path).has(name)) report(file, `${path} exports no "${name}"`);
  }

  function doorFile(name, door) {
    const { exports } = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));
    return join(root, 'packages', name, exports[['.', ...door].join('/')][`${SCOPE}source`]);
  }

  function checkTargets() {
    for (const [file, { test, targets }] of files)
      for (const target of targets) {
        if (!files.has(target) && !(existsSync(target) && !CODE.test(target)))
          report(file, `there is no ${shown(target)} among the sources`);
        if (!test && isTest(target)) report(file, `is no test and imports one, ${shown(target)}`);
      }
  }

  /** The rooms of a package and what each imports, tests left out: room → (room → an example). */
  function roomImports(name) {
    const found = new Map();
    for (const [file, { package: of, room, test, targets }] of files) {
      if (of !== name || test) continue;
      const used = found.get(room) ?? new Map();
      found.set(room, used);
      for (const target of targets) {
        const to = files.get(target)?.room;
        if (to !== undefined && to !== room) used.set(to, `${shown(file)} -> ${shown(target)}`);
      }
    }
    return found;
  }
}

/** Tests, and what only tests of a package import, may reach into every room. */
function isTest(file) {
  return /\.test\.[cm]?[jt]sx?$/.test(file);
}

/** Everything that is no name of a package: relative, absolute, an address, or a name of the package's own `imports`. */
function isPath(path) {
  return /^(\.{1,2}($|\/)|\/|#|file:|data:|https?:)/.test(path);
}

function roomOf(src, file) {
  return relative(src, dirname(file)).split(sep).join('/') || '.';
}

/** The source that a path stands for: `x.js` is `x.ts` or `x.tsx`, `x.mjs` is `x.mts`, unless it is there itself. */
function fileOf(path) {
  const [, stem, kind] = /^(.*)\.([cm]?)jsx?$/.exec(path) ?? [];
  if (stem === undefined) return path;
  const candidates = [`${stem}.${kind}ts`, `${stem}.${kind}tsx`, path];
  return candidates.find((candidate) => existsSync(candidate)) ?? candidates[0];
}

function sources(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NOT_SOURCES.has(entry.name) ? [] : sources(path);
    return entry.isFile() && CODE.test(entry.name) ? [path] : [];
  });
}

function listed(home) {
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  const kinds = ['dependencies', 'devDependencies', 'peerDependencies'];
  return new Set(kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {})));
}

function checkRooms(name, table, actual, report) {
  const order = Object.keys(table);
  for (const [i, room] of order.entries()) {
    if (!actual.has(room)) report(`rooms.mjs: packages/${name} has no room "${room}"`);
    for (const to of table[room]) {
      if (order.indexOf(to) < 0 || order.indexOf(to) >= i)
        report(`rooms.mjs: "${room}" of packages/${name} may only name rooms above it, not "${to}"`);
      if (!actual.get(room)?.has(to))
        report(`rooms.mjs: "${room}" of packages/${name} does not import "${to}"; take it out`);
    }
  }
  for (const [room, used] of actual) {
    if (!table[room]) report(`packages/${name}: room "${room}" is not in the table (scripts/rooms.mjs)`);
    for (const [to, example] of used)
      if (table[room] && !table[room].includes(to))
        report(`packages/${name}: "${room}" may not import "${to}": ${example}`);
  }
}

/** Files that import each other in a ring, tests left out. */
function findRings(files) {
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
