import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cellHash, cellProgress, waitUntilFree } from './experiment-cells.js';
import { csvText, type ExperimentJson, openExperimentFolder } from './experiment-files.js';
import { lockFolder } from './lock.js';
import type { RunJson } from './schemas.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'experiment-'));
});
afterEach(() => rm(folder, { recursive: true }));

const EXPERIMENT: ExperimentJson = {
  format: 'auto-circuit experiment 1',
  name: 'x',
  asked: { tasks: ['a'] },
  threads: 1,
  cells: [{ name: 'a/eap/seed-0', task: 'a', algo: 'eap', seed: 0, hash: 'ab', state: 'waiting' }],
};

describe('an experiment folder', () => {
  it('is refused when it holds something else or an experiment, taken up with resume, emptied with overwrite', async () => {
    await writeFile(join(folder, 'letter.txt'), '');
    await expect(openExperimentFolder(folder, 'overwrite')).rejects.toMatchObject({
      code: 'folder-not-empty',
      fields: { path: folder, file: 'letter.txt' },
    });
    expect(await readdir(folder)).toEqual(['letter.txt']);
    await rm(join(folder, 'letter.txt'));
    const first = await openExperimentFolder(folder, 'refuse');
    expect(first.before).toBeNull();
    await first.writeExperiment(EXPERIMENT);
    await expect(openExperimentFolder(folder, 'resume')).rejects.toMatchObject({
      code: 'run-locked',
      fields: { path: folder, pid: process.pid },
    });
    await first.close();
    await expect(openExperimentFolder(folder, 'refuse')).rejects.toMatchObject({
      code: 'run-exists',
      fields: { path: folder },
    });
    await writeFile(join(folder, '.results.json.1.ab.tmp'), 'half');
    await mkdir(join(folder, 'cells', 'ab'));
    const again = await openExperimentFolder(folder, 'resume');
    expect(again.before).toEqual(EXPERIMENT);
    await again.close();
    expect((await readdir(folder)).sort()).toEqual(['cells', 'experiment.json']);
    const anew = await openExperimentFolder(folder, 'overwrite');
    expect([anew.before, await readdir(join(folder, 'cells'))]).toEqual([null, []]);
    await anew.close();
  });

  it('whose experiment.json is another than was written is refused, and taken up without it', async () => {
    const first = await openExperimentFolder(folder, 'refuse');
    await first.writeExperiment(EXPERIMENT);
    await first.close();
    const path = join(folder, 'experiment.json');
    const good = await readFile(path, 'utf8');
    for (const bad of [good.replace('"threads": 1', '"threads": 2'), good.slice(0, -9), '{}']) {
      await writeFile(path, bad);
      await expect(openExperimentFolder(folder, 'resume')).rejects.toMatchObject({
        code: 'run-damaged',
        fields: { path: folder, file: 'experiment.json' },
      });
    }
    await rm(path);
    await (await openExperimentFolder(folder, 'resume')).close();
  });

  it('writes rows as JSON and as a table that spreadsheets read', async () => {
    expect(
      csvText(
        ['a', 'b'],
        [
          { a: 'x,"y"', b: null },
          { a: 'inf', b: 0.5 },
          { a: '=1+1', b: -2 },
          { a: '-inf', b: '@SUM(A1)' },
        ],
      ),
    ).toBe('a,b\n"x,""y""",\ninf,0.5\n\'=1+1,-2\n-inf,\'@SUM(A1)\n');
    const store = await openExperimentFolder(folder, 'refuse');
    const row = {
      ...{ cell: 'a/eap/seed-0', task: 'a', model: 'm', algo: 'eap', seed: 0, metric: 'kl', unit: 'nats' },
      ...{ requested: 5, edges: 6, edgesConnected: 4, kept: true, value: 0.25, standardError: null },
      ...{ faithfulness: null, ofModel: 0, ofEmpty: 'inf' as const },
    };
    await store.writeResults('x', [row]);
    await store.close();
    expect(JSON.parse(await readFile(join(folder, 'results.json'), 'utf8')).rows).toEqual([row]);
    const [head, line] = (await readFile(join(folder, 'results.csv'), 'utf8')).split('\n');
    expect(head!.split(',')).toEqual(Object.keys(row));
    expect(line).toBe('a/eap/seed-0,a,m,eap,0,kl,nats,5,6,4,true,0.25,,,0,inf');
  });
});

describe('a cell', () => {
  const run = (change: object = {}, versions = { 'auto-circuit': '1', node: '20' }) =>
    cellHash({
      asked: { seed: 0, algo: { name: 'eap', options: {} }, ...change } as RunJson['asked'],
      versions,
      runtime: 'r',
    });

  it('has one address for one content: the order of keys and the version of Node.js do not count', () => {
    expect(run()).toMatch(/^[0-9a-f]{16}$/);
    expect(run({ b: 1, c: 2 })).toBe(run({ c: 2, b: 1 }));
    expect(run({}, { 'auto-circuit': '1', node: '22' })).toBe(run());
    const others = [
      run({ seed: 1 }),
      run({ algo: { name: 'eap', options: { n: 1 } } }),
      run({}, { 'auto-circuit': '2', node: '20' }),
    ];
    expect(new Set([run(), ...others]).size).toBe(4);
  });

  it('is done when nothing of the work on it is left', async () => {
    expect(cellProgress(join(folder, 'none'))).toBe('none');
    await mkdir(join(folder, 'partial'));
    expect(cellProgress(folder)).toBe('none');
    await writeFile(join(folder, 'run.json'), '{}');
    expect(cellProgress(folder)).toBe('begun');
    await rm(join(folder, 'partial'), { recursive: true });
    const lock = await lockFolder(folder);
    expect(cellProgress(folder)).toBe('begun');
    await lock.release();
    expect(cellProgress(folder)).toBe('done');
  });

  it('waits for who holds its folder, but not for ever', async () => {
    const lock = await lockFolder(folder);
    const began = performance.now();
    await waitUntilFree(folder, 0.25);
    expect(performance.now() - began).toBeGreaterThanOrEqual(240);
    setTimeout(() => void lock.release(), 150);
    await waitUntilFree(folder, 20);
    expect(performance.now() - began).toBeLessThan(10_000);
    await waitUntilFree(join(folder, 'none'), 20);
    expect(await readdir(folder)).toEqual([]);
  });
});
