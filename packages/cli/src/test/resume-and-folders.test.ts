/** @file Folders that a command line gets by itself, runs gone on with by `--resume` alone, commands as they were typed. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMMANDS } from '../commands/all-commands.js';
import { folderName } from '../run/run-folder.js';
import { asTyped } from '../terminal/typed.js';
import { refusal, runMain } from './run-main.js';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'resume-'));
});
afterEach(() => rm(cwd, { recursive: true }));

const discover = (args: string, signal?: AbortSignal) =>
  runMain(['discover', ...args.split(' '), '--quiet'], { cwd, env: {}, ...(signal ? { signal } : {}) });
const RUN = '--task ioi-mini --limit 8 --edges 10 --keep 10';
const asked = async (folder: string) => JSON.parse(await readFile(join(cwd, folder, 'run.json'), 'utf8')).asked;

describe('the folder without --out', () => {
  it('is another one for other settings, so that nothing collides', async () => {
    for (const more of ['', ' --seed 1', ' --ablation zero', ' --residual'])
      expect((await discover(`${RUN} --algo random${more}`)).code).toBe(0);
    for (const steps of [1, 2])
      expect((await discover(`${RUN} --algo eap-ig-inputs --algo.steps ${steps}`)).code).toBe(0);
    expect((await readdir(join(cwd, 'runs'))).sort()).toEqual([
      'ioi-mini-ioi-mini-eap-ig-inputs-steps-1-limit-8-edges-10-keep-10',
      'ioi-mini-ioi-mini-eap-ig-inputs-steps-2-limit-8-edges-10-keep-10',
      'ioi-mini-ioi-mini-random-limit-8-edges-10-keep-10',
      'ioi-mini-ioi-mini-random-limit-8-edges-10-keep-10-ablation-zero',
      'ioi-mini-ioi-mini-random-limit-8-edges-10-keep-10-residual',
      'ioi-mini-ioi-mini-random-limit-8-edges-10-keep-10-seed-1',
    ]);
    expect(await refusal(['discover', ...`${RUN} --algo random --seed 1`.split(' ')], { cwd })).toMatchObject({
      code: 'run-exists',
    });
  });

  it.each([
    ['m/model/', 'model'],
    ['./model', 'model'],
    ['org/name', 'name'],
    ['a b.json', 'a-b'],
    ['.', expect.stringMatching(/^[\w-]+$/)],
  ])('has no empty part and no path for %s', (name, own) => {
    expect(folderName(name)).toEqual(own);
  });
});

describe('--resume', () => {
  const stopped = (args: string) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 700);
    return discover(args, controller.signal);
  };
  const LONG = '--task ioi-mini --algo exact --limit 60 --seed 3 --ablation zero --edges 5,10 --keep 5 --metric kl';

  it('goes on with what the run was asked, named by its folder, or the only unfinished one', async () => {
    const first = await stopped(`${LONG} --out runs/one`);
    expect(first.code).toBe(130);
    expect(first.stderr).toContain('to continue: auto-circuit discover --resume --out runs/one');
    const before = await asked('runs/one');
    expect((await discover('--resume')).code).toBe(0);
    expect(await asked('runs/one')).toEqual(before);
    const shown = await discover('--resume --out runs/one');
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining('5 of 262 edges kept')]);
    const whole = await discover(`${LONG} --out runs/two`);
    expect(whole.code).toBe(0);
    for (const file of ['circuit.json', 'measurements.json'])
      expect(await readFile(join(cwd, 'runs/one', file), 'utf8')).toBe(await readFile(join(cwd, 'runs/two', file), 'utf8')); // biome-ignore format: one line
  });

  it('names what is asked otherwise now, and what is not told apart', async () => {
    expect((await discover(`${RUN} --algo random --out runs/one`)).code).toBe(0);
    const changed = await refusal(['discover', '--resume', '--out', 'runs/one', '--seed', '4', '--residual'], { cwd });
    expect(changed).toMatchObject({
      code: 'run-exists',
      fields: { changes: expect.arrayContaining(['seed was 0 and is now 4', 'graph.factorized was true and is now false']) }, // biome-ignore format: one line
    });
    expect(await refusal(['discover', '--resume'], { cwd })).toMatchObject({ code: 'missing-option', fields: { known: [] } }); // biome-ignore format: one line
  });

  it('keeps the options of metrics', async () => {
    const line = '--task tracr-reverse --algo random --edges 10 --keep 10 --out r';
    const metric = ['--metric', 'roc-area(ties=pessimistic)'];
    const first = await runMain(['discover', ...line.split(' '), ...metric, '--quiet'], { cwd });
    expect(first.code, first.stderr).toBe(0);
    expect((await asked('r')).metrics).toEqual([{ name: 'roc-area', options: { ties: 'pessimistic' } }]);
    const shown = await discover('--resume --out r');
    expect(shown.code, shown.stderr).toBe(0);
  });

  it('reads no damaged file of a run, unless it is told to', async () => {
    expect((await discover(`${RUN} --algo random --out r`)).code).toBe(0);
    const path = join(cwd, 'r/measurements.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace(/"value": -?[0-9.e-]+/, '"value": 7'));
    expect(await refusal(['discover', '--resume', '--out', 'r'], { cwd })).toMatchObject({
      code: 'run-damaged',
      fields: { file: 'measurements.json' },
    });
    const forced = await discover('--resume --force --out r');
    expect([forced.code, forced.stderr]).toEqual([0, expect.stringContaining('measurements.json is not what the run wrote')]); // biome-ignore format: one line
  });

  it('does not print 64 digits', async () => {
    expect((await discover(`${RUN} --algo random --out runs/one`)).code).toBe(0);
    const path = join(cwd, 'runs/one/run.json');
    const run = await readFile(path, 'utf8');
    await writeFile(path, run.replace(/("hash": ")[0-9a-f]{64}/, `$1${'0'.repeat(64)}`));
    expect(await refusal(['discover', '--resume', '--out', 'runs/one'], { cwd })).toMatchObject({
      code: 'run-damaged',
    });
    const forced = await runMain(['discover', '--resume', '--force', '--out', 'runs/one', '--json'], { cwd });
    expect(forced.stderr).toMatch(/^warning: .*run\.json is not what the run wrote/);
    const { message, fields } = JSON.parse(forced.stdout).error;
    expect(message).toMatch(/data\.hash was "0{12}…" and is now "[0-9a-f]{12}…"/);
    expect(JSON.stringify(fields)).toContain('0'.repeat(64));
  });
});

describe('commands in sentences', () => {
  it('are written as they have to be typed', async () => {
    const npx = { cwd, env: { npm_command: 'exec' } };
    expect((await runMain(['list', 'a', 'b', 'c'], npx)).stderr).toContain('see: npx auto-circuit list --help');
    expect((await runMain(['list', 'a', 'b', 'c'], { cwd })).stderr).toContain('see: auto-circuit list --help');
    const help = (await runMain(['discover', '--help'], npx)).stdout;
    expect(help).toMatch(/^Usage: npx auto-circuit discover /);
    expect(help).toContain('$ npx auto-circuit discover --task ioi-mini');
    const run = await runMain(['discover', ...`${RUN} --algo random --out r --quiet`.split(' ')], npx);
    expect(run.stdout).toContain('next    npx auto-circuit view r');
  });

  it('are those that there are, and nothing else that begins like them', () => {
    const env = { npm_command: 'exec' };
    for (const command of COMMANDS) {
      const name = command.build().name();
      expect(asTyped(`auto-circuit ${name}`, env)).toBe(`npx auto-circuit ${name}`);
    }
    for (const text of ['"auto-circuit run 1"', 'npx auto-circuit list', '@auto-circuit/core', 'of auto-circuit, and'])
      expect(asTyped(text, env)).toBe(text);
  });
});
