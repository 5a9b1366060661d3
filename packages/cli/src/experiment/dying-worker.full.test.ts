/** @file Worker processes that die by themselves, with the built program: three tries, a sentence, and the rest is done. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const data = (name: string): string => fileURLToPath(new URL(`../../test-data/${name}`, import.meta.url));
const cwd = mkdtempSync(join(tmpdir(), 'dying-'));
afterAll(() => rmSync(cwd, { recursive: true }));

it('a cell whose worker dies is tried three times, then failed with the reason; the rest is done', () => {
  const study = {
    tasks: ['micro'],
    algos: ['random', 'dying', 'eap'],
    settings: { backend: 'interpreter', edges: [5, 25] },
    plugins: [data('micro-task.mjs'), data('dying-algo.mjs')],
  };
  writeFileSync(join(cwd, 'study.json'), JSON.stringify(study));
  const args = ['experiment', 'study.json', '--workers', '2', '--threads', '2', '--out', 'o'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { cwd, encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr.match(/^again {3}micro\/dying\/seed-0: its worker process was ended by SIGKILL/gm)).toHaveLength(2);
  const sentence = 'its worker process was ended by SIGKILL, saying "the runtime gives up", 3 times';
  expect(stdout).toContain(`1 cell failed\nmicro/dying/seed-0: ${sentence}\n`);
  const { cells } = JSON.parse(readFileSync(join(cwd, 'o', 'experiment.json'), 'utf8'));
  expect(cells.map(({ algo, state }: { algo: string; state: string }) => `${algo} ${state}`)).toEqual([
    'random done',
    'dying failed',
    'eap done',
  ]);
});
