/**
 * @file A file system that fails at one call of a run, or from one call on: full, read-only, broken. The run ends with a sentence,
 * nothing that was finished is lost, and resumed on a file system that works it comes to the same bytes.
 *
 *   FAILURES=1000 npx vitest run --config vitest.full.config.ts failing-files
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const cwd = mkdtempSync(join(tmpdir(), 'failing-files-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const shim = join(cwd, 'failing-files.so');
const compiled =
  process.platform === 'linux' &&
  spawnSync('gcc', ['-shared', '-fPIC', '-O1', '-o', shim, path('test-data/failing-files.c'), '-ldl']).status === 0;

/** At most so many failures: all there are, or as many evenly chosen ones. */
const FAILURES = Number(process.env.FAILURES ?? 24);
const ERRNOS = { ENOSPC: constants.errno.ENOSPC, EROFS: constants.errno.EROFS, EIO: constants.errno.EIO };
const ARGS = [
  ...['discover', '--task', 'micro', '--plugin', path('test-data/micro-task.mjs'), '--backend', 'interpreter'],
  // Two batches, so that partial work is saved before the scores are there.
  ...['--batch-size', '4', '--algo', 'integrated-edge-gradients', '--edges', '3,8', '--keep', '8', '--quiet'],
];

function run(folder: string, env: Readonly<Record<string, string>>, ...more: string[]) {
  const { status, stderr } = spawnSync(
    process.execPath,
    [path('dist/main.js'), ...ARGS, '--out', join(cwd, folder), ...more],
    {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, ...env },
    },
  );
  return { status, stderr };
}

/** Finished files by name. */
function files(folder: string): Record<string, string> {
  const names = readdirSync(join(cwd, folder), { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.') && entry.name !== 'timings.json')
    .map(({ name }) => name);
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(cwd, folder, name), 'latin1')]));
}

// Without gcc, or elsewhere than on Linux, there is nothing to fail with.
describe.skipIf(!compiled)('a file system that fails', () => {
  it(`at any call of a run: ${FAILURES} of them`, { timeout: 3_600_000 }, () => {
    const count = join(cwd, 'count');
    const watched = { LD_PRELOAD: shim, FAIL_UNDER: join(cwd, 'whole'), FAIL_COUNT: count };
    expect(run('whole', watched).status).toBe(0);
    const whole = files('whole');
    const calls = Number(readFileSync(count, 'utf8'));
    expect(calls).toBeGreaterThan(60);

    const all = Array.from({ length: calls }, (_, i) => i + 1).flatMap((at) =>
      Object.entries(ERRNOS).map(([name, code]) => ({ at, name, code })),
    );
    const step = Math.max(1, all.length / FAILURES);
    let refused = 0;
    for (let i = 0; i < all.length; i += step) {
      const { at, name, code } = all[Math.floor(i)]!;
      const always = at % 2 === 0;
      const what = `call ${at} of ${calls}, ${name}${always ? ' from then on' : ''}`;
      rmSync(join(cwd, 'failed'), { recursive: true, force: true });
      const failing = { FAIL_UNDER: join(cwd, 'failed'), FAIL_AT: `${at}`, FAIL_ERRNO: `${code}` };
      const { status, stderr } = run('failed', {
        LD_PRELOAD: shim,
        ...failing,
        ...(always ? { FAIL_ALWAYS: '1' } : {}),
      });
      if (status !== 0) {
        expect([status, stderr], what).toEqual([
          2,
          expect.stringMatching(/^(warning: .*\n)*error: \[\w+\] cannot .*\n$/),
        ]);
        refused++;
      }
      const left = existsSync(join(cwd, 'failed')) ? files('failed') : {};
      for (const [file, text] of Object.entries(left)) {
        if (file !== 'checksums.json') expect(text, `${what}: ${file}`).toBe(whole[file]);
      }
      const again = run('failed', {}, '--resume');
      expect([again.status, again.stderr.replaceAll(/^warning: .*\n/gm, '')], what).toEqual([0, '']);
      expect(files('failed'), what).toEqual(whole);
    }
    expect(refused).toBeGreaterThan(FAILURES / 3);
  });
});
