/** @file `clusters`: two behaviours told apart without being told, by hand; what is kept, shown and refused. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@auto-circuit/core/plugin';
import { type Clusters, clustersSchema, readFinishedRun } from '@auto-circuit/core/run';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, runMain } from '../test/run-main.js';

const plugin = fileURLToPath(new URL('../../test-data/two-behaviours.mjs', import.meta.url));
const DISCOVER = [
  ...['discover', '--task', 'two', '--plugin', plugin, '--backend', 'interpreter', '--algo', 'eap'],
  ...['--edges', '3,10,20', '--keep', '10'],
];

/** Of kind 0, the first number is larger on the clean side and smaller on the corrupt one; of kind 1, the second. */
function prompt(kind: number, random: ReturnType<typeof seededRandom>) {
  const other = random.uniform(); // the same on both sides, so that it moves nothing
  const side = (sign: number) => {
    const moved = other + sign * (1 + random.uniform());
    return [kind === 0 ? [moved, other] : [other, moved]];
  };
  return { clean: side(1), corrupt: side(-1), answers: [kind], wrong_answers: [1 - kind] };
}
const promptsOf = (kinds: readonly number[]) => {
  const random = seededRandom(1, 'two kinds');
  return JSON.stringify({ prompts: kinds.map((kind) => prompt(kind, random)) });
};
const KINDS = Array.from({ length: 40 }, (_, i) => (i % 5 < 3 ? 0 : 1)); // 24 and 16

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'clusters-command-'));
  await writeFile(join(cwd, 'two.json'), promptsOf(KINDS));
  await writeFile(join(cwd, 'one.json'), promptsOf(KINDS.map(() => 0)));
  await ok(...DISCOVER, '--data', 'two.json', '--per-prompt', 'float32', '--out', 'two');
}, 120_000);
afterAll(() => rm(cwd, { recursive: true }));

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runMain(args, { cwd });
  expect(code, stderr + stdout).toBe(0);
  return stdout;
}
const clusters = (...args: string[]) => ok('clusters', ...args, '--plugin', plugin, '--quiet');
const refused = (...args: string[]) => refusal([...args, '--plugin', plugin], { cwd });
const read = async (folder: string): Promise<Clusters> =>
  clustersSchema.parse(JSON.parse(await readFile(join(cwd, folder, 'clusters.json'), 'utf8')));

describe('clusters', () => {
  it('finds the two behaviours, whose circuits are whole where the shared one of the same size is not', async () => {
    const said = await clusters('two');
    const found = await read('two');
    expect(found).toMatchObject({ edges: 10, measuredOn: 'test', by: 'logit-diff', verdict: 'several' });
    const groupOf = (kind: number) => (found.groups[0]!.prompts >= 10 ? kind : 1 - kind);
    for (const list of [found.prompts, found.measured]) {
      expect(list).toHaveLength(20);
      for (const { index, group } of list) expect(group).toBe(groupOf(KINDS[index]!));
    }
    expect([...found.prompts, ...found.measured].map(({ index }) => index).sort((a, b) => a - b)).toEqual([
      ...KINDS.keys(),
    ]);
    // A behaviour's circuit has the edges among the input, its three heads and the output: 10, of which they share the direct one.
    expect(found.overlap[1]![2]).toBeCloseTo(1 / 19, 12);
    // Every layer multiplies what the behaviour reads by 2.5; by the other's circuit it goes only the direct way.
    for (const [g, row] of found.faithfulness.entries()) {
      const [shared, ...own] = row!.map(({ value }) => Number(value));
      expect(own[g]).toBeCloseTo(1, 5);
      expect(own[1 - g]).toBeCloseTo(1 / 2.5 ** 3, 5);
      expect(shared).toBeLessThan(0.99);
      expect(found.gains[g]!.low).toBeGreaterThan(0);
      expect(found.gains[g]!.value).toBeCloseTo(1 - shared!, 5);
    }
    for (const { group, kept } of found.measured) {
      expect(kept[1 + group]).toBeCloseTo(1, 5);
      expect(kept[2 - group]).toBeCloseTo(1 / 2.5 ** 3, 5);
    }
    expect(said).toContain('20 prompts in 2 groups, mean silhouette');
    expect(said).toContain('one circuit for all prompts is not justified: both groups are served better');
  });

  it('keeps all but its own files and the report as they were, and writes the same for the same', async () => {
    const contents = async () => {
      const names = (await readdir(join(cwd, 'two'))).sort();
      return Promise.all(names.map(async (name) => [name, await readFile(join(cwd, 'two', name), 'latin1')] as const));
    };
    const before = await contents();
    await clusters('two');
    expect(await contents()).toEqual(before);
    expect(before.map(([name]) => name)).toEqual(
      expect.arrayContaining(['circuit-group-1.json', 'circuit-group-2.json']),
    );
    expect(await ok('report', 'two', '--plugin', plugin)).toContain('report.html');
    expect(await contents()).toEqual(before);
    await clusters('two', '--groups', '1');
    expect((await contents()).map(([name]) => name)).not.toContain('circuit-group-2.json');
    expect(await read('two')).toMatchObject({ verdict: 'one', grouping: { asked: 1, silhouette: null } });
    await clusters('two');
    expect(await contents()).toEqual(before);
  });

  it('shows groups in the report, and circuits of groups can be measured like any other', async () => {
    const report = await readFile(join(cwd, 'two', 'report.html'), 'utf8');
    expect(report).toContain('Kinds of prompts');
    expect(report).toContain('circuit of group 2');
    const json = JSON.parse(
      await ok(
        'evaluate',
        'two/circuit-group-2.json',
        '--plugin',
        plugin,
        '--metric',
        'logit-diff',
        '--json',
        '--quiet',
      ),
    );
    expect(json.edges_kept ?? json.measurements[0].points[0].edges).toBe(10);
    const { grouped } = await readFinishedRun(join(cwd, 'two'));
    expect(grouped!.circuits.map(({ circuit }) => circuit.edges.length)).toEqual([10, 10]);
  });

  it('finds one kind in prompts of one kind', async () => {
    await ok(...DISCOVER, '--data', 'one.json', '--per-prompt', 'float16', '--test', 'same', '--out', 'one');
    const said = await clusters('one', '--groups', '2', '--edges', '10');
    expect(await read('one')).toMatchObject({ measuredOn: 'train', verdict: 'one' });
    expect(said).toContain('one circuit for all prompts is justified at this size');
    const json = JSON.parse(await clusters('one', '--json'));
    expect(json).toMatchObject({ verdict: 'one', groups: [{ prompts: 40, measured: 40 }], grouping: { asked: null } });
  });

  it('refuses runs without scores of prompts, numbers that cannot be, and a damaged result', async () => {
    await ok(...DISCOVER, '--data', 'two.json', '--out', 'without');
    expect(await refused('clusters', 'without')).toMatchObject({
      code: 'no-prompt-scores',
      fields: { path: 'without' },
    });
    expect(await refused('clusters', 'two', '--groups', '21')).toMatchObject({
      code: 'invalid-option',
      fields: { option: 'groups', got: 21 },
    });
    expect(await refused('clusters', 'two', '--edges', '26')).toMatchObject({ code: 'invalid-edge-count' });
    const path = join(cwd, 'two', 'circuit-group-1.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('B0', 'B1'));
    expect(await refused('clusters', 'two')).toMatchObject({
      code: 'run-damaged',
      fields: { file: 'circuit-group-1.json' },
    });
    await writeFile(path, text);
    await ok(...DISCOVER, '--data', 'two.json', '--per-prompt', 'float32', '--out', 'two', '--overwrite');
    expect((await readdir(join(cwd, 'two'))).filter((name) => /group|clusters/.test(name))).toEqual([]);
  });
});
