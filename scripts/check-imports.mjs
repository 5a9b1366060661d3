#!/usr/bin/env node
/**
 * @file Import rules: which package may import which, nobody past a package's public door, no cycles between files.
 * Type-only imports are free to form cycles: they are gone at run time.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { ROOT } from './dev.mjs';

/** The packages of this repository that each may import. */
/** Entries of core beside the main one: what plugins test with, and what a command line needs at once. */
const PUBLIC_DOORS = ['plugin', 'backend', 'run', 'testing', 'startup'];
const MAY_IMPORT = {
  core: [],
  'backend-onnx': ['core'],
  'backend-tfjs': ['core'],
  models: ['core'],
  tasks: ['core'],
  'prune-algos': ['core'],
  metrics: ['core'],
  viewer: ['core'],
  workers: ['core'],
  cli: ['core', 'backend-onnx', 'backend-tfjs', 'models', 'tasks', 'prune-algos', 'metrics', 'viewer', 'workers'],
};
const SCOPE = '@auto-circuit/';
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;

const problems = [];
const graph = new Map();
for (const name of readdirSync(join(ROOT, 'packages'))) {
  if (!MAY_IMPORT[name]) problems.push(`packages/${name}: not in the import table of scripts/check-imports.mjs`);
  for (const file of sources(join(ROOT, 'packages', name, 'src'))) checkFile(name, file);
}
for (const cycle of cycles()) problems.push(`import cycle: ${cycle.map((file) => relative(ROOT, file)).join(' -> ')}`);
for (const problem of problems) console.error(problem);
console.log(`${graph.size} files, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);

function sources(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

function checkFile(packageName, file) {
  const edges = [];
  const test = file.endsWith('.test.ts');
  for (const [, typeOnly, fromPath, dynamicPath] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
    const path = fromPath ?? dynamicPath;
    if (path.startsWith('.')) {
      const target = resolve(dirname(file), path).replace(/\.js$/, '.ts');
      if (!target.startsWith(join(ROOT, 'packages', packageName, 'src')))
        problems.push(`${relative(ROOT, file)}: "${path}" leaves its package; import it by name`);
      else if (!typeOnly && !dynamicPath) edges.push(target);
    } else if (path.startsWith(SCOPE)) {
      const [other, ...door] = path.slice(SCOPE.length).split('/');
      // tests may use the packages that their package.json lists for development
      if (other !== packageName && !MAY_IMPORT[packageName]?.includes(other) && !test)
        problems.push(`${relative(ROOT, file)}: packages/${packageName} may not import ${SCOPE}${other}`);
      if (door.length > 0 && !PUBLIC_DOORS.includes(door.join('/')))
        problems.push(`${relative(ROOT, file)}: "${path}" is not a public door`);
    }
  }
  graph.set(file, edges);
}

function cycles() {
  const state = new Map();
  const found = [];
  const visit = (file, path) => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      found.push([...path.slice(path.indexOf(file)), file]);
      return;
    }
    state.set(file, 'open');
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}
