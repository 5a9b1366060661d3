import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unflattenScores } from '../graph/score-index.js';
import { stagedGraph } from '../testing/graphs.js';
import { LOCK_NAME } from './lock.js';
import { openExistingRun, openRunStore } from './open-run.js';
import { type RunJson, toJsonText } from './schemas.js';

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'open-run-'));
  folder = join(root, 'deep', 'run');
});
afterEach(() => rm(root, { recursive: true }));

const RUN: RunJson = {
  format: 'auto-circuit run 1',
  asked: {
    model: { name: 'micro', key: 'k', processing: [] },
    data: { name: 'd', hash: 'h', bos: 'none' },
    graph: {},
    algo: { name: 'a', options: {} },
    metrics: [],
    objective: 'logit-diff',
    ablation: 'resample',
    ablateFrom: 'corrupt',
    patchType: 'tree',
    reverse: false,
    select: 'threshold',
    rankBy: 'absolute',
    sizes: { by: 'rule', rule: 'all' },
    keep: 'auto',
    batchSize: 1,
    limit: null,
    length: null,
    train: null,
    test: null,
    seed: 0,
    backend: { name: 'interpreter', device: 'cpu', threads: 1 },
  },
  sources: {},
  graph: { sources: 1, destinations: 1, edges: 1 },
  prompts: { train: 1, test: 1, lengths: {} },
  versions: {},
  runtime: 'x',
};
const graph = stagedGraph();
const scores = unflattenScores(graph, new Float32Array(graph.edgeCount));

describe('openRunStore', () => {
  it('makes the folder and those above it, with run.json, partial work and a lock; finishing takes the last two away', async () => {
    const store = await openRunStore(folder, RUN, 'refuse');
    expect((await readdir(folder)).sort()).toEqual([LOCK_NAME, 'partial', 'run.json'].sort());
    expect(await readFile(join(folder, 'run.json'), 'utf8')).toBe(toJsonText(RUN, 'run.json'));
    expect(store.resumed).toBe(false);
    await store.finish();
    expect(await readdir(folder)).toEqual(['run.json']);
  });

  it('one process at a time, whatever is asked', async () => {
    const store = await openRunStore(folder, RUN, 'refuse');
    for (const existing of ['resume', 'overwrite'] as const) {
      await expect(openRunStore(folder, RUN, existing)).rejects.toMatchObject({
        code: 'run-locked',
        fields: { path: folder },
      });
    }
    await store.close();
  });

  it('refuses a run that is there, and says whether it is finished', async () => {
    const store = await openRunStore(folder, RUN, 'refuse');
    await store.close();
    const refused = { code: 'run-exists', fields: { path: folder, finished: false } };
    await expect(openRunStore(folder, RUN, 'refuse')).rejects.toMatchObject(refused);
    await (await openRunStore(folder, RUN, 'resume')).finish();
    await expect(openRunStore(folder, RUN, 'refuse')).rejects.toMatchObject({
      ...refused,
      fields: { path: folder, finished: true },
    });
  });

  it('resumes the same request with its partial work, and refuses another', async () => {
    const store = await openRunStore(folder, RUN, 'refuse');
    await store.writePartial('point-3.json', '{}');
    await store.close();
    const again = await openRunStore(folder, RUN, 'resume');
    expect(again.resumed).toBe(true);
    expect(await again.readPartial('point-3.json')).toBe('{}');
    expect(await again.readPartial('point-4.json')).toBeNull();
    await again.close();
    const other = { ...RUN, asked: { ...RUN.asked, seed: 5 } };
    await expect(openRunStore(folder, other, 'resume')).rejects.toMatchObject({
      code: 'run-exists',
      fields: { path: folder, changes: ['seed was 0 and is now 5'] },
    });
    expect(await readdir(folder)).not.toContain(LOCK_NAME);
  });

  it('overwrites a run wholly, and removes what a killed process left of its files', async () => {
    const store = await openRunStore(folder, RUN, 'refuse');
    await store.writeScores(graph, { scores });
    await store.writePartial('x.json', '{}');
    await store.close();
    await writeFile(join(folder, '.scores.safetensors.1.ab.tmp'), 'half');
    await writeFile(join(folder, 'verify-onnx.json'), '{}');
    const anew = await openRunStore(folder, { ...RUN, runtime: 'y' }, 'overwrite');
    expect((await readdir(folder)).sort()).toEqual([LOCK_NAME, 'partial', 'run.json'].sort());
    expect(await readdir(join(folder, 'partial'))).toEqual([]);
    await anew.finish();
  });

  it('touches nothing in a folder of other files, even to overwrite', async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'notes.txt'), 'x');
    for (const existing of ['refuse', 'resume', 'overwrite'] as const) {
      await expect(openRunStore(folder, RUN, existing)).rejects.toMatchObject({
        code: 'folder-not-empty',
        fields: { path: folder, file: 'notes.txt' },
      });
    }
    expect(await readdir(folder)).toEqual(['notes.txt']);
  });

  it('beside a run, files of the user stay when it is overwritten', async () => {
    await (await openRunStore(folder, RUN, 'refuse')).finish();
    await writeFile(join(folder, 'notes.txt'), 'x');
    await (await openRunStore(folder, RUN, 'overwrite')).finish();
    expect((await readdir(folder)).sort()).toEqual(['notes.txt', 'run.json']);
  });

  it('is a sentence where the path leads through a file', async () => {
    await writeFile(join(root, 'deep'), '');
    await expect(openRunStore(folder, RUN, 'refuse')).rejects.toMatchObject({ code: 'file-unwritable' });
  });
});

describe('abandon', () => {
  it('removes a new run without results, and the folder where nothing else is in it', async () => {
    await (await openRunStore(folder, RUN, 'refuse')).abandon();
    expect(await readdir(join(root, 'deep'))).toEqual([]);
  });

  it('leaves a run that has scores, or that was resumed', async () => {
    const scored = await openRunStore(folder, RUN, 'refuse');
    await scored.writeScores(graph, { scores });
    await scored.abandon();
    await scored.close();
    expect(await readdir(folder)).toContain('scores.safetensors');
    await rm(join(folder, 'scores.safetensors'));
    const resumed = await openRunStore(folder, RUN, 'resume');
    await resumed.abandon();
    await resumed.close();
    expect(await readdir(folder)).toContain('run.json');
  });
});

describe('openExistingRun', () => {
  it('adds to a run that is there, under its lock', async () => {
    await (await openRunStore(folder, RUN, 'refuse')).finish();
    const { store, run } = await openExistingRun(folder);
    expect(run).toEqual(RUN);
    await expect(openExistingRun(folder)).rejects.toMatchObject({ code: 'run-locked' });
    await store.writeReport('<p>');
    await store.close();
    expect((await readdir(folder)).sort()).toEqual(['report.html', 'run.json']);
  });

  it('refuses a folder without a run', async () => {
    await expect(openExistingRun(root)).rejects.toMatchObject({ code: 'not-a-run', fields: { path: root } });
  });
});
