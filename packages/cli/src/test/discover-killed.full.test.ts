/** @file A run that is killed again and again comes to the same bytes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@auto-circuit/core/plugin';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// The built program, as a process of its own that really dies.
const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const plugin = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));
const ARGS = [
  'discover',
  '--task',
  'micro',
  '--plugin',
  plugin,
  '--backend',
  'interpreter',
  '--batch-size',
  '1',
  '--edges',
  'all',
];
/** Some seconds of scoring, then 26 circuits. */
const LONG = ['--algo', 'integrated-edge-gradients', '--algo.samples', '1000'];

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'killed-'));
});
afterAll(() => rm(cwd, { recursive: true }));

function start(
  folder: string,
  ...more: string[]
): { child: ChildProcess; ended: Promise<readonly [number | null, string | null]> } {
  const child = spawn(process.execPath, [program, ...ARGS, ...LONG, '--out', folder, '--quiet', ...more], {
    cwd,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { child, ended: once(child, 'exit') as Promise<[number | null, string | null]> };
}
async function files(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(join(cwd, folder))).filter((name) => name !== 'timings.json').sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(cwd, folder, name), 'latin1')] as const)),
  );
}

describe('a run that dies', () => {
  it('killed again and again at random moments, comes out as one that lived', async () => {
    const began = performance.now();
    expect(await start('whole').ended).toEqual([0, null]);
    const lasts = performance.now() - began;
    const whole = await files('whole');
    let allDeaths = 0;
    for (let round = 0; round < 3; round++) {
      const random = seededRandom(round, 'kills');
      const folder = `killed-${round}`;
      let deaths = 0;
      for (let life = 0; life < 7; life++) {
        const { child, ended } = start(folder, '--resume');
        const last = life === 6;
        await Promise.race([ended, ...(last ? [] : [sleep(150 + random.uniform() * lasts * 0.6)])]);
        // Ctrl-C writes a checkpoint, so lives get further; the sword may fall while it does.
        if (random.uniform() < 0.5) {
          child.kill('SIGINT');
          await Promise.race([ended, sleep(random.uniform() * 200)]);
        }
        child.kill('SIGKILL');
        const [code] = await ended;
        if (code === 0) break;
        deaths++;
      }
      allDeaths += deaths;
      expect(await files(folder), `round ${round}, died ${deaths} times`).toEqual(whole);
    }
    expect(allDeaths).toBeGreaterThan(3);
  });

  it('goes on after Ctrl-C, which ends it with 130', async () => {
    const { child, ended } = start('stopped');
    while (!existsSync(join(cwd, 'stopped', 'partial', 'references.json'))) await sleep(20);
    await sleep(300);
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(await readdir(join(cwd, 'stopped'))).toEqual(['partial', 'run.json']);
    expect(await readdir(join(cwd, 'stopped', 'partial'))).toEqual(['algorithm.safetensors', 'references.json']);
    expect(await start('stopped', '--resume').ended).toEqual([0, null]);
    expect(await files('stopped')).toEqual(await files('whole'));
  });

  it('keeps a second process away while it lives', async () => {
    const first = start('shared');
    while (!existsSync(join(cwd, 'shared', 'run.json'))) await sleep(20);
    expect(await start('shared', '--resume').ended).toEqual([2, null]);
    first.child.kill('SIGKILL');
    await first.ended;
    expect(await start('shared', '--resume').ended).toEqual([0, null]);
    expect(await files('shared')).toEqual(await files('whole'));
  });
});
