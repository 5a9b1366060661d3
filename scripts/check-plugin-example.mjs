#!/usr/bin/env node
// Proves that a plugin needs nothing but the published packages: packs them, installs the tarballs into empty folders
// outside the repository, runs the example plugin's own contract test with `core` alone, then the plugin by name from
// the command line. Needs built packages (npm run build), and the npm registry for their third-party dependencies.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { env, providePnpm } from './dev.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const example = join(root, 'examples', 'auto-circuit-plugin-degree');
providePnpm(); // packs below; nothing but Node and npm is expected on the machine
const work = mkdtempSync(join(tmpdir(), 'auto-circuit-plugin-'));
const windows = process.platform === 'win32';

/** Runs a command and gives its stdout; ends the script with all it said when it fails. */
function run(command, args, cwd) {
  const result = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: windows,
    env: { ...env, NO_COLOR: '1' },
  });
  if (result.status === 0) return result.stdout;
  console.error(
    `${command} ${args.join(' ')} (in ${cwd}) failed:\n${result.stdout ?? ''}${result.stderr ?? result.error}`,
  );
  process.exit(1);
}

function expectText(text, expected, what) {
  if (text.includes(expected)) return;
  console.error(`${what}: expected "${expected}" in:\n${text}`);
  process.exit(1);
}

/** Packs a package as it would be published; gives the tarball's path. */
function pack(folder) {
  const tarballs = join(work, 'tarballs');
  mkdirSync(tarballs, { recursive: true });
  const before = new Set(readdirSync(tarballs));
  run('pnpm', ['pack', '--pack-destination', tarballs], folder);
  const made = readdirSync(tarballs).filter((file) => !before.has(file));
  if (made.length !== 1) throw new Error(`expected one tarball of ${folder}, got ${made.join(', ') || 'none'}`);
  return join(tarballs, made[0]);
}

function installInto(folder, tarballs) {
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs], folder);
}

const core = pack(join(root, 'packages', 'core'));

// 1. The plugin's own tests with core alone.
const author = join(work, 'author');
cpSync(example, author, { recursive: true });
installInto(author, ['--no-save', core]);
const tests = run('node', ['--test', '--test-reporter=tap'], author);
const passed = /^# pass (\d+)$/m.exec(tests)?.[1];
if (!passed || Number(passed) < 10) throw new Error(`expected the contract's checks to run, got:\n${tests}`);
console.log(`the plugin's tests pass with core alone: ${passed} checks`);

// 2. The plugin by name, from the command line of a user's folder.
const user = join(work, 'user');
mkdirSync(user);
writeFileSync(join(user, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
const others = [
  'backend-onnx',
  'backend-tfjs',
  'models',
  'tasks',
  'prune-algos',
  'metrics',
  'selections',
  'viewer',
  'workers',
  'cli',
];
const runtime = process.platform === 'win32' ? 'win32' : `${process.platform}-${process.arch}`;
const packages = [
  ...others.map((name) => join(root, 'packages', name)),
  join(root, 'platforms', `onnxruntime-${runtime}`),
];
installInto(user, [core, ...packages.map(pack), pack(author)]);
const cli = (...args) => run('npx', ['--no-install', 'auto-circuit', ...args], user);
expectText(
  cli('list', 'algos', 'degree', '--plugin', 'degree'),
  'how well connected both ends are',
  'list algos degree',
);
const out = cli(
  'discover',
  '--plugin',
  'degree',
  '--algo',
  'degree',
  '--algo.power',
  '1',
  '--task',
  'ioi-mini',
  '--limit',
  '8',
  '--out',
  'run',
  '--json',
);
const { algo, circuit } = JSON.parse(out);
if (algo !== 'degree' || !(circuit.length > 0))
  throw new Error(`discover --algo degree gave algo ${algo} and ${circuit.length} edges`);
console.log(`auto-circuit --plugin degree found a circuit of ${circuit.length} edges`);

rmSync(work, { recursive: true, force: true });
