/** @file The command line: what it refuses, what it asks, what it writes. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Asker, create } from './create.js';
import { filesOf } from './files.js';
import { KIND_NAMES } from './kinds.js';
import { UsageError, variableName } from './request.js';

let cwd: string;
let said: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'create-'));
  said = '';
});
afterEach(() => rmSync(cwd, { recursive: true }));

const run = (args: string, ask: Asker | null = null) =>
  create(args.split(' ').filter(Boolean), {
    cwd,
    ask,
    say: (text) => {
      said += text;
    },
  });
const answering = (name: string | null): Asker => ({ kind: async () => 'metric', name: async () => name });

describe('npm create auto-circuit', () => {
  it('writes a plugin of the name that flags, the folder or answers give', async () => {
    expect(await run('edge-norm --kind algorithm')).toMatchObject({ name: 'edge-norm', kind: 'algorithm' });
    const read = (path: string): string => readFileSync(join(cwd, path), 'utf8');
    const { name, peerDependencies } = JSON.parse(read('edge-norm/package.json'));
    expect([name, peerDependencies]).toEqual(['auto-circuit-plugin-edge-norm', { '@auto-circuit/core': '^0.1.0' }]);
    expect(read('edge-norm/src/index.ts')).toContain(
      "export const edgeNorm: PruneAlgo = definePruneAlgo({\n  name: 'edge-norm'",
    );
    expect(said).toContain('cd edge-norm\n  npm install\n  npm test');
    expect(await run('', answering('top-k'))).toMatchObject({ folder: join(cwd, 'auto-circuit-plugin-top-k') });
    expect(await run('--kind study --name sva-study')).toMatchObject({ folder: join(cwd, 'sva-study') });
    expect(readdirSync(join(cwd, 'sva-study'))).toEqual(
      expect.arrayContaining(['.changeset', '.gitignore', 'experiment.json']),
    );
    expect(JSON.parse(read('sva-study/package.json')).private).toBe(true);
  });

  it('writes nothing where the user gives up, or asks for help', async () => {
    expect(await run('', answering(null))).toBeNull();
    expect(await run('--help')).toBeNull();
    expect(said).toContain('--kind KIND');
    expect(readdirSync(cwd)).toEqual([]);
  });

  it.each([
    ['x --kind foo', /unknown kind "foo": expected one of algorithm, metric/],
    ['x', /no terminal to ask on: give --kind/],
    ['--kind metric', /no terminal to ask on: give --name/],
    ['Edge_Norm --kind metric', /"Edge_Norm" is not usable: expected kebab-case/],
    ['--kind metric --name auto-circuit-plugin-x', /leave "auto-circuit-plugin-" out/],
    ['a b --kind metric', /expected one folder, got a, b/],
    ['a --sort metric', /--sort.*--help/],
  ])('refuses %j in a sentence', async (args, words) => {
    await expect(run(args)).rejects.toThrow(UsageError);
    await expect(run(args)).rejects.toThrow(words);
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('leaves folders with files and files as they are, and takes an empty folder', async () => {
    mkdirSync(join(cwd, 'full'));
    writeFileSync(join(cwd, 'full', 'notes.txt'), 'mine');
    writeFileSync(join(cwd, 'file'), 'mine');
    mkdirSync(join(cwd, 'empty'));
    await expect(run('full --kind metric')).rejects.toThrow(/not empty/);
    await expect(run('file --kind metric')).rejects.toThrow(/is a file/);
    await expect(run('file/below --kind metric')).rejects.toThrow(/cannot write/);
    expect(readdirSync(join(cwd, 'full'))).toEqual(['notes.txt']);
    await run('empty --kind metric');
    expect(existsSync(join(cwd, 'empty', 'package.json'))).toBe(true);
    expect(readdirSync(cwd).sort()).toEqual(['empty', 'file', 'full']);
  });
});

it.each(KIND_NAMES)('every place of the template of a %s is filled', (kind) => {
  const files = filesOf({ kind, name: 'edge-norm', folder: '/x' });
  for (const [path, text] of Object.entries(files))
    expect(text, path).not.toMatch(/my-plugin|myPlugin|PACKAGE|USAGE|DESCRIPTION/);
  expect(Object.keys(files)).toEqual(expect.arrayContaining(['src/index.ts', 'src/index.test.ts', 'README.md']));
});

it('gives constants a name that the language allows', () => {
  expect(['edge-norm', 'l2-of-x', 'new', 'model'].map(variableName)).toEqual([
    'edgeNorm',
    'l2OfX',
    'theNew',
    'theModel',
  ]);
});
