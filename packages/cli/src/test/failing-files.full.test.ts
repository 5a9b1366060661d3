/**
 * @file A file system that fails at one call of a command, or from one call on: full, read-only, broken. The command ends with a
 * sentence, nothing that was finished is lost, and resumed on a file system that works it comes to the same bytes.
 *
 *   FAILURES=10000 npx vitest run --config vitest.full.config.ts failing-files
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { LineRunner, type LineSettings } from './line-runner.js';

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
// In memory where that is possible: every file is synced.
const cwd = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'failing-files-'));
const at = (...names: string[]): string => join(cwd, ...names);

const shim = at('failing-files.so');
const compiled =
  process.platform === 'linux' &&
  spawnSync('gcc', ['-shared', '-fPIC', '-O1', '-o', shim, path('test-data/failing-files.c'), '-ldl']).status === 0;
const runner = new LineRunner(cwd, { LD_PRELOAD: shim });
afterAll(async () => {
  await runner.end();
  rmSync(cwd, { recursive: true, force: true });
});

/** At most so many failures of each command: all there are, or as many evenly chosen ones. */
const FAILURES = Number(process.env.FAILURES ?? 25);
const ERRNOS = { ENOSPC: constants.errno.ENOSPC, EROFS: constants.errno.EROFS, EIO: constants.errno.EIO };

const MICRO = ['--task', 'micro', '--plugin', path('test-data/micro-task.mjs'), '--backend', 'interpreter', '--quiet'];
/** Two batches, so that partial work is saved before the scores are there. */
const SCORES = [...MICRO, '--batch-size', '4', '--algo', 'integrated-edge-gradients'];
const SIZES = ['--edges', '3,8', '--keep', '8'];
const TRAINED = ['--algo', 'subnetwork-probing', '--algo.epochs', '3'];

/** Commands that write below one folder. */
interface Scenario {
  /** What is there before. */
  readonly before?: readonly (readonly string[])[];
  /** Run until one of them fails. */
  readonly lines: readonly (readonly string[])[];
  /** Run after that; must come to the bytes of what did not fail. */
  readonly again: readonly (readonly string[])[];
  /** Files that hold times or places, and files that are replaced on the way. */
  readonly others?: RegExp;
}
const SOME_FAILED = 1;
const FOLDER = 'out';
const evaluate = ['evaluate', FOLDER, '--plugin', path('test-data/micro-task.mjs'), '--quiet', '--edges', '2,5'];
const discovered = ['discover', ...SCORES, ...SIZES, '--out', FOLDER];
const trained = ['discover', ...MICRO, ...TRAINED, ...SIZES, '--out', FOLDER];
const experiment = ['experiment', 'study.json', '--workers', '0', '--quiet', '--out', FOLDER];
const shards = [
  ['plan', ...SCORES, ...SIZES, '--shards', '2', '--out', FOLDER],
  ['run-shard', FOLDER, '0', '--quiet'],
  ['run-shard', FOLDER, '1', '--quiet'],
  ['collect', FOLDER, '--quiet'],
];
const scenarios: Record<string, Scenario> = {
  discover: { lines: [discovered], again: [[...discovered, '--resume']] },
  'discover that trains': { lines: [trained], again: [[...trained, '--resume']] },
  evaluate: {
    before: [discovered],
    lines: [evaluate],
    again: [evaluate],
    others: /(measurements\.json|report\.html)$/,
  },
  experiment: {
    lines: [experiment],
    again: [[...experiment, '--resume']],
    others: /(results|experiment)\.(json|csv)$|report\.html$/,
  },
  'plan, run-shard, collect': { lines: shards, again: shards, others: /shards\/\d+\.json$/ },
};

/** Hashes of finished files below the folder, by name. */
function files(): Record<string, string> {
  if (!existsSync(at(FOLDER))) return {};
  const entries = readdirSync(at(FOLDER), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.') && entry.name !== 'timings.json')
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((name) => !/\/(partial|shards\/\d+)\//.test(name) && !/shards\/\d+\.json$/.test(name));
  const hash = (name: string) => createHash('sha256').update(readFileSync(name)).digest('hex');
  return Object.fromEntries(entries.sort().map((name) => [name.slice(at(FOLDER).length), hash(name)]));
}

interface Failure {
  readonly call: number;
  readonly name: string;
  readonly code: number;
  readonly always: boolean;
}

/** Runs lines until one fails. Locks that are left are those of a process that ended. */
async function runAll(lines: readonly (readonly string[])[], failure: Failure | null) {
  const settings: LineSettings = {
    remove: at('reset'),
    env: {
      ...{ FAIL_UNDER: at(FOLDER), FAIL_RESET: at('reset'), FAIL_COUNT: failure ? null : at('count') },
      ...{
        FAIL_AT: `${failure?.call ?? 0}`,
        FAIL_ERRNO: `${failure?.code ?? 0}`,
        FAIL_ALWAYS: failure?.always ? '1' : null,
      },
    },
  };
  let last = { code: 0, stdout: '', stderr: '' };
  for (const [i, line] of lines.entries()) {
    last = await runner.run(line, i === 0 ? settings : {});
    if (last.code !== 0) break;
  }
  const names = existsSync(at(FOLDER)) ? readdirSync(at(FOLDER), { recursive: true }) : [];
  if (names.some((name) => `${name}`.endsWith('.lock'))) await runner.end();
  return { code: last.code, stderr: last.stderr.replaceAll(/^warning: .*\n/gm, ''), all: last.stdout + last.stderr };
}

// Without gcc, or elsewhere than on Linux, there is nothing to fail with.
describe.skipIf(!compiled)('a file system that fails', () => {
  it.each(Object.entries(scenarios))(
    `at any call of %s: ${FAILURES} of them`,
    { timeout: 36_000_000 },
    async (_, scenario) => {
      const { before = [], lines, again, others = /^$/ } = scenario;
      writeFileSync(
        at('study.json'),
        JSON.stringify({
          ...{ plugins: [path('test-data/micro-task.mjs')], tasks: ['micro'], seeds: [0] },
          ...{ algos: ['random', 'eap'], settings: { backend: 'interpreter', edges: '3,8', keep: 8 } },
        }),
      );
      const fresh = async () => {
        rmSync(at(FOLDER), { recursive: true, force: true });
        if (existsSync(at('before'))) cpSync(at('before'), at(FOLDER), { recursive: true });
      };
      rmSync(at('before'), { recursive: true, force: true });
      await fresh();
      if (before.length > 0) {
        expect(await runAll(before, null)).toMatchObject({ code: 0, stderr: '' });
        cpSync(at(FOLDER), at('before'), { recursive: true });
      }
      expect(await runAll(lines, null)).toMatchObject({ code: 0, stderr: '' });
      const whole = files();
      await runner.run(['--version'], { remove: at('reset') });
      const calls = Number(readFileSync(at('count'), 'utf8'));
      expect(calls).toBeGreaterThan(20);

      const all = Array.from({ length: calls }, (_, i) => i + 1).flatMap((call) =>
        Object.entries(ERRNOS).flatMap(([name, code]) => [false, true].map((always) => ({ call, name, code, always }))),
      );
      const step = Math.max(1, all.length / FAILURES);
      let refused = 0;
      let tried = 0;
      for (let i = 0; i < all.length; i += step, tried++) {
        const failure = all[Math.floor(i)]!;
        const what = `call ${failure.call} of ${calls}, ${failure.name}${failure.always ? ' from then on' : ''}`;
        await fresh();
        const old = files();
        const { code, stderr, all: said } = await runAll(lines, failure);
        if (code !== 0) {
          // A cell may fail by itself, which the others outlive.
          if (code !== SOME_FAILED) expect([code, stderr], what).toEqual([2, expect.stringMatching(/^error: .*\n$/)]);
          expect(said, what).toMatch(/\[[\w-]+\] cannot /);
          refused++;
        }
        for (const [file, text] of Object.entries(files())) {
          if (file.endsWith('checksums.json') || others.test(file)) continue;
          expect(text, `${what}: ${file}`).toBe(whole[file]);
        }
        for (const file of Object.keys(old)) expect(existsSync(join(at(FOLDER), file)), `${what}: ${file}`).toBe(true);
        expect(await runAll(again, null), what).toMatchObject({ code: 0, stderr: '' });
        expect(files(), what).toEqual(whole);
      }
      console.log(`${tried} failures at ${calls} calls, ${refused} refused`);
      expect(refused).toBeGreaterThan(tried / 3);
    },
  );
});
