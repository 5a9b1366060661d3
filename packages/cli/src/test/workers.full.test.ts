/** @file `--worker` and `--workers`: the built program, since Node.js runs no TypeScript. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
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
