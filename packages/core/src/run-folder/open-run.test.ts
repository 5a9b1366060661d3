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

/** The store of a run that is opened. */
const openedStore = async (...args: Parameters<typeof openRunStore>) => (await openRunStore(...args)).store;

describe('openRunStore', () => {
  it('makes the folder and those above it, with run.json, partial work and a lock; finishing takes the last two away', async () => {
    const store = await openedStore(folder, RUN, 'refuse');
    expect((await readdir(folder)).sort()).toEqual([LOCK_NAME, 'checksums.json', 'partial', 'run.json'].sort());
    expect(await readFile(join(folder, 'run.json'), 'utf8')).toBe(toJsonText(RUN, 'run.json'));
    expect(store.resumed).toBe(false);
    await store.finish();
    expect(await readdir(folder)).toEqual(['checksums.json', 'run.json']);
  });

  it('one process at a time, whatever is asked', async () => {
    const store = await openedStore(folder, RUN, 'refuse');
    for (const existing of ['resume', 'overwrite'] as const) {
      await expect(openedStore(folder, RUN, existing)).rejects.toMatchObject({
        code: 'run-locked',
        fields: { path: folder },
      });
    }
    await store.close();
  });

  it('refuses a run that is there, and says whether it is finished', async () => {
    const store = await openedStore(folder, RUN, 'refuse');
    await store.close();
    const refused = { code: 'run-exists', fields: { path: folder, finished: false } };
    await expect(openedStore(folder, RUN, 'refuse')).rejects.toMatchObject(refused);
    await (await openedStore(folder, RUN, 'resume')).finish();
    await expect(openedStore(folder, RUN, 'refuse')).rejects.toMatchObject({
      ...refused,
      fields: { path: folder, finished: true },
    });
  });

  it('resumes the same request with its partial work, and refuses another', async () => {
    const store = await openedStore(folder, RUN, 'refuse');
    await store.writePartial('point-3.json', '{}');
    await store.close();
    const again = await openedStore(folder, RUN, 'resume');
    expect(again.resumed).toBe(true);
    expect(await again.readPartial('point-3.json')).toBe('{}');
    expect(await again.readPartial('point-4.json')).toBeNull();
    await again.close();
    const other = { ...RUN, asked: { ...RUN.asked, seed: 5 } };
    await expect(openedStore(folder, other, 'resume')).rejects.toMatchObject({
      code: 'run-exists',
      fields: { path: folder, changes: ['seed was 0 and is now 5'] },
    });
    expect(await readdir(folder)).not.toContain(LOCK_NAME);
  });

  it('overwrites a run wholly, and removes what a killed process left of its files', async () => {
    const store = await openedStore(folder, RUN, 'refuse');
    await store.writeScores(graph, { scores });
    await store.writePartial('x.json', '{}');
    await store.close();
    await writeFile(join(folder, '.scores.safetensors.1.ab.tmp'), 'half');
    await writeFile(join(folder, 'verify-onnx.json'), '{}');
    const anew = await openedStore(folder, { ...RUN, runtime: 'y' }, 'overwrite');
    expect((await readdir(folder)).sort()).toEqual([LOCK_NAME, 'checksums.json', 'partial', 'run.json'].sort());
    expect(await readdir(join(folder, 'partial'))).toEqual([]);
    await anew.finish();
  });

  it('touches nothing in a folder of other files, even to overwrite', async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'notes.txt'), 'x');
    for (const existing of ['refuse', 'resume', 'overwrite'] as const) {
      await expect(openedStore(folder, RUN, existing)).rejects.toMatchObject({
        code: 'folder-not-empty',
        fields: { path: folder, file: 'notes.txt' },
      });
    }
    expect(await readdir(folder)).toEqual(['notes.txt']);
  });

  it('beside a run, files of the user stay when it is overwritten', async () => {
    await (await openedStore(folder, RUN, 'refuse')).finish();
    await writeFile(join(folder, 'notes.txt'), 'x');
    await (await openedStore(folder, RUN, 'overwrite')).finish();
    expect((await readdir(folder)).sort()).toEqual(['checksums.json', 'notes.txt', 'run.json']);
  });

  it('is a sentence where the path leads through a file', async () => {
    await writeFile(join(root, 'deep'), '');
    await expect(openedStore(folder, RUN, 'refuse')).rejects.toMatchObject({ code: 'file-unwritable' });
  });
});

describe('abandon', () => {
  it('removes a new run without results, and the folder where nothing else is in it', async () => {
    await (await openedStore(folder, RUN, 'refuse')).abandon();
    expect(await readdir(join(root, 'deep'))).toEqual([]);
  });

  it('leaves work of an algorithm and trained constants', async () => {
    const data = { state: { done: 1 }, arrays: { sums: Float64Array.of(1) } };
    for (const kind of ['checkpoint', 'constants'] as const) {
      const store = await openedStore(folder, RUN, 'overwrite');
      await store[kind]().save(data, { final: true });
      await store.abandon();
      await store.close();
      expect(await (await openedStore(folder, RUN, 'resume'))[kind]().load()).toEqual(data);
      await rm(folder, { recursive: true });
    }
  });

  it('leaves a run that has scores, or that was resumed', async () => {
    const scored = await openedStore(folder, RUN, 'refuse');
    await scored.writeScores(graph, { scores });
    await scored.abandon();
    await scored.close();
    expect(await readdir(folder)).toContain('scores.safetensors');
    const resumed = await openedStore(folder, RUN, 'resume');
    await resumed.abandon();
    await resumed.close();
    expect(await readdir(folder)).toContain('run.json');
  });
});

describe('what is not as it was', () => {
  const finished = async () => {
    const store = await openedStore(folder, RUN, 'refuse');
    await store.writeScores(graph, { scores });
    await store.writeTimings({ seconds: { load: 1, score: 1, measure: 1 }, memoryMb: 5, resumed: false });
    await store.finish();
  };

  it('a changed, a missing and a foreign file are named; by force they are read with a warning', async () => {
    await finished();
    const whole = await readFile(join(folder, 'scores.safetensors'));
    const path = join(folder, 'scores.safetensors');
    const spoil: readonly (readonly [string, () => Promise<void>])[] = [
      ['scores.safetensors', () => writeFile(path, Buffer.concat([whole.subarray(0, -1), Buffer.of(1)]))],
      ['scores.safetensors', () => rm(path)],
      ['nodes.json', () => writeFile(join(folder, 'nodes.json'), '[]')],
      ['timings.json', () => writeFile(join(folder, 'timings.json'), '{"memoryMb": 6}')],
      ['run.json', () => writeFile(join(folder, 'run.json'), toJsonText({ ...RUN, runtime: 'y' }, 'run.json'))],
      ['checksums.json', () => writeFile(join(folder, 'checksums.json'), '{}')],
    ];
    for (const [file, change] of spoil) {
      await change();
      const damaged = { code: 'run-damaged', fields: { path: folder, file } };
      await expect(openedStore(folder, RUN, 'resume')).rejects.toMatchObject(damaged);
      await expect(openExistingRun(folder)).rejects.toMatchObject(damaged);
      const lines: string[] = [];
      const { store } = await openExistingRun(folder, { force: true, onWarning: (line) => lines.push(line) });
      await store.close();
      expect(lines).toEqual([expect.stringContaining(`${file} is not what the run wrote`)]);
      await (await openedStore(folder, RUN, 'overwrite')).close();
      await rm(join(folder, 'partial'), { recursive: true });
      await rm(folder, { recursive: true });
      await finished();
    }
  });

  it('a run of an early version has no checksums: it is read with a remark, and one that says it has them is not', async () => {
    await finished();
    await rm(join(folder, 'checksums.json'));
    const lines: string[] = [];
    const { store } = await openExistingRun(folder, { onWarning: (line) => lines.push(line) });
    await store.close();
    expect(lines).toEqual([expect.stringContaining('is of an earlier version')]);
    const marked = { ...RUN, checksums: 'checksums.json' };
    await writeFile(join(folder, 'run.json'), toJsonText(marked, 'run.json'));
    await expect(openExistingRun(folder)).rejects.toMatchObject({ fields: { file: 'checksums.json' } });
  });

  it('measurements that are replaced are whole whenever the process dies', async () => {
    const store = await openedStore(folder, RUN, 'refuse');
    await store.writeJson('measurements', []);
    await store.commit('measurements');
    await store.finish();
    const { store: adding } = await openExistingRun(folder);
    const before = await readFile(join(folder, 'measurements.json'));
    await adding.writeJson('measurements', [1]); // and dies before it is listed
    await adding.close();
    await (await openExistingRun(folder)).store.close();
    await writeFile(join(folder, 'measurements.json'), before); // or before the file was there
    await (await openExistingRun(folder)).store.close();
    await writeFile(join(folder, 'measurements.json'), '[2]');
    await expect(openExistingRun(folder)).rejects.toMatchObject({ fields: { file: 'measurements.json' } });
  });

  it('damaged partial work is made again, with a warning; that of another run is damaged', async () => {
    const store = await openedStore(folder, RUN, 'refuse');
    await store.writePartial('point-3.json', '{}');
    await store.close();
    const path = join(folder, 'partial', 'point-3.json');
    const text = await readFile(path, 'utf8');
    await writeFile(join(folder, 'partial', 'point-4.json'), text); // of another circuit
    await writeFile(path, text.replace('{}', '{ }'));
    const lines: string[] = [];
    const again = await openedStore(folder, RUN, 'resume', { onWarning: (line) => lines.push(line) });
    expect(await again.readPartial('point-3.json')).toBeNull();
    expect(await again.readPartial('point-4.json')).toBeNull();
    expect(lines).toHaveLength(2);
    await again.close();
  });

  it('an unfinished run of another version, runtime or memory is not gone on with; a finished one is shown', async () => {
    const begun = { ...RUN, versions: { 'auto-circuit': '1', node: '20.1.0' }, memory: { bytes: 5, asked: true } };
    await (await openedStore(folder, begun, 'refuse')).close();
    const others: RunJson[] = [
      { ...begun, versions: { ...begun.versions, 'auto-circuit': '2' } },
      { ...begun, versions: { ...begun.versions, node: '22.1.0' } },
      { ...begun, runtime: 'y' },
      { ...begun, memory: { bytes: 6, asked: true } },
    ];
    for (const other of others) {
      await expect(openedStore(folder, other, 'resume')).rejects.toMatchObject({
        code: 'run-changed',
        fields: { path: folder, changes: [expect.stringContaining(' and is now ')] },
      });
    }
    const patched = { ...begun, versions: { ...begun.versions, node: '20.9.9' } };
    await (await openedStore(folder, patched, 'resume')).finish();
    const { store, run } = await openRunStore(folder, others[0]!, 'resume');
    expect(run).toEqual(begun);
    await store.close();
  });
});

describe('openExistingRun', () => {
  it('adds to a run that is there, under its lock', async () => {
    await (await openedStore(folder, RUN, 'refuse')).finish();
    const { store, run } = await openExistingRun(folder);
    expect(run).toEqual(RUN);
    await expect(openExistingRun(folder)).rejects.toMatchObject({ code: 'run-locked' });
    await store.writeReport('<p>');
    await store.close();
    expect((await readdir(folder)).sort()).toEqual(['checksums.json', 'report.html', 'run.json']);
  });

  it('refuses a folder without a run', async () => {
    await expect(openExistingRun(root)).rejects.toMatchObject({ code: 'not-a-run', fields: { path: root } });
  });
});
