/** @file `experiment`: grids, resuming, failures, what a file may hold. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cellHash, readRun } from '@auto-circuit/core/run';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Experiment } from '../experiment/experiment-file.js';
import { refusal, runMain } from '../test/run-main.js';

const plugin = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));
const STUDY: Experiment = {
  tasks: ['micro', { name: 'half', task: 'micro', limit: 8 }],
  algos: ['eap', { name: 'ig', algo: 'integrated-edge-gradients', options: { samples: 3 } }],
  metrics: ['kl', 'logit-diff'],
  seeds: [0, 1],
  settings: { backend: 'interpreter', edges: [5, 10, 25] },
  plugins: [plugin],
};

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'experiment-command-'));
});
afterEach(() => rm(cwd, { recursive: true }));

async function study(change: object = {}, name = 'study.json'): Promise<void> {
  await writeFile(join(cwd, name), JSON.stringify({ ...STUDY, ...change }));
}
const run = (args: string, settings: { signal?: AbortSignal } = {}) =>
  runMain(['experiment', ...args.split(' ')], { cwd, ...settings });
const json = async (path: string) => JSON.parse(await readFile(join(cwd, path), 'utf8'));
/** All files of results, timings apart. */
async function files(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(join(cwd, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== 'timings.json')
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [name.slice(join(cwd, folder).length), await readFile(name, 'latin1')]),
    ),
  );
}

describe('experiment', () => {
  it('runs every task with every algorithm at every seed, each in a run folder called after its content', async () => {
    await study();
    const { code, stdout, stderr } = await run('study.json --workers 0 --out o');
    expect([code, stderr.match(/ done {4}/g)?.length]).toEqual([0, 8]);
    expect(stdout).toMatch(/^task +algorithm +seeds +edges kept +faithfulness\nmicro +eap +2 /m);
    const { cells } = await json('o/experiment.json');
    expect(cells.map(({ name }: { name: string }) => name)).toEqual([
      'micro/eap/seed-0',
      'micro/eap/seed-1',
      'micro/ig/seed-0',
      'micro/ig/seed-1',
      'half/eap/seed-0',
      'half/eap/seed-1',
      'half/ig/seed-0',
      'half/ig/seed-1',
    ]);
    for (const { hash, seed } of cells) {
      const made = await readRun(join(cwd, 'o', 'cells', hash));
      expect([cellHash(made), made.asked.seed]).toEqual([hash, seed]);
    }
    const { rows } = await json('o/results.json');
    expect(rows).toHaveLength(8 * 2 * 3);
    const first = await json(`o/cells/${cells[0].hash}/measurements.json`);
    expect(rows[0]).toMatchObject({
      cell: 'micro/eap/seed-0',
      metric: 'kl',
      edges: 5,
      value: first[0].points[0].value,
    });
    const lines = (await readFile(join(cwd, 'o', 'results.csv'), 'utf8')).trim().split('\n');
    expect(lines).toHaveLength(1 + rows.length);
    expect(await readFile(join(cwd, 'o', 'report.html'), 'utf8')).toContain('<!doctype html>');
  });

  it('does a cell once, whatever it is called and whenever it is asked for', async () => {
    await study({ tasks: ['micro', { name: 'same', task: 'micro', limit: 1000 }, { name: 'again', task: 'micro' }] });
    expect((await run('study.json --workers 0 --out o --only */eap/seed-0')).code).toBe(0);
    const { cells } = await json('o/experiment.json');
    const states = cells.map(({ name, state }: { name: string; state: string }) => `${name} ${state}`);
    expect(states.filter((one: string) => one.endsWith('done'))).toEqual([
      'micro/eap/seed-0 done',
      'same/eap/seed-0 done',
      'again/eap/seed-0 done',
    ]);
    // The limit is part of what was asked, though it leaves the same prompts.
    expect(await readdir(join(cwd, 'o', 'cells'))).toHaveLength(2);
    await study();
    const { stderr } = await run('study.json --workers 0 --out o --resume');
    expect(stderr.match(/ done {4}/g)).toHaveLength(7);
    const dry = await run('study.json --workers 0 --out o --resume --dry-run');
    expect(dry.stdout).toContain('8 cells, 8 done; nothing was run');
  });

  it('after Ctrl-C or half the cells, --resume gives the files of an experiment that was not stopped', async () => {
    await study();
    await run('study.json --workers 0 --out whole');
    const controller = new AbortController();
    controller.abort();
    const stopped = await run('study.json --workers 0 --out o', { signal: controller.signal });
    expect([stopped.code, stopped.stderr]).toEqual([130, expect.stringMatching(/--resume|stopped/)]);
    await run('study.json --workers 0 --out o --resume --only ig');
    expect((await run('study.json --workers 0 --out o')).stderr).toMatch(/already holds an experiment; --resume/);
    expect((await run('study.json --workers 0 --out o --resume')).code).toBe(0);
    expect(await files('o')).toEqual(await files('whole'));
    expect((await run('study.json --workers 0 --out o --overwrite --only eap')).code).toBe(0);
    expect(await readdir(join(cwd, 'o', 'cells'))).toHaveLength(4);
  });

  it('shows what failed and does the rest, with exit code 1', async () => {
    await writeFile(join(cwd, 'torn.json'), '{"prompts": [');
    const tasks = [
      'micro',
      { name: 'torn', task: 'micro', data: 'torn.json' },
      { name: 'few', task: 'micro', limit: 1 },
    ];
    await study({ tasks, seeds: [0], algos: ['eap', 'random'] });
    const { code, stdout, stderr } = await run('study.json --workers 0 --out o');
    expect(code).toBe(1);
    expect(stdout).toContain('4 cells failed');
    expect(stdout).toMatch(/^torn\/eap\/seed-0: \[prompts\] .*torn\.json is not a JSON file/m);
    expect(stdout).toMatch(/^few\/random\/seed-0: \[prompts\] /m);
    expect(stderr).toContain('done    micro/random/seed-0');
    const { cells } = await json('o/experiment.json');
    expect(cells.filter(({ state }: { state: string }) => state === 'done')).toHaveLength(2);
    // What failed is tried again once its cause is gone.
    await writeFile(
      join(cwd, 'torn.json'),
      await readFile(new URL('../../test-data/micro-prompts.json', import.meta.url)),
    );
    const again = await run('study.json --workers 0 --out o --resume --json');
    expect(again.code).toBe(1);
    const states = JSON.parse(again.stdout).cells.map(({ state }: { state: string }) => state);
    expect(states).toEqual(['done', 'done', 'done', 'done', 'failed', 'failed']);
  });

  it('reads a module, and names the key of what is wrong', async () => {
    await writeFile(join(cwd, 's.mjs'), `export default ${JSON.stringify(STUDY)};`);
    const dry = await run('s.mjs --dry-run --json');
    expect(JSON.parse(dry.stdout).cells).toHaveLength(8);
    expect(await readdir(cwd)).toEqual(['s.mjs']);
    await writeFile(join(cwd, 'f.mjs'), 'export default { tasks: [() => 1], algos: ["eap"] };');
    const wrong: readonly (readonly [object, RegExp])[] = [
      [
        { tasks: ['micro', { task: 'micro', limit: 'ten' }] },
        /"tasks\[1\]\.limit" is wrong: expected number, got string/,
      ],
      [{ algos: [{ algo: 'eap', optoins: {} }] }, /"algos\[0\]\.optoins" is not a known key/],
      [{ seeds: [] }, /"seeds" is wrong/],
      [{ metrics: ['kl', 'klx'] }, /metrics\[1\]\] unknown metric "klx"; did you mean "kl"/],
      [{ tasks: ['mirco'] }, /tasks\[0\]\] unknown task "mirco"; did you mean "micro"/],
      [{ algos: ['eap', 'epa'] }, /algos\[1\]\] unknown pruning algorithm "epa"; did you mean "eap"/],
      [{ algos: [{ algo: 'eap', options: { stepz: 3 } }] }, /algos\[0\]\] .*"stepz"/],
      [{ tasks: ['micro', 'micro'] }, /"tasks\[0\]" and "tasks\[1\]" are both called "micro"/],
      [{ tasks: [{ model: 'micro' }] }, /"tasks\[0\]" names neither a task nor data/],
      [{ setings: {} }, /"setings" is not a known key/],
    ];
    for (const [change, sentence] of wrong) {
      await study(change);
      const { code, stderr } = await run('study.json --dry-run');
      expect([code, stderr]).toEqual([2, expect.stringMatching(sentence)]);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
    const refused = (args: string) => refusal(['experiment', ...args.split(' ')], { cwd });
    expect(await refused('f.mjs')).toMatchObject({ code: 'invalid-file', fields: { path: 'f.mjs' } });
    expect(await refused('none.json')).toMatchObject({ code: 'file-not-found', fields: { path: 'none.json' } });
    await study({ settings: { limit: 'ten' } });
    expect(await refused('study.json')).toMatchObject({
      code: 'invalid-file',
      fields: { path: 'study.json', key: 'settings.limit' },
    });
    await study({ algos: [{ algo: 'eap', options: { stepz: 3 } }] });
    expect(await refused('study.json')).toMatchObject({ where: 'experiment study.json: algos[0]' });
    await study();
    expect(await refused('study.json --dry-run --only nothing')).toMatchObject({
      code: 'unknown-name',
      fields: { name: 'nothing' },
    });
  });

  it('does a cell again when the code of its algorithm has changed, and no other cell', async () => {
    await writeFile(join(cwd, 'scale.mjs'), 'export const scale = 1;');
    await writeFile(join(cwd, 'mine.mjs'), MINE);
    await study({ tasks: ['micro'], algos: ['eap', 'mine'], seeds: [0], plugins: [plugin, './mine.mjs'] });
    const cells = async (): Promise<string[]> => {
      const { code } = await run('study.json --workers 0 --out o --resume');
      expect(code).toBe(0);
      return (await json('o/experiment.json')).cells.map(({ hash }: { hash: string }) => hash);
    };
    const first = await cells();
    expect(await cells()).toEqual(first);
    await writeFile(join(cwd, 'scale.mjs'), 'export const scale = 2;');
    const [eap, mine] = await cells();
    expect(eap).toBe(first[0]);
    expect(mine).not.toBe(first[1]);
  });
});

/** An algorithm of two files. */
const MINE = `import { scale } from './scale.mjs';
export default { apiVersion: 1, name: 'mine', contributes: [{ kind: 'prune-algo', name: 'mine', doc: 'by number', options: {},
  async score({ graph, model }) {
    const tensors = graph.destinationBlocks.map(({ module, heads, sources }) => {
      const shape = [...(heads === null ? [] : [heads]), sources.stop - sources.start];
      const data = new Float32Array(shape.reduce((n, d) => n * d, 1)).map((_, i) => scale * (i + 1));
      return [module, { dtype: 'float', shape, data }];
    });
    return { scores: Object.fromEntries(tensors) };
  } }] };`;
