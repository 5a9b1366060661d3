/**
 * @file A run that is killed again and again, or whose worker processes are, comes to the same bytes.
 *
 *   KILLS=500 WORKER_KILLS=500 npx vitest run --config vitest.full.config.ts discover-killed
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@auto-circuit/core/plugin';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineRunner } from './line-runner.js';

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
const LONG = ['--algo', 'integrated-edge-gradients', '--algo.samples', '400'];

/** How many times a process is killed, and how many times a worker of one that lives; by hand more. */
const KILLS = Number(process.env.KILLS ?? 12);
const WORKER_KILLS = Number(process.env.WORKER_KILLS ?? 8);
/** Nobody is killed for ever. */
const MOST_LIVES = 6;
/** The processes that a process has started, where the system shows them. */
function childrenOf(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split(' ').filter(Boolean).map(Number) : [];
}

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
  it(`killed again and again at random moments, comes out as one that lived: ${KILLS} times`, {
    timeout: 36_000_000,
  }, async () => {
    const began = performance.now();
    expect(await start('whole').ended).toEqual([0, null]);
    const lasts = performance.now() - began;
    const whole = await files('whole');
    let kills = 0;
    for (let round = 0; kills < KILLS; round++) {
      const random = seededRandom(round, 'kills');
      const folder = `killed-${round}`;
      for (let life = 0; ; life++) {
        const { child, ended } = start(folder, '--resume');
        const lives = life < MOST_LIVES && kills < KILLS;
        await Promise.race([ended, ...(lives ? [sleep(150 + random.uniform() * lasts * 0.6)] : [])]);
        // Ctrl-C writes a checkpoint, so lives get further; the sword may fall while it does.
        if (random.uniform() < 0.5) {
          child.kill('SIGINT');
          await Promise.race([ended, sleep(random.uniform() * 200)]);
        }
        child.kill('SIGKILL');
        const [code] = await ended;
        if (code === 0) break;
        kills++;
      }
      expect(await files(folder), `round ${round}, after ${kills} kills`).toEqual(whole);
      if (process.env.KILLS !== undefined) console.log(`${kills} kills`);
      await rm(join(cwd, folder), { recursive: true });
    }
  });

  it('goes on after Ctrl-C, which ends it with 130', async () => {
    const { child, ended } = start('stopped');
    while (!existsSync(join(cwd, 'stopped', 'partial', 'references.json'))) await sleep(20);
    await sleep(300);
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(await readdir(join(cwd, 'stopped'))).toEqual(['checksums.json', 'partial', 'run.json']);
    const partial = (await readdir(join(cwd, 'stopped', 'partial'))).filter((name) => !name.includes('previous'));
    expect(partial).toEqual(['algorithm.safetensors', 'references.json']);
    expect(await start('stopped', '--resume').ended).toEqual([0, null]);
    expect(await files('stopped')).toEqual(await files('whole'));
  });

  it(`says so in a sentence when a process of its backend is killed, and goes on to the same bytes: ${WORKER_KILLS} times`, {
    timeout: 36_000_000,
  }, async () => {
    const command = (folder: string) =>
      ['discover', '--task', 'ioi-mini', '--limit', '32', '--algo', 'eap-ig-inputs', '--edges', '5,20,100']
        .concat(['--keep', '20', '--workers', '2', '--threads', '2', '--quiet', '--resume', '--out', folder])
        .concat(['--batch-size', '4']);
    const runner = new LineRunner(cwd);
    try {
      expect(await runner.run(command('warmed-up'))).toMatchObject({ code: 0 });
      const began = performance.now();
      expect(await runner.run(command('whole-workers'))).toMatchObject({ code: 0 });
      const lasts = performance.now() - began;
      const whole = await files('whole-workers');
      let killed = 0;
      for (let round = 0; killed < WORKER_KILLS; round++) {
        const random = seededRandom(round, 'killed workers');
        for (let life = 0; ; life++) {
          const running = runner.run(command('worker-killed'));
          let code: number | null = null;
          const ended = running.then((result) => {
            code = result.code;
          });
          if (life < MOST_LIVES) {
            while (code === null && childrenOf(runner.pid!).length < 2) await sleep(20);
            await Promise.race([ended, sleep(random.uniform() * lasts * 0.8)]);
            const workers = childrenOf(runner.pid!);
            if (workers.length > 0) process.kill(workers[random.below(workers.length)]!, 'SIGKILL');
          }
          const { stderr } = await running;
          if (code === 0) break;
          killed++;
          expect([code, stderr]).toEqual([
            1,
            expect.stringMatching(
              /^(warning: .*\n)*error: \[worker\] the backend cannot be used: its process ended by .*\n$/,
            ),
          ]);
          if (existsSync(join(cwd, 'worker-killed')))
            expect(await readdir(join(cwd, 'worker-killed'))).not.toContain('.lock');
        }
        expect(await files('worker-killed'), `round ${round}, after ${killed} kills`).toEqual(whole);
        if (process.env.WORKER_KILLS !== undefined) console.log(`${killed} workers killed`);
        await rm(join(cwd, 'worker-killed'), { recursive: true });
      }
    } finally {
      await runner.end();
    }
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
