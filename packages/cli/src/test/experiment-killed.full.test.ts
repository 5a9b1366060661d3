/** @file A study that dies 20 times, with the built program: the files come out as if nothing had happened. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@auto-circuit/core/plugin';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const STUDY = {
  tasks: ['ioi-mini', 'ioi-mini-positions', { name: 'ioi-mini-zero', task: 'ioi-mini', ablation: 'zero', limit: 100 }],
  algos: ['eap', 'eap-ig-inputs', 'clean-corrupted', 'random', 'activation-magnitude', 'edge-attribution-patching'],
  metrics: ['kl', 'logit-diff', 'percent-correct', 'answer-prob'],
  seeds: [0, 1],
};
const KILLS = 20;
const FIVE_MINUTES = 300_000;

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'experiment-killed-'));
  await writeFile(join(cwd, 'study.json'), JSON.stringify(STUDY));
});
afterAll(() => rm(cwd, { recursive: true }));

function start(
  folder: string,
  ...more: string[]
): { child: ChildProcess; ended: Promise<[number | null, string | null]> } {
  const args = ['experiment', 'study.json', '--workers', '2', '--threads', '2', '--out', folder, '--quiet', ...more];
  const child = spawn(process.execPath, [program, ...args], { cwd, stdio: ['ignore', 'ignore', 'ignore'] });
  return { child, ended: once(child, 'exit') as Promise<[number | null, string | null]> };
}

/** Hashes of all result files, timings apart; a lock's own files (a dot first) are no results. */
async function files(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(join(cwd, folder), { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && entry.name !== 'timings.json' && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hashes = paths.map(async (path) => {
    const hash = createHash('sha256').update(await readFile(path));
    return [path.slice(join(cwd, folder).length), hash.digest('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(hashes));
}

/** The worker processes of a parent, where the system shows them. */
function workersOf(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split(' ').filter(Boolean).map(Number) : [];
}
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it ended a moment before
  }
}

describe('an experiment that dies', () => {
  it('20 times at random moments, parent or worker, comes out as one that lived', {
    timeout: 3 * FIVE_MINUTES,
  }, async () => {
    const began = performance.now();
    expect(await start('whole').ended).toEqual([0, null]);
    const lasts = performance.now() - began;
    expect(lasts).toBeLessThan(FIVE_MINUTES);
    const whole = await files('whole');
    expect(Object.keys(whole).filter((name) => name.endsWith('circuit.json'))).toHaveLength(36);

    const random = seededRandom(20, 'kills');
    let [deaths, longest] = [0, (3 * lasts) / KILLS];
    for (let tries = 0; deaths < KILLS && tries < 4 * KILLS; tries++) {
      const { child, ended } = start('killed', '--resume');
      // Long enough that some cells end in each life, short enough that all lives are needed.
      const moment = 500 + random.uniform() * longest;
      const over = await Promise.race([ended, sleep(moment)]);
      if (over) {
        longest *= 0.7; // all cells are done: then the ends of experiments are killed
        continue;
      }
      const workers = workersOf(child.pid!);
      if (workers.length > 0 && random.uniform() < 0.4) {
        kill(workers[Math.floor(random.uniform() * workers.length)]!);
        deaths++;
        await Promise.race([ended, sleep(random.uniform() * 1500)]); // the parent goes on with a new one
      }
      if (child.exitCode === null) {
        child.kill('SIGKILL');
        deaths++;
      }
      await ended;
    }
    expect(deaths).toBeGreaterThanOrEqual(KILLS);
    expect(await start('killed', '--resume').ended).toEqual([0, null]);
    expect(await files('killed')).toEqual(whole);
  });

  it('stops on Ctrl-C with 130 within a step, and goes on', { timeout: FIVE_MINUTES }, async () => {
    const { child, ended } = start('stopped', '--only', 'ioi-mini');
    while (!existsSync(join(cwd, 'stopped', 'cells')) || (await readdir(join(cwd, 'stopped', 'cells'))).length < 3)
      await sleep(50);
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(await start('stopped', '--resume').ended).toEqual([0, null]);
    expect(await files('stopped')).toEqual(await files('whole'));
  });

  it('keeps a second parent away, and gives the same files in one process', { timeout: FIVE_MINUTES }, async () => {
    const first = start('shared');
    while (!existsSync(join(cwd, 'shared', 'experiment.json'))) await sleep(50);
    expect(await start('shared', '--resume').ended).toEqual([2, null]);
    first.child.kill('SIGKILL');
    await first.ended;
    const one = ['--resume', '--workers', '0', '--threads', '1', '--only', 'ioi-mini'];
    expect(await start('shared', ...one).ended).toEqual([0, null]);
    expect(await start('shared', '--resume').ended).toEqual([0, null]);
    expect(await files('shared')).toEqual(await files('whole'));
  });
});
