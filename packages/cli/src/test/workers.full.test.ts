/** @file `--worker` and `--workers`: the built program, since Node.js runs no TypeScript. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'workers-'));
});
afterAll(() => rm(cwd, { recursive: true }));

describe('--workers', () => {
  const discover = (workers: number, folder: string, more: readonly string[]) => {
    const shares = ['--workers', `${workers}`, '--threads', `${workers}`];
    const args = ['discover', '--task', 'ioi-mini', '--limit', '160', '--quiet', '--out', folder, ...shares, ...more];
    const { status, stderr } = spawnSync(process.execPath, [MAIN, ...args], { cwd, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  };

  it.each([
    ['eap', ['--algo', 'eap']],
    ['learned-masks', ['--algo', 'subnetwork-probing', '--algo.epochs', '3', '--edges', '20,100', '--keep', '100']],
    ['batch-mean', ['--algo', 'eap-ig-inputs', '--ablation', 'batch-mean', '--edges', '20,100', '--keep', '100']],
  ] as const)('gives the same bytes with 1, 2 and 3 processes of one thread: %s', async (name, more) => {
    for (const workers of [1, 2, 3]) discover(workers, `${name}-${workers}`, more);
    for (const file of ['run.json', 'scores.safetensors', 'circuit.json', 'measurements.json', 'report.html']) {
      const [one, ...others] = await Promise.all([1, 2, 3].map((n) => readFile(join(cwd, `${name}-${n}`, file))));
      for (const other of others) expect(other.equals(one!), file).toBe(true);
    }
    const memory = async (workers: number): Promise<number> =>
      JSON.parse(await readFile(join(cwd, `${name}-${workers}`, 'timings.json'), 'utf8')).memoryMb;
    expect(await memory(3)).toBeGreaterThan((await memory(1)) + 2 * 40); // two more processes of Node.js with a runtime
  });
});

describe('a backend of a plugin', () => {
  /** The interpreter under another name; `broken` throws when it is made. */
  const SOURCE = `import { defineBackend, definePlugin, interpreterBackend } from '@auto-circuit/core/backend';
const probe = async () => [];
const mine = { options: {}, probe, doc: 'the interpreter under another name' };
export default definePlugin({ name: 'mine', contributes: [
  defineBackend({ ...mine, name: 'mine', create: async () => ({ ...interpreterBackend({ precision: 'float32' }), info: { ...interpreterBackend({ precision: 'float32' }).info, backend: 'mine', runtime: 'in ' + (process.send ? 'a process' : 'this process') } }) }),
  defineBackend({ ...mine, name: 'broken', create: async () => { throw new TypeError('no such thing'); } }),
] });`;
  const program = (...args: string[]) =>
    spawnSync(process.execPath, [MAIN, ...args, '--plugin', './mine.mjs'], { cwd, encoding: 'utf8' });
  beforeAll(async () => {
    await writeFile(join(cwd, 'mine.mjs'), SOURCE);
    await symlink(
      fileURLToPath(new URL('../../../../node_modules', import.meta.url)),
      join(cwd, 'node_modules'),
      'junction',
    );
  });
  const DISCOVER = [
    'discover',
    '--task',
    'ioi-mini',
    '--algo',
    'eap',
    '--limit',
    '16',
    '--test',
    'same',
    '--edges',
    '10',
    '--keep',
    '10',
  ];

  it('runs with --workers and --worker, to the same numbers', async () => {
    const files: Buffer[] = [];
    for (const [name, more] of Object.entries({ here: [], two: ['--workers', '2'], thread: ['--worker'] })) {
      const { status, stderr } = program(...DISCOVER, '--backend', 'mine', '--quiet', '--out', `mine-${name}`, ...more);
      expect([status, stderr]).toEqual([0, '']);
      files.push(await readFile(join(cwd, `mine-${name}`, 'scores.safetensors')));
    }
    for (const file of files) expect(file.equals(files[0]!)).toBe(true);
    const run = JSON.parse(await readFile(join(cwd, 'mine-two', 'run.json'), 'utf8'));
    expect(JSON.stringify(run)).toContain('in a process');
  });
  it('is named where it throws in a worker', () => {
    const { status, stdout } = program(
      ...DISCOVER,
      '--backend',
      'broken',
      '--workers',
      '2',
      '--json',
      '--quiet',
      '--out',
      'broken',
    );
    expect(status).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'plugin-failed',
      message: expect.stringMatching(/mine\.mjs.*create.*no such thing/),
    });
  });
});

describe('--worker', () => {
  const program = (args: string, onStderr: (text: string, kill: () => void) => void = () => undefined) => {
    const child = spawn(process.execPath, [MAIN, ...args.split(' ')], { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      onStderr(stderr, () => child.kill('SIGINT'));
    });
    return new Promise<{ code: number | null; stderr: string }>((done) =>
      child.on('close', (code) => done({ code, stderr })),
    );
  };

  it('gives the same files', async () => {
    for (const backend of ['onnx', 'tfjs']) {
      const command = `discover --task ioi-mini --algo eap --limit 64 --backend ${backend} --quiet --out`;
      expect(await program(`${command} ${backend}`)).toEqual({ code: 0, stderr: '' });
      expect(await program(`${command} ${backend}-worker --worker`)).toEqual({ code: 0, stderr: '' });
      for (const name of ['run.json', 'scores.safetensors', 'circuit.json', 'measurements.json', 'report.html']) {
        const [here, there] = await Promise.all(
          [backend, `${backend}-worker`].map((folder) => readFile(join(cwd, folder, name))),
        );
        expect(there!.equals(here!), name).toBe(true);
      }
    }
  });

  it.skipIf(process.platform === 'win32')('hears Ctrl-C at once, within a step too', async () => {
    let [killed, heard] = [0, 0];
    const { code, stderr } = await program(
      'discover --task ioi-mini --algo eap --backend interpreter --worker --out stopped',
      (text, kill) => {
        if (text.includes('backend ') && killed === 0) {
          killed = Number.POSITIVE_INFINITY;
          void sleep(700).then(() => {
            killed = performance.now();
            kill();
          });
        }
        if (text.includes('press Ctrl-C again') && heard === 0) heard = performance.now();
      },
    );
    expect(code).toBe(130);
    expect(stderr).toMatch(/interrupted: /);
    expect(heard - killed).toBeGreaterThan(0);
    expect(heard - killed).toBeLessThan(300);
  });
});
