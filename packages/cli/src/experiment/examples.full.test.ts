/** @file The experiments in examples/, run by the built program as a user would, each with two workers. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const MAIN = join(ROOT, 'packages', 'cli', 'dist', 'main.js');
const cwd = mkdtempSync(join(tmpdir(), 'examples-'));
afterAll(() => rmSync(cwd, { recursive: true }));

describe.each([
  ['experiment.json', 12, 2 * 5],
  ['experiment.mjs', 8, 2 * 3],
] as const)('examples/%s', (file, cells, rowsOfCell) => {
  it('runs, in two workers', () => {
    const args = ['experiment', join(ROOT, 'examples', file), '--workers', '2', '--out', file, '--json'];
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { cwd, encoding: 'utf8' });
    expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
    const shown = JSON.parse(stdout);
    expect(shown.cells.map(({ state }: { state: string }) => state)).toEqual(Array(cells).fill('done'));
    expect(JSON.parse(readFileSync(shown.results, 'utf8')).rows.length).toBeGreaterThanOrEqual(cells * rowsOfCell);
    expect(existsSync(shown.report)).toBe(true);
  });
});
