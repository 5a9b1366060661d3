/** @file Plans whose processes are killed again and again, each started twice at once, come to the bytes of one that lived. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@auto-circuit/core/plugin';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// The built program, as processes of their own that really die.
const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const plugin = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));
const RUN = [
  ...['--task', 'micro', '--plugin', plugin, '--backend', 'interpreter', '--threads', '1', '--batch-size', '1'],
  ...['--algo', 'integrated-edge-gradients', '--algo.samples', '800'],
];
const SHARDS = 3;
/** How many processes are killed; by hand more. */
const KILLS = Number(process.env.SHARD_KILLS ?? 12);

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'plan-killed-'));
});
afterAll(() => rm(cwd, { recursive: true }));

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<readonly [number | null, string | null]>;
}
function start(...args: string[]): Started {
  const child = spawn(process.execPath, [program, ...args, '--quiet'], { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  return { child, ended: once(child, 'exit') as Promise<[number | null, string | null]> };
}
async function files(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(join(cwd, folder))).filter((name) => name !== 'timings.json').sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(cwd, folder, name), 'latin1')] as const)),
  );
}

describe('a plan whose processes die', () => {
  it(`comes out as a run that lived: ${KILLS} SIGKILLs or SIGTERMs at random moments, each shard started twice`, {
    timeout: 3_600_000,
  }, async () => {
    const began = performance.now();
    expect(await start('discover', ...RUN, '--out', 'whole').ended).toEqual([0, null]);
    const lasts = performance.now() - began;
    const whole = await files('whole');
    const random = seededRandom(11, 'killed shards');
    let kills = 0;
    for (let round = 0; kills < KILLS; round++) {
      const plan = `plan-${round}`;
      const planned = await Promise.all(
        [1, 2].map(() => start('plan', ...RUN, '--shards', `${SHARDS}`, '--out', plan).ended),
      );
      expect(planned, 'the same plan submitted twice at once').toEqual([
        [0, null],
        [0, null],
      ]);
      const left = new Set(Array.from({ length: SHARDS }, (_, shard) => shard));
      for (let life = 0; left.size > 0; life++) {
        expect(life, 'every life gets further').toBeLessThan(60);
        const shard = [...left][Math.floor(random.uniform() * left.size)]!;
        const twins = [1, 2].map(() => start('run-shard', plan, `${shard}`));
        const all = Promise.all(twins.map(({ ended }) => ended));
        const lives = kills < KILLS ? 150 + random.uniform() * lasts * 0.7 : 600_000;
        await Promise.race([all, sleep(lives, undefined, { ref: false })]);
        for (const { child } of twins) {
          if (child.exitCode !== null || child.signalCode !== null) continue;
          if (random.uniform() < 0.5) {
            child.kill('SIGTERM'); // as schedulers do: a moment, then the sword
            await sleep(random.uniform() * 300);
          }
          child.kill('SIGKILL');
          kills++;
        }
        if ((await all).some(([code]) => code === 0)) left.delete(shard);
      }
      // The process that collects dies, too.
      for (let tries = 0; ; tries++) {
        const { child, ended } = start('collect', plan);
        if (tries < 2) {
          await Promise.race([ended, sleep(100 + random.uniform() * 1200)]);
          child.kill('SIGKILL');
        }
        if ((await ended)[0] === 0) break;
        expect(tries).toBeLessThan(3);
      }
      expect(await files(`${plan}/result`), `round ${round}, ${kills} kills`).toEqual(whole);
      const records = await readdir(join(cwd, plan, 'shards'));
      expect(records).toHaveLength(SHARDS);
      expect(await readdir(join(cwd, plan, 'parts')), 'each part once').toHaveLength(SHARDS);
    }
    expect(kills).toBeGreaterThanOrEqual(KILLS);
  });
});
