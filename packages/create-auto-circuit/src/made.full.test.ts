/** @file What is made of each kind, as its author has it: our packages as they are packed, no others of ours, no network. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KIND_NAMES, KINDS, type Kind } from './kinds.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const INSTALL = fileURLToPath(new URL('../../../scripts/install-packed.mjs', import.meta.url));
const NAME = 'edge-norm';

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'created-'));
});
afterAll(() => rmSync(cwd, { recursive: true }));

function node(folder: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  expect(status, stdout + stderr).toBe(0);
  return stdout;
}

/** The command of its README, by the tool itself; an architecture's model lies in a folder beside it. */
const argsOf = (kind: Kind): string[] =>
  [...KINDS[kind].command.replaceAll('my-plugin', NAME).matchAll(/"([^"]*)"|(\S+)/g)]
    .map(([, quoted, plain]) => quoted ?? plain!)
    .slice(2); // npx auto-circuit

describe.each(KIND_NAMES)('%s', (kind) => {
  const folder = (): string => join(cwd, kind);

  it('passes its tests with the packages that its manifest names', () => {
    node(cwd, MAIN, kind, '--kind', kind, '--name', NAME);
    node(folder(), INSTALL, '.');
    node(folder(), join('node_modules', 'typescript', 'bin', 'tsc'));
    const report = node(folder(), '--test', '--test-reporter=tap', join('dist', 'index.test.js'));
    expect(Number(/^# pass (\d+)$/m.exec(report)?.[1])).toBeGreaterThan(0);
    const installed = (name: string): boolean => existsSync(join(folder(), 'node_modules', '@auto-circuit', name));
    expect(installed('core')).toBe(true);
    if (kind !== 'study') expect(installed('cli')).toBe(false);
  });

  it.runIf(kind !== 'study')('runs from the command line as its README says', () => {
    node(folder(), INSTALL, '.', '@auto-circuit/cli');
    const out = node(
      folder(),
      join('node_modules', '@auto-circuit', 'cli', 'dist', 'main.js'),
      ...argsOf(kind),
      '--json',
      '--out',
      'run',
    );
    expect(JSON.parse(out).circuit.length).toBeGreaterThan(0);
    expect(readFileSync(join(folder(), 'run', 'run.json'), 'utf8')).toContain(
      kind === 'architecture' ? 'example' : NAME,
    );
  });

  it.runIf(kind === 'study')('starts', () => {
    expect(node(folder(), join('dist', 'index.js'))).toMatch(/logitDiff[\s\S]*262/);
  });
});
