/** @file `plan`, `run-shard`, `status`, `collect`: the same bytes as without them, done once, and what is refused. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lockFolder, readShard, shardFolder, writeShard } from '@auto-circuit/core/run';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, runMain } from '../test/run-main.js';

const plugin = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));
const RUN = ['--task', 'micro', '--plugin', plugin, '--backend', 'interpreter', '--threads', '1', '--batch-size', '1'];
const STUDY = {
  tasks: ['micro', { name: 'half', task: 'micro', limit: 8 }],
  algos: ['eap', { name: 'ig', algo: 'integrated-edge-gradients', options: { samples: 3 } }, 'acdc'],
  seeds: [0, 1],
  settings: { backend: 'interpreter', edges: [5, 10, 25], batchSize: 2 },
  plugins: [plugin],
};

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'plan-command-'));
  await writeFile(join(cwd, 'study.json'), JSON.stringify(STUDY));
});
afterAll(() => rm(cwd, { recursive: true }));

const run = (...args: string[]) => runMain(args, { cwd });
const refused = (...args: string[]) => refusal(args, { cwd });
async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args);
  expect(code, stderr + stdout).toBe(0);
  return stdout;
}
async function runShards(plan: string, count: number, first = 0): Promise<void> {
  for (let i = first; i < count; i++) await ok('run-shard', plan, `${i}`);
}
/** All files of results, timings apart. */
async function files(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(join(cwd, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== 'timings.json')
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const entries = names.map(async (name) => [name.slice(join(cwd, folder).length), await readFile(name, 'latin1')]);
  return Object.fromEntries(await Promise.all(entries));
}

describe('one run in shards', () => {
  for (const algo of ['eap', 'exact', 'node-attribution']) {
    it(`${algo}: 1, 2, 3 and 16 shards write the bytes of discover`, async () => {
      await ok('discover', ...RUN, '--algo', algo, '--out', `whole-${algo}`);
      const whole = await files(`whole-${algo}`);
      for (const asked of [1, 2, 3, 16]) {
        const plan = `plan-${algo}-${asked}`;
        const made = JSON.parse(
          await ok('plan', ...RUN, '--algo', algo, '--shards', `${asked}`, '--out', plan, '--json'),
        );
        expect(made.shards).toBeGreaterThan(Math.min(asked, 4) - 1);
        await runShards(plan, made.shards);
        await ok('collect', plan);
        expect(await files(`${plan}/result`), `${made.shards} shards`).toEqual(whole);
      }
    });
  }

  it('what depends on all steps before it is one piece of work', async () => {
    const { stdout, stderr } = await run('plan', ...RUN, '--algo', 'acdc', '--shards', '4', '--out', 'acdc');
    expect(stdout).toContain('one run in 1 piece of work for 1 shard');
    expect(stderr).toContain('the work has 1 piece, so it is planned for 1 shard, not 4');
    await runShards('acdc', 1);
    await ok('collect', 'acdc');
    await ok('discover', ...RUN, '--algo', 'acdc', '--out', 'whole-acdc');
    expect(await files('acdc/result')).toEqual(await files('whole-acdc'));
  });

  it('the same plan again is the same plan; another one is refused', async () => {
    const plan = (shards: string) => ['plan', ...RUN, '--algo', 'eap', '--shards', shards, '--out', 'again'];
    expect(await ok(...plan('2'))).toContain('planned: one run');
    expect(await ok(...plan('2'))).toContain('planned before: one run');
    expect(await refused(...plan('3'))).toMatchObject({ code: 'run-exists' });
    expect(await refused(...plan('2').slice(0, -1), '.')).toMatchObject({ code: 'folder-not-empty' });
  });
});

describe('an experiment in shards', () => {
  it('3 shards, and more shards than cells, write the bytes of experiment', async () => {
    await ok('experiment', 'study.json', '--workers', '0', '--threads', '1', '--out', 'local');
    const local = await files('local');
    for (const asked of [3, 24]) {
      const plan = `study-${asked}`;
      const made = await ok('plan', 'study.json', '--threads', '1', '--shards', `${asked}`, '--out', plan, '--json');
      const { shards } = JSON.parse(made);
      expect(shards).toBe(asked === 3 ? 3 : 4 * 4 + 4); // acdc is not divided
      expect(await ok('status', plan)).toContain(`0 of ${shards} shards done · ${shards} waiting`);
      await runShards(plan, shards);
      expect(await ok('status', plan)).toContain(`${shards} of ${shards} shards done`);
      expect(await ok('collect', plan)).toMatch(/^micro +eap +2 /m);
      expect(await files(`${plan}/result`), `${shards} shards`).toEqual(local);
    }
  });

  it('cells that fail are said by status and collect, and the others are there', async () => {
    const study = {
      ...STUDY,
      tasks: ['micro', { name: 'bad', task: 'micro', train: 1, test: 1000 }],
      algos: ['eap'],
      seeds: [0],
    };
    await writeFile(join(cwd, 'bad.json'), JSON.stringify(study));
    const { stderr } = await run('plan', 'bad.json', '--shards', '2', '--out', 'bad');
    expect(stderr).toContain('bad/eap/seed-0 cannot be run');
    await runShards('bad', 2);
    const { code, stdout } = await run('collect', 'bad', '--json');
    expect(code, stdout).toBe(1);
    expect(JSON.parse(stdout).cells.map(({ state }: { state: string }) => state)).toEqual(['done', 'failed']);
  });

  it('settings of runs beside a file are refused', async () => {
    expect(await refused('plan', 'study.json', '--algo', 'eap', '--shards', '2', '--out', 'x')).toMatchObject({
      code: 'usage',
      fields: { option: '--algo' },
    });
  });
});

describe('a shard', () => {
  const planned = async (name: string, shards = 3): Promise<void> => {
    await ok('plan', ...RUN, '--algo', 'eap', '--shards', `${shards}`, '--out', name);
  };

  it('run by two processes at once is done once, the other waits', async () => {
    await planned('twice');
    const [a, b] = await Promise.all([run('run-shard', 'twice', '0'), run('run-shard', 'twice', '0')]);
    expect([a.code, b.code]).toEqual([0, 0]);
    const said = a.stderr + b.stderr;
    expect(said.match(/done {4}run/g)).toHaveLength(1);
    expect(said).toMatch(/is writing .*; this process waits for it/);
    const record = await readFile(join(shardFolder(join(cwd, 'twice'), 0), 'shard.json'), 'utf8');
    await ok('run-shard', 'twice', '0');
    expect(await readFile(join(shardFolder(join(cwd, 'twice'), 0), 'shard.json'), 'utf8')).toBe(record);
  });

  it('is running while its lock is held, and waiting again where nobody holds it', async () => {
    await planned('held');
    await run('run-shard', 'held', '0');
    await ok('status', 'held');
    const folder = shardFolder(join(cwd, 'held'), 1);
    const { mkdir } = await import('node:fs/promises');
    await mkdir(folder, { recursive: true });
    const lock = await lockFolder(folder);
    expect(await ok('status', 'held')).toMatch(
      /1 +running +by this process\n1 of 3 shards done · 1 running · 1 waiting/,
    );
    expect(await refused('collect', 'held')).toMatchObject({
      code: 'plan-unfinished',
      fields: { waiting: [2], running: [1] },
    });
    await lock.release();
    expect(await ok('status', 'held')).toContain('1 of 3 shards done · 2 waiting');
  });

  it('of another kind of hardware is not mixed in, unless that is allowed, and then the results say so', async () => {
    await planned('mixed');
    await runShards('mixed', 3);
    const folder = join(cwd, 'mixed');
    const { sha256: _, ...record } = (await readShard(folder, 1))!;
    await writeShard(folder, { ...record, hardware: [{ ...record.hardware[0]!, processor: 'Another 3000' }] });
    const error = await refused('collect', 'mixed');
    expect(error).toMatchObject({
      code: 'mixed-hardware',
      fields: { kinds: [expect.anything(), expect.stringMatching(/^Another 3000, /)] },
    });
    expect(error.message).toContain('--mixed-hardware');
    await ok('collect', 'mixed', '--mixed-hardware');
    const made = JSON.parse(await readFile(join(folder, 'result', 'run.json'), 'utf8'));
    expect(made.hardware).toHaveLength(2);
    expect(await readFile(join(folder, 'result', 'report.html'), 'utf8')).toContain('Another 3000');
  });

  it('whose part or record was damaged is made again, and collect names the file until then', async () => {
    await planned('torn');
    await runShards('torn', 3);
    const parts = join(cwd, 'torn', 'parts');
    const [name] = (await readdir(parts)).sort();
    const good = await readFile(join(parts, name!));
    const damages: readonly (readonly [path: string, damage: (path: string) => Promise<void>])[] = [
      [join(parts, name!), (path) => writeFile(path, good.subarray(0, good.length - 4))],
      [join(parts, name!), (path) => rm(path)],
      [join(shardFolder(join(cwd, 'torn'), 0), 'shard.json'), (path) => writeFile(path, '{}')],
      [
        join(shardFolder(join(cwd, 'torn'), 0), 'shard.json'),
        async (path) => cp(join(shardFolder(join(cwd, 'torn'), 1), 'shard.json'), path),
      ],
    ];
    for (const [path, damage] of damages) {
      await damage(path);
      const error = await refused('collect', 'torn');
      expect(error).toMatchObject({ code: 'plan-damaged', fields: { file: path, shard: 0 } });
      expect(error.message).toMatch(/run its shard again: auto-circuit run-shard \S+torn 0$/);
      await ok('run-shard', 'torn', '0');
      expect(await readFile(join(parts, name!))).toEqual(good);
    }
    await ok('collect', 'torn');
  });

  it('whose model or prompts have changed is refused, not mixed in', async () => {
    const data = JSON.parse(
      await readFile(fileURLToPath(new URL('../../test-data/micro-prompts.json', import.meta.url)), 'utf8'),
    );
    await writeFile(join(cwd, 'own.json'), JSON.stringify(data));
    await ok('plan', ...RUN, '--data', 'own.json', '--algo', 'eap', '--shards', '2', '--out', 'changed');
    await ok('run-shard', 'changed', '0');
    data.prompts.reverse();
    await writeFile(join(cwd, 'own.json'), JSON.stringify(data));
    const { code, stderr } = await run('run-shard', 'changed', '1');
    expect([code, stderr]).toEqual([1, expect.stringContaining('is no longer the run that was planned')]);
    expect(await ok('status', 'changed').catch((error: Error) => error.message)).toMatch(/1 +failed +run: /);
  });

  it('is refused by another version, by a number that it does not have, and in a folder without a plan', async () => {
    await planned('other');
    for (const wrong of ['3', '1.5', 'x', '']) {
      expect(await refused('run-shard', 'other', wrong)).toMatchObject({ code: 'usage', fields: { got: wrong } });
    }
    expect(await refused('run-shard', 'nowhere', '0')).toMatchObject({ code: 'not-a-plan' });
    await cp(join(cwd, 'other'), join(cwd, 'edited'), { recursive: true });
    const path = join(cwd, 'edited', 'plan.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace(/"version": "[^"]*"/, '"version": "0.0.0"'));
    expect(await refused('run-shard', 'edited', '0')).toMatchObject({
      code: 'plan-damaged',
      fields: { file: path },
    });
  });

  it('stopped by an abort goes on to the same bytes', async () => {
    const ig = [...RUN, '--algo', 'integrated-edge-gradients', '--algo.samples', '600'];
    await ok('plan', ...ig, '--shards', '2', '--out', 'stopped');
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 200);
    const { code, stderr } = await runMain(['run-shard', 'stopped', '0'], { cwd, signal: stop.signal });
    expect([code, stderr]).toEqual([130, expect.stringMatching(/interrupted/)]);
    await runShards('stopped', 2);
    await ok('collect', 'stopped');
    await ok('discover', ...ig, '--out', 'not-stopped');
    expect(await files('stopped/result')).toEqual(await files('not-stopped'));
  });
});
