/** @file What READMEs and docs tell people to type, run as they would: against the built CLI, in an empty folder. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compileExamples } from './compile-examples.js';
import { docExamples, nodeArguments } from './doc-examples.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const MAIN = join(ROOT, 'packages', 'cli', 'dist', 'main.js');
const pages = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
  'docs/reference/errors.md',
  ...readdirSync(join(ROOT, 'packages')).map((name) => `packages/${name}/README.md`),
];
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8').replaceAll('\r\n', '\n');

function writeExample(folder: string, name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}

function node(args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
  expect(status, `${args.join(' ')}\n${stderr}`).toBe(0);
  return stdout;
}

describe.each(pages)('%s', (page) => {
  const examples = docExamples(read(page));

  it('has examples that run', () => {
    const cwd = mkdtempSync(join(tmpdir(), 'readme-'));
    symlinkSync(join(ROOT, 'node_modules'), join(cwd, 'node_modules'), 'junction'); // plugins import the packages
    const scripts = examples.filter(({ kind, name }) => kind === 'file' && name.endsWith('.ts'));
    for (const { name, text } of scripts) writeExample(cwd, name, text);
    const names = scripts.map(({ name }) => name);
    if (names.length > 0) expect(compileExamples(cwd, names)).toEqual([]);
    for (const { kind, name, text } of examples) {
      if (kind === 'file') writeExample(cwd, name, text);
      if (kind === 'run')
        for (const [script = '', ...args] of nodeArguments(text, MAIN))
          expect(node([script.replace(/\.ts$/, '.js'), ...args], cwd).length).toBeGreaterThan(0);
    }
    rmSync(join(cwd, 'node_modules'));
    rmSync(cwd, { recursive: true });
  });

  it('shows the text of the example files that it names', () => {
    for (const { kind, name, text } of examples) {
      if (kind === 'example') expect(read(name).replace(/^\/\*\*.*?\*\/\n/s, '')).toBe(text);
    }
  });
});

describe('README.md', () => {
  it('has commands, a prompt file and the library example', () => {
    expect(docExamples(read('README.md')).map(({ kind }) => kind)).toEqual(['run', 'file', 'run', 'example']);
  });
});
