/**
 * @file The example plugins as their authors and users have them: in a folder of their own, with our packages as they are packed and
 * only those that each names, they pass their tests; then, packed and installed by name, they run from the command line.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const examples = join(root, 'examples');
const plugins = readdirSync(examples).filter((name) => existsSync(join(examples, name, 'package.json')));
/** What uses each, and what its run then has: a scoring by another name, a metric, a file, … */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  degree: ['--algo', 'degree', '--algo.power', '1'],
  'set-prob': ['--objective', 'set-prob(count=1)', '--algo', 'eap-ig-inputs'],
  gaussian: ['--ablation', 'gaussian(times=3)', '--algo', 'eap'],
  surest: ['--select', 'surest', '--algo', 'eap'],
  'layer-span': ['--metric', 'kl,layer-span', '--algo', 'eap'],
  'top-answers': ['--metric', 'top-answers(top=3),kl', '--algo', 'eap'],
  'eap-gp': ['--algo', 'eap-gp', '--algo.steps', '3'],
};

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'example-plugins-'));
});
afterAll(() => rmSync(cwd, { recursive: true }));

function node(folder: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  expect(status, stdout + stderr).toBe(0);
  return stdout;
}
const install = (folder: string, ...more: string[]) =>
  node(folder, join(root, 'scripts', 'install-packed.mjs'), '.', ...more);
const shortName = (name: string): string => name.replace('auto-circuit-plugin-', '');

it('there are eight, and each has a command', () => {
  expect(plugins).toHaveLength(8);
  expect(plugins.map(shortName).filter((name) => name !== 'arcee')).toEqual(Object.keys(COMMANDS).sort());
});

it.each(plugins)('%s passes its tests with the packages that it names', (name) => {
  const folder = join(cwd, name);
  const skipped = /[\\/](node_modules|dist)$/;
  cpSync(join(examples, name), folder, { recursive: true, filter: (path) => !skipped.test(path) });
  install(folder);
  const compiled = existsSync(join(folder, 'tsconfig.json'));
  if (compiled) node(folder, join('node_modules', 'typescript', 'bin', 'tsc'));
  const report = node(folder, '--test', '--test-reporter=tap', ...(compiled ? [join('dist', 'index.test.js')] : []));
  expect(Number(/^# pass (\d+)$/m.exec(report)?.[1])).toBeGreaterThan(5);
  const { peerDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const ours = readdirSync(join(folder, 'node_modules', '@auto-circuit'));
  expect(ours.map((one) => `@auto-circuit/${one}`).sort()).toEqual(Object.keys(peerDependencies).sort());
});

describe('installed by name', () => {
  let user: string;
  beforeAll(() => {
    user = join(cwd, 'user');
    mkdirSync(user);
    writeFileSync(join(user, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
    install(user, '@auto-circuit/cli');
    for (const name of plugins) {
      const built = join(cwd, name);
      const { files } = JSON.parse(readFileSync(join(built, 'package.json'), 'utf8')) as { files: string[] };
      const kept = ['package.json', ...files.filter((file) => !file.startsWith('!'))];
      for (const file of kept) cpSync(join(built, file), join(user, 'node_modules', name, file), { recursive: true });
    }
  });

  it.each(Object.entries(COMMANDS))('%s runs from the command line', (name, args) => {
    const shared = ['--task', 'ioi-mini', '--limit', '8', '--edges', '20,60', '--keep', '20', '--out', name];
    const main = join('node_modules', '@auto-circuit', 'cli', 'dist', 'main.js');
    const out = node(user, main, 'discover', '--plugin', name, ...args, ...shared, '--json', '--quiet');
    expect(JSON.parse(out).circuit).toHaveLength(20);
    expect(readFileSync(join(user, name, 'run.json'), 'utf8')).toContain(name);
    const drawn = readFileSync(join(user, name, 'report.html'), 'utf8').includes('edges from layer to layer');
    expect(drawn).toBe(name === 'layer-span');
  });
});
