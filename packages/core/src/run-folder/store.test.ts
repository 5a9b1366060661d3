import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unflattenScores } from '../graph/score-index.js';
import { errorOf } from '../testing/errors.js';
import { stagedGraph } from '../testing/graphs.js';
import { fileCheckpoint } from './checkpoint-file.js';
import { LOCK_NAME, lockFolder } from './lock.js';
import { differences, toJsonNumber, toJsonText } from './schemas.js';
import { readScores, writeScores } from './score-files.js';
import { readRun } from './store.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-store-'));
});
afterEach(() => rm(folder, { recursive: true }));

const lockText = (owner: object) => writeFile(join(folder, LOCK_NAME), JSON.stringify(owner));

describe('lockFolder', () => {
  it('one holder at a time, and free again after release', async () => {
    const lock = await lockFolder(folder);
    await expect(lockFolder(folder)).rejects.toThrow(/this process is writing .*; wait for it/);
    await lock.release();
    const again = await lockFolder(folder);
    await again.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('of many that start at once over a left lock, exactly one gets it, and nothing else stays', async () => {
    const left = { pid: 2 ** 22 - 1, host: hostname(), started: null };
    for (let round = 0; round < 40; round++) {
      await lockText({ ...left, id: round });
      const results = await Promise.allSettled(Array.from({ length: 12 }, () => lockFolder(folder)));
      const got = results.filter((result) => result.status === 'fulfilled');
      expect(got).toHaveLength(1);
      expect(await readdir(folder)).toEqual([LOCK_NAME]);
      await got[0]!.value.release();
    }
  });

  it('a claim whose taker died is taken over like the lock itself', async () => {
    const left = JSON.stringify({ pid: 2 ** 22 - 1, host: hostname(), started: null });
    await writeFile(join(folder, LOCK_NAME), left);
    const name = createHash('sha256').update(`${LOCK_NAME}\0${left}`).digest('hex').slice(0, 24);
    const claim = join(folder, `${LOCK_NAME}.${name}.tmp`);
    await writeFile(claim, JSON.stringify({ pid: process.pid, host: hostname(), started: null }));
    await expect(lockFolder(folder)).rejects.toThrow(/this process is writing/);
    await writeFile(claim, left);
    await (await lockFolder(folder)).release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('removes what killed processes left, and nothing of living ones', async () => {
    const attempt = (name: string, owner: object) =>
      writeFile(join(folder, `${LOCK_NAME}.${name}.tmp`), JSON.stringify(owner));
    await attempt('dead', { pid: 2 ** 22 + 1, host: hostname(), started: '1' }); // above the largest process id
    await attempt('alive', { pid: process.pid, host: hostname(), started: null });
    await writeFile(join(folder, 'other.tmp'), '');
    const lock = await lockFolder(folder);
    expect((await readdir(folder)).sort()).toEqual([LOCK_NAME, `${LOCK_NAME}.alive.tmp`, 'other.tmp']);
    await lock.release();
  });

  it('a lock that is being written is respected, and taken over when it stays empty', async () => {
    const path = join(folder, LOCK_NAME);
    await writeFile(path, '');
    await expect(lockFolder(folder)).rejects.toThrow(/another process is writing/);
    const old = new Date(Date.now() - 60_000);
    await utimes(path, old, old);
    await (await lockFolder(folder)).release();
  });

  it('respects a living process, and takes over from a dead one and from one whose id was given to another', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    try {
      await once(child, 'spawn');
      await lockText({ pid: child.pid, host: hostname(), started: null });
      await expect(lockFolder(folder)).rejects.toThrow(`process ${child.pid} is writing`);
      if (process.platform === 'linux') {
        await lockText({ pid: child.pid, host: hostname(), started: '1' });
        await (await lockFolder(folder)).release();
      }
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await lockText({ pid: child.pid, host: hostname(), started: null });
    await (await lockFolder(folder)).release();
  });

  it('another machine is believed as long as it gives signs', async () => {
    await lockText({ pid: 1, host: 'elsewhere', started: null });
    await expect(lockFolder(folder)).rejects.toThrow(/process 1 on elsewhere is writing/);
  });
});

describe('files', () => {
  const graph = stagedGraph();

  it('scores come back as they were, ∞ too, with the names of nodes beside them; NaN is refused', async () => {
    const path = join(folder, 'scores.safetensors');
    const flat = Float32Array.from({ length: graph.edgeCount }, (_, i) => (i === 3 ? Infinity : Math.sin(i)));
    const scores = unflattenScores(graph, flat);
    await writeScores(path, graph, scores);
    expect(readScores(path, graph)).toEqual(scores);
    const header = await readFile(path, 'latin1');
    expect(header).toContain('Resid Start');
    expect(header).toContain('B1.1');
    flat[0] = Number.NaN;
    await expect(writeScores(path, graph, unflattenScores(graph, flat))).rejects.toMatchObject({
      code: 'wrong-scores',
    });
    expect(readScores(path, graph)).toEqual(scores);
    const other = stagedGraph({}, { heads: 3 });
    expect(errorOf(() => readScores(path, other))).toMatchObject({ code: 'wrong-scores' });
  });

  it('checkpoints come back exactly; saves in quick succession are left out', async () => {
    const path = join(folder, 'algorithm.safetensors');
    let seconds = 0;
    const checkpoint = fileCheckpoint(path, () => seconds);
    expect(await checkpoint.load()).toBeNull();
    const data = { state: { epoch: 3, names: ['a'] }, arrays: { theta: Float64Array.of(0.1, Math.PI, -0) } };
    await checkpoint.save(data);
    expect(await checkpoint.load()).toEqual(data);
    seconds = 0.4;
    await checkpoint.save({ state: { epoch: 4 }, arrays: {} });
    expect((await checkpoint.load())!.state.epoch).toBe(3);
    seconds = 0.6;
    await checkpoint.save({ state: { epoch: 5 }, arrays: {} });
    expect((await checkpoint.load())!.state.epoch).toBe(5);
  });

  it('run.json that is absent, torn or of another kind is one sentence', async () => {
    await expect(readRun(folder)).rejects.toMatchObject({ code: 'not-a-run', fields: { path: folder } });
    await writeFile(join(folder, 'run.json'), '{"format": "auto-circuit r');
    await expect(readRun(folder)).rejects.toMatchObject({ code: 'invalid-json' });
    await writeFile(join(folder, 'run.json'), '{"format": "auto-circuit run 9"}');
    await expect(readRun(folder)).rejects.toMatchObject({ code: 'invalid-file', fields: { key: 'format' } });
  });
});

describe('JSON', () => {
  it('writes ∞ as a word and never NaN', () => {
    expect(toJsonNumber(Number.NEGATIVE_INFINITY, 'x')).toBe('-inf');
    expect(errorOf(() => toJsonNumber(Number.NaN, 'the KL'))).toMatchObject({
      code: 'not-finite',
      fields: { name: 'the KL' },
    });
    expect(errorOf(() => toJsonText({ deep: [{ x: Infinity }] }, 'f.json'))).toMatchObject({
      code: 'internal',
      fields: { key: 'x' },
    });
    expect(JSON.parse(toJsonText({ x: 0.1 + 0.2 }, 'f'))).toEqual({ x: 0.1 + 0.2 });
  });

  it('names what differs, at any depth', () => {
    expect(differences({ a: { b: 1 }, c: [1], d: 2 }, { a: { b: 2 }, c: [1], e: 3 })).toEqual([
      'a.b was 1 and is now 2',
      'd was 2 and is now absent',
      'e was absent and is now 3',
    ]);
  });
});
