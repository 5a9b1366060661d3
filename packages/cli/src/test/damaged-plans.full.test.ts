/**
 * @file Files of plans and experiments, damaged in every way that a seed draws: whoever goes on comes to the same results or is
 * refused, each time with a sentence, and soon.
 *
 *   MUTATIONS=2000 npx vitest run --config vitest.full.config.ts damaged-plans
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@auto-circuit/core/plugin';
import { damageFile, filesBelow, writeFilesBelow } from '@auto-circuit/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from './run-main.js';

const plugin = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));
// In memory where that is possible: every file is synced.
const cwd = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'damaged-plans-'));
afterAll(() => rmSync(cwd, { recursive: true }));

const MUTATIONS = Number(process.env.MUTATIONS ?? 100);
const FOLDER = 'out';
const folder = join(cwd, FOLDER);
const THREADS = ['--threads', '1', '--quiet'];
const RUN = [
  ...['--task', 'micro', '--plugin', plugin, '--backend', 'interpreter', '--batch-size', '4', ...THREADS],
  ...['--algo', 'integrated-edge-gradients', '--edges', '3,8', '--keep', '8'],
];
const shard = (i: number) => ['run-shard', FOLDER, `${i}`, '--quiet'];
const collect = ['collect', FOLDER, '--quiet'];
const status = ['status', FOLDER, '--quiet'];
const experiment = ['experiment', 'study.json', '--workers', '0', '--resume', ...THREADS, '--out', FOLDER];

interface Scenario {
  readonly lines: readonly (readonly string[])[];
  /** Run once a file is damaged. */
  readonly again: readonly (readonly string[])[];
}
const scenarios: Record<string, Scenario> = {
  'a plan of a run': {
    lines: [['plan', ...RUN, '--shards', '2', '--out', FOLDER], shard(0), shard(1), collect],
    again: [status, shard(0), shard(1), status, collect],
  },
  'a plan of an experiment': {
    lines: [
      ['plan', 'study.json', ...THREADS, '--shards', '3', '--out', FOLDER],
      shard(0),
      shard(1),
      shard(2),
      collect,
    ],
    again: [status, shard(0), shard(1), shard(2), status, collect],
  },
  'an experiment': { lines: [[...experiment, '--only', '*random*'], experiment], again: [experiment] },
};

beforeAll(() => {
  const settings = { backend: 'interpreter', edges: '3,8', keep: 8, batchSize: 4 };
  const study = { plugins: [plugin], tasks: ['micro'], seeds: [0], algos: ['random', 'eap'], settings };
  writeFileSync(join(cwd, 'study.json'), JSON.stringify(study));
});

/** What must be the same. Who did a shard, when and where, is no result. */
const results = (files: Record<string, Buffer>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(files).flatMap(([name, bytes]) => {
      if (/^(shards|parts|logs)\/|(^|\/)(timings\.json|plan\.json|report\.html)$/.test(name)) return [];
      const text = bytes.toString('latin1');
      return [[name, name.endsWith('checksums.json') ? JSON.stringify(JSON.parse(text)) : text]];
    }),
  );

const MISTAKE = 2;
/** Some failed, which is said where it is. */
const SOME_FAILED = 1;

describe('a damaged file', () => {
  it.each(Object.entries(scenarios))(`of %s: ${MUTATIONS}`, { timeout: 36_000_000 }, async (_, { lines, again }) => {
    const stages: Record<string, Buffer>[] = [];
    rmSync(folder, { recursive: true, force: true });
    for (const line of lines) {
      const { code, stderr } = await runMain(line, { cwd });
      expect(code, stderr).toBe(0);
      stages.push(filesBelow(folder));
    }
    const whole = results(stages.at(-1)!);
    const outcomes: Record<string, number> = {};
    for (let round = 0; round < MUTATIONS; round++) {
      const random = seededRandom(round, 'damaged plans');
      const stage = round % stages.length;
      writeFilesBelow(folder, stages[stage]!);
      const what = `round ${round}, after line ${stage}: ${damageFile(folder, stages[stage]!, random)}`;
      let last = 0;
      for (const line of again) {
        const { code, stdout, stderr } = await runMain(line, { cwd });
        const said = `${what}\n${line.join(' ')}: ${code}\n${stderr}${stdout}`;
        expect([0, SOME_FAILED, MISTAKE], said).toContain(code);
        expect(stderr, said).not.toMatch(/a bug in auto-circuit/);
        if (code === MISTAKE) expect(stderr, said).toMatch(/^error: \[[\w-]+\] .+\n$/m);
        if (code === SOME_FAILED) expect(stdout + stderr, said).toMatch(/failed/);
        last = code;
      }
      if (last === 0) expect(results(filesBelow(folder)), what).toEqual(whole);
      outcomes[last] = (outcomes[last] ?? 0) + 1;
    }
    console.log(outcomes);
    expect(outcomes[0]).toBeGreaterThan(0);
    expect(outcomes[MISTAKE] ?? outcomes[SOME_FAILED]).toBeGreaterThan(0);
  });
});
