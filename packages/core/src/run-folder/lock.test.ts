import { type ChildProcess, fork, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { LOCK_NAME, lockFolder } from './lock.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-store-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Which processes a lock's holder sees, as the lock of this process says it. */
let place: string | null;
beforeAll(async () => {
  const own = await mkdtemp(join(tmpdir(), 'run-store-'));
  const lock = await lockFolder(own);
  place = JSON.parse(await readFile(join(own, LOCK_NAME), 'utf8')).place;
  await lock.release();
  await rm(own, { recursive: true });
});

/** The text of a lock whose holder sees our processes, if it does not say otherwise. */
const textOf = (owner: object): string => JSON.stringify({ place, ...owner });
const lockText = (owner: object) => writeFile(join(folder, LOCK_NAME), textOf(owner));
/** Watching is quick here. */
const QUICK = { beat: 20, watch: 200 };

describe('lockFolder', () => {
  it('one holder at a time, and free again after release', async () => {
    const lock = await lockFolder(folder);
    await expect(lockFolder(folder)).rejects.toMatchObject({
      code: 'run-locked',
      fields: { path: folder, pid: process.pid, host: hostname() },
    });
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
    const left = textOf({ pid: 2 ** 22 - 1, host: hostname(), started: null });
    await writeFile(join(folder, LOCK_NAME), left);
    const name = createHash('sha256').update(`${LOCK_NAME}\0${left}`).digest('hex').slice(0, 24);
    const claim = join(folder, `${LOCK_NAME}.${name}.tmp`);
    await writeFile(claim, textOf({ pid: process.pid, host: hostname(), started: null }));
    await expect(lockFolder(folder)).rejects.toMatchObject({ code: 'run-locked' });
    await writeFile(claim, left);
    await (await lockFolder(folder)).release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('removes what killed processes left, and nothing of living ones', async () => {
    const attempt = (name: string, owner: object) => writeFile(join(folder, `${LOCK_NAME}.${name}.tmp`), textOf(owner));
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
    await expect(lockFolder(folder)).rejects.toMatchObject({
      code: 'run-locked',
      fields: { pid: undefined },
    });
    const old = new Date(Date.now() - 60_000);
    await utimes(path, old, old);
    await (await lockFolder(folder)).release();
  });

  it('respects a living process, and takes over from a dead one and from one whose id was given to another', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    try {
      await once(child, 'spawn');
      await lockText({ pid: child.pid, host: hostname(), started: null });
      await expect(lockFolder(folder)).rejects.toMatchObject({
        code: 'run-locked',
        fields: { pid: child.pid },
      });
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

  it('another machine is believed as long as its lock is touched, and taken over after two minutes of silence', async () => {
    const path = join(folder, LOCK_NAME);
    await lockText({ pid: 1, host: 'elsewhere', started: null });
    const silentFor = async (seconds: number) => {
      const then = new Date(Date.now() - seconds * 1000);
      await utimes(path, then, then);
    };
    await silentFor(100);
    await expect(lockFolder(folder)).rejects.toMatchObject({
      code: 'run-locked',
      fields: { path: folder, pid: 1, host: 'elsewhere' },
    });
    await expect(lockFolder(folder)).rejects.toThrow(/process 1 on elsewhere is writing .*; wait for it/);
    await silentFor(130);
    await (await lockFolder(folder, QUICK)).release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('a container of the same host name is believed by its heartbeat, whatever runs under its process id here', async () => {
    const path = join(folder, LOCK_NAME);
    const other = { pid: 2 ** 22 - 1, host: hostname(), place: 'boot pid:[1]', started: '1' }; // no such process here
    await lockText(other);
    await expect(lockFolder(folder)).rejects.toMatchObject({ code: 'run-locked', fields: { pid: other.pid } });
    await expect(lockFolder(folder)).rejects.toThrow('of another container is writing');
    await lockText({ ...other, pid: process.pid }); // there is one here, which holds nothing
    await utimes(path, new Date(0), new Date(0));
    await (await lockFolder(folder, QUICK)).release();
    // A clock that is behind: the lock looks silent, but is touched.
    await lockText(other);
    const beat = setInterval(() => void utimes(path, new Date(), new Date(Date.now() - 3_600_000)), 20);
    try {
      await utimes(path, new Date(0), new Date(0));
      await expect(lockFolder(folder, QUICK)).rejects.toMatchObject({ code: 'run-locked' });
    } finally {
      clearInterval(beat);
    }
  });

  it.each([0, -1, 1.5, 2 ** 60])('a process id that is none (%d) holds nothing once it is silent', async (pid) => {
    const path = join(folder, LOCK_NAME);
    await lockText({ pid, host: hostname(), started: null });
    const then = new Date(Date.now() - 130_000);
    await utimes(path, then, then);
    await (await lockFolder(folder, QUICK)).release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('a time in the future is no sign of life by itself, but one that changes is', async () => {
    const path = join(folder, LOCK_NAME);
    const future = (seconds: number) => new Date(Date.now() + seconds * 1000);
    for (const owner of [{ pid: 1, host: 'elsewhere', started: null }, { pid: 0 }]) {
      await lockText(owner);
      await utimes(path, future(1e6), future(1e6));
      await (await lockFolder(folder, QUICK)).release();
    }
    await lockText({ pid: 1, host: 'elsewhere', started: null });
    let seconds = 1e6;
    const beat = setInterval(() => {
      seconds += 1;
      void utimes(path, future(seconds), future(seconds));
    }, 20);
    try {
      await utimes(path, future(seconds), future(seconds));
      await expect(lockFolder(folder, QUICK)).rejects.toMatchObject({ code: 'run-locked' });
    } finally {
      clearInterval(beat);
    }
  });

  it('is touched while it is held, so that other machines see a sign of life, and no longer once it is released', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const path = join(folder, LOCK_NAME);
      const lock = await lockFolder(folder);
      const long = new Date(Date.now() - 3_600_000);
      await utimes(path, long, long);
      vi.advanceTimersByTime(10_000);
      await expect.poll(async () => Date.now() - (await stat(path)).mtimeMs).toBeLessThan(60_000);
      await lock.release();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('a release leaves the lock of whoever took over meanwhile', async () => {
    const lock = await lockFolder(folder);
    await lockText({ pid: process.pid, host: hostname(), started: null, id: 'another' });
    await lock.release();
    expect(await readFile(join(folder, LOCK_NAME), 'utf8')).toContain('another');
  });

  it('a folder that is not there, or a torn lock that is old, is no riddle', async () => {
    await expect(lockFolder(join(folder, 'gone'))).rejects.toMatchObject({ code: 'file-not-found' });
    const path = join(folder, LOCK_NAME);
    await writeFile(path, '{"pid": 1');
    const old = new Date(Date.now() - 60_000);
    await utimes(path, old, old);
    await (await lockFolder(folder)).release();
  });
});

/** A process that takes the lock of a folder when told to, and gives it back when told to. */
const TAKER = `
import { lockFolder } from './lock.mjs';
let lock = null;
process.on('message', async ({ folder }) => {
  if (folder === undefined) {
    await lock.release();
    process.send({ released: true });
    return;
  }
  try {
    lock = await lockFolder(folder);
    process.send({ taken: true });
  } catch ({ code, fields }) {
    process.send({ taken: false, code, pid: fields?.pid ?? null });
  }
});
process.send({ ready: true });
`;
interface Answer {
  readonly taken?: boolean;
  readonly code?: string;
  readonly pid?: number | null;
}

describe('between processes', () => {
  let built: string;
  const takers: ChildProcess[] = [];
  const answerOf = async (child: ChildProcess): Promise<Answer> => ((await once(child, 'message')) as [Answer])[0];
  const ask = (child: ChildProcess, message: { folder?: string }): Promise<Answer> => {
    const answer = answerOf(child);
    child.send(message);
    return answer;
  };
  async function started(): Promise<ChildProcess> {
    const child = fork(join(built, 'taker.mjs'));
    takers.push(child);
    await answerOf(child);
    return child;
  }

  beforeAll(async () => {
    built = await mkdtemp(join(tmpdir(), 'run-lock-'));
    await build({
      configFile: false,
      logLevel: 'error',
      build: {
        ssr: fileURLToPath(new URL('./lock.ts', import.meta.url)),
        outDir: built,
        rolldownOptions: { output: { entryFileNames: 'lock.mjs' } },
      },
    });
    await writeFile(join(built, 'taker.mjs'), TAKER);
  });
  afterEach(async () => {
    for (const child of takers.splice(0)) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    }
  });
  afterAll(() => rm(built, { recursive: true }));

  it('of several that reach for it at once, one gets it and the others are told who', async () => {
    const children = await Promise.all([started(), started(), started()]);
    for (let round = 0; round < 20; round++) {
      // every other round a lock of a process that died lies there
      if (round % 2 === 1) await lockText({ pid: 2 ** 22 - 1, host: hostname(), started: null, id: round });
      const answers = await Promise.all(children.map((child) => ask(child, { folder })));
      const winners = children.filter((_, i) => answers[i]!.taken);
      expect(winners).toHaveLength(1);
      for (const answer of answers.filter(({ taken }) => !taken)) {
        expect(answer.code).toBe('run-locked');
        // over a left lock, whoever prepares to replace it for a moment may be the one that is named
        const named = round % 2 === 1 ? [...children.map(({ pid }) => pid), null] : [winners[0]!.pid];
        expect(named).toContain(answer.pid);
      }
      expect(await readdir(folder)).toEqual([LOCK_NAME]);
      await ask(winners[0]!, {});
    }
    expect(await readdir(folder)).toEqual([]);
  });

  it('of a process that was killed is taken over', async () => {
    const child = await started();
    expect(await ask(child, { folder })).toEqual({ taken: true });
    await expect(lockFolder(folder)).rejects.toMatchObject({ code: 'run-locked', fields: { pid: child.pid } });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lock = await lockFolder(folder);
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
  });
});
