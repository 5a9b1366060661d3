/**
 * @file With a real Redis (skipped where `redis-server` is not installed): the contract; plans through workers that are killed, and a
 * Redis that restarts, to the bytes of a local experiment; messages that ask for what a worker was not started for.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ExecutorWorker, parseOptions, seededRandom } from '@auto-circuit/core/plugin';
import { executorContract, runContract, SHARD_SCRIPT } from '@auto-circuit/core/testing';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bullmqExecutor } from './index.js';

const program = fileURLToPath(new URL('../../cli/dist/main.js', import.meta.url));
const plugin = fileURLToPath(new URL('../dist/index.js', import.meta.url));
const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
/** How many processes are killed in the middle of work; by hand more. */
const KILLS = Number(process.env.ENGINE_KILLS ?? 5);
const STUDY = {
  tasks: ['ioi-mini'],
  algos: ['eap', 'clean-corrupted', { name: 'ig', algo: 'eap-ig-inputs', options: { steps: 10 } }],
  seeds: [0, 1],
  settings: { limit: 32, batchSize: 4, edges: [20, 40], keep: 40 },
};

let root: string;
let port: number;
let server: ChildProcess;
const started: ChildProcess[] = [];

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port: free } = probe.address() as { port: number };
  await new Promise((done) => probe.close(done));
  return free;
}
async function startRedis(): Promise<void> {
  const dir = join(root, 'redis');
  await mkdir(dir, { recursive: true });
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, '--appendonly', 'yes', '--appendfsync', 'always', '--save', '']; // biome-ignore format: one line
  server = spawn('redis-server', args, { stdio: 'ignore' });
  started.push(server);
  const client = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on('error', () => undefined); // until it is there
  await client.ping();
  client.disconnect();
}
async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}
const url = () => `redis://127.0.0.1:${port}`;
const queueFlags = (queue: string) => ['--plugin', plugin, '--executor', 'bullmq', '--executor.redis', url(), '--executor.queue', queue]; // biome-ignore format: one line

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'bullmq-'));
  if (!hasRedis) return;
  port = await freePort();
  await startRedis();
  await writeFile(join(root, 'study.json'), JSON.stringify(STUDY));
});
afterAll(async () => {
  for (const child of started) await kill(child, 'SIGKILL');
  await rm(root, { recursive: true });
});

function cli(...args: string[]): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: root, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}
function ok(...args: string[]): string {
  const { code, stdout, stderr } = cli(...args);
  expect(code, stderr + stdout).toBe(0);
  return stdout;
}
function startWorker(queue: string, roots = root, cwd = root): ChildProcess & { said: string } {
  const args = [program, 'worker', ...queueFlags(queue), '--roots', roots, '--executor.lock-seconds', '2'];
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  started.push(child);
  const worker = Object.assign(child, { said: '' });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    worker.said += text;
  });
  return worker;
}
/** A command that is not waited for. */
function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [program, ...args], { cwd: root, stdio: 'ignore' });
  started.push(child);
  return child;
}
async function exited(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}
/** Kills the process that a worker does a shard in. @returns whether there was one */
function killTask({ pid }: ChildProcess): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', `${pid}`], { encoding: 'utf8' });
  const [task] = stdout.trim().split(/\s+/).filter(Boolean).map(Number);
  if (task === undefined) return false;
  try {
    process.kill(task, 'SIGKILL');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false; // it has just ended
    throw error;
  }
}
const counts = (plan: string) => JSON.parse(cli('status', plan, '--json').stdout) as { done: number; shards: object[] };
async function files(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== 'timings.json')
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const entries = names.map(async (name) => [name.slice(join(root, folder).length), await readFile(name, 'latin1')]);
  return Object.fromEntries(await Promise.all(entries));
}

describe.skipIf(!hasRedis)('with a worker in this process', () => {
  const options = () =>
    parseOptions(bullmqExecutor.options, { redis: url(), queue: 'contract', concurrency: 2 }, 'test');
  const stop = new AbortController();
  const children = new Set<ChildProcess>();
  let working: Promise<void>;
  beforeAll(() => {
    const run: ExecutorWorker['run'] = async ({ folder, shard }) => {
      const child = spawn(process.execPath, [join(folder, SHARD_SCRIPT), folder, `${shard}`], { stdio: 'ignore' });
      children.add(child);
      const [code] = await once(child, 'exit');
      children.delete(child);
      return code === 0 ? 'done' : 'failed';
    };
    working = bullmqExecutor.work!({ run, signal: stop.signal, say: () => undefined }, options());
  });
  afterAll(async () => {
    stop.abort();
    for (const child of children) child.kill('SIGKILL');
    await working;
  });
  const checks = executorContract(bullmqExecutor, { options: {} });
  runContract(
    'bullmq',
    checks.map(({ name }, i) => ({
      name,
      run: () => executorContract(bullmqExecutor, { options: { redis: url(), queue: 'contract' } })[i]!.run(),
    })),
    { describe, it },
  );
});

describe.skipIf(!hasRedis)('a plan through the queue', () => {
  it(`comes to the bytes of a local experiment: workers, tasks, submitters and Redis killed, ${KILLS} in all`, {
    timeout: 7_200_000,
  }, async () => {
    ok('experiment', 'study.json', '--workers', '0', '--threads', '1', '--out', 'local');
    const random = seededRandom(3, 'killed workers');
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random.uniform() * list.length)]!;
    const local = await files('local');
    const kills = { worker: 0, task: 0, submitter: 0, redis: 0 };
    const killed = () => Object.values(kills).reduce((sum, n) => sum + n, 0);
    for (let round = 0; round === 0 || killed() < KILLS; round++) {
      const [plan, queue] = [`plan-${round}`, `queue-${round}`];
      ok('plan', 'study.json', '--threads', '1', '--shards', '12', '--out', plan);
      const submit = () => start('submit', plan, ...queueFlags(queue));
      const workers = Array.from({ length: 3 }, () => startWorker(queue));
      if (killed() < KILLS) {
        const submitter = submit();
        await sleep(random.uniform() * 1500); // before, while and after it adds jobs
        await kill(submitter, 'SIGKILL');
        kills.submitter++;
      }
      // twice at once
      for (const child of [submit(), submit()]) expect(await exited(child), 'submitted').toBe(0);
      const end = performance.now() + 1_800_000;
      while (counts(plan).done < 12) {
        expect(performance.now(), workers.map(({ said }) => said).join('')).toBeLessThan(end);
        await sleep(500 + random.uniform() * 1500);
        if (killed() >= KILLS) continue;
        const what = pick(['worker', 'worker', 'task', 'task', 'redis'] as const);
        const i = Math.floor(random.uniform() * workers.length);
        if (what === 'redis') {
          await kill(server, 'SIGKILL');
          await sleep(random.uniform() * 1000);
          await startRedis();
        } else if (what === 'worker') {
          await kill(workers[i]!, random.uniform() < 0.7 ? 'SIGKILL' : 'SIGTERM');
          workers[i] = startWorker(queue);
        } else if (!killTask(workers[i]!)) continue;
        kills[what]++;
      }
      ok('collect', plan);
      expect(await files(`${plan}/result`), `round ${round}`).toEqual(local);
      expect(await readdir(join(root, plan, 'shards')), 'a record of each shard and no others').toHaveLength(12);
      for (const worker of workers) await kill(worker, 'SIGTERM');
      console.log(`round ${round}: ${JSON.stringify(kills)}`);
    }
  });

  it('with workers that see another folder: results through Redis, and a forged one is refused', {
    timeout: 600_000,
  }, async () => {
    const [home, away] = [join(root, 'home'), join(root, 'away')];
    for (const folder of [home, away]) await mkdir(folder);
    await writeFile(join(home, 'study.json'), JSON.stringify(STUDY));
    const at = (cwd: string, ...args: string[]) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd, encoding: 'utf8' });
      expect(status, stderr + stdout).toBe(0);
      return stdout + stderr;
    };
    at(home, 'experiment', 'study.json', '--workers', '0', '--threads', '1', '--out', 'local');
    at(home, 'plan', 'study.json', '--threads', '1', '--shards', '9', '--out', 'plan');
    const { sha256, units } = JSON.parse(await readFile(join(home, 'plan', 'plan.json'), 'utf8'));
    expect(units.some(({ range }: { range: unknown }) => range !== null) && units.length).toBeGreaterThan(6);
    // somebody puts something into Redis before a worker can
    const connection = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null });
    const forged = { format: 'auto-circuit result 1', plan: sha256, shard: 2, files: [{ path: '../../../evil.txt', bytes: 4, sha256: 'x' }] }; // biome-ignore format: one line
    const keys = `auto-circuit:elsewhere-carried:`;
    await connection.rpush(`${keys}result:${sha256}:2`, `${JSON.stringify(forged)}\nevil`);
    await connection.sadd(`${keys}results:${sha256}`, '2');
    const workers = [0, 1].map(() => startWorker('elsewhere', away, away));
    const said = at(home, 'submit', 'plan', ...queueFlags('elsewhere'), '--executor.results', 'redis');
    expect(said).toMatch(/what came back of shard 2 is refused: .*evil\.txt.* is no file of this shard/);
    expect(said.match(/shard \d+ came back/g)).toHaveLength(9);
    at(home, 'collect', 'plan');
    expect(await files('home/plan/result')).toEqual(await files('home/local'));
    expect(await connection.keys(`${keys}result*`), 'nothing is left but the plan').toEqual([]);
    connection.disconnect();
    for (const worker of workers) await kill(worker, 'SIGTERM');
    expect(await readdir(away), 'workers keep nothing but the plan').toEqual(['.auto-circuit-plans']);
  });

  it('refuses what its workers were not started for, and goes on with the next', { timeout: 300_000 }, async () => {
    await mkdir(join(root, 'inside'));
    const study = { ...STUDY, algos: ['eap'], seeds: [0] };
    await writeFile(join(root, 'inside', 'study.json'), JSON.stringify(study));
    const planIn = (folder: string) => {
      const args = ['plan', join(root, folder, 'study.json'), '--threads', '1', '--shards', '1', '--out', 'plan'];
      const { status, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: join(root, folder), encoding: 'utf8' }); // biome-ignore format: one line
      expect(status, stderr).toBe(0);
    };
    planIn('inside');
    await mkdir(join(root, 'outside'));
    await writeFile(join(root, 'outside', 'study.json'), JSON.stringify(study));
    planIn('outside');
    const worker = startWorker('poisoned', join(root, 'inside'));
    const { sha256 } = JSON.parse(await readFile(join(root, 'inside', 'plan', 'plan.json'), 'utf8'));
    const connection = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null });
    const queue = new Queue('poisoned', { connection, prefix: 'auto-circuit' });
    const folder = join(root, 'inside', 'plan');
    for (const data of [
      { folder: join(root, 'outside', 'plan'), plan: sha256, shard: 0 },
      { folder: `${join(root, 'inside')}/../outside/plan`, plan: sha256, shard: 0 },
      { folder, plan: 'another', shard: 0 },
      { folder, plan: sha256, shard: 1 },
      { folder, plan: sha256, shard: 0, plugins: ['/evil.mjs'] },
      { command: 'rm -rf /' },
    ]) {
      await queue.add('shard', data);
    }
    await queue.add('shard', { folder, plan: sha256, shard: 0 });
    while (counts('inside/plan').done < 1) await sleep(200);
    expect(counts('outside/plan').done).toBe(0);
    expect(worker.said.match(/is refused|is none of ours/g)).toHaveLength(6);
    await queue.close();
    connection.disconnect();
    await kill(worker, 'SIGTERM');
  });

  it('says in a sentence where Redis is not', () => {
    ok('plan', 'study.json', '--threads', '1', '--shards', '1', '--out', 'nowhere');
    const { code, stderr } = cli(
      'submit',
      'nowhere',
      ...queueFlags('x').slice(0, 4),
      '--executor.redis',
      'redis://127.0.0.1:1',
    );
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/Redis at redis:\/\/127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED/),
    ]);
  });
});
