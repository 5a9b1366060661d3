/** @file With a real Slurm of one node (skipped where it is not installed): the contract, and plans to the bytes of a local experiment. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@auto-circuit/core/plugin';
import { executorContract, runContract } from '@auto-circuit/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { slurmExecutor } from './index.js';

const program = fileURLToPath(new URL('../../cli/dist/main.js', import.meta.url));
const plugin = fileURLToPath(new URL('../dist/index.js', import.meta.url));
// slurmd runs as root and nobody else.
const hasSlurm =
  process.getuid?.() === 0 && ['slurmctld', 'slurmd'].every((name) => spawnSync(name, ['-V']).status === 0);
const STUDY = {
  tasks: ['ioi-mini'],
  algos: ['eap', 'clean-corrupted', { name: 'ig', algo: 'eap-ig-inputs', options: { steps: 300 } }],
  settings: { limit: 32, batchSize: 4, edges: [40], keep: 40 },
};
/** How many processes are killed in the middle of work; by hand more. */
const KILLS = Number(process.env.ENGINE_KILLS ?? 4);
const FLAGS = ['--plugin', plugin, '--executor', 'slurm'];

let root: string;
const daemons: ChildProcess[] = [];

/** They are ended in reverse order. */
function startDaemon(name: 'slurmctld' | 'slurmd'): void {
  const child = spawn(name, ['-D', '-f', join(root, 'slurm.conf')], { stdio: 'ignore' });
  daemons[name === 'slurmctld' ? 0 : 1] = child;
}
async function restartController(): Promise<void> {
  const [controller] = daemons;
  controller!.kill('SIGKILL');
  await once(controller!, 'exit');
  startDaemon('slurmctld');
  for (const end = performance.now() + 60_000; spawnSync('squeue', ['-h']).status !== 0; ) {
    expect(performance.now(), 'the controller comes back').toBeLessThan(end);
    await sleep(500);
  }
}
/** Kills one process that does a shard of a plan. @returns whether there was one */
function killTask(plan: string): boolean {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' });
  const line = stdout.split('\n').find((one) => one.includes('run-shard') && one.includes(join(root, plan)));
  if (line === undefined) return false;
  return spawnSync('kill', ['-KILL', line.trim().split(' ')[0]!]).status === 0;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  await new Promise((done) => probe.close(done));
  return port;
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slurm-'));
  if (!hasSlurm) return;
  const at = (name: string) => join(root, name);
  for (const name of ['state', 'spool']) await mkdir(at(name));
  const conf = `
ClusterName=test
SlurmctldHost=${hostname()}(127.0.0.1)
SlurmUser=root
AuthType=auth/none
CredType=cred/none
SlurmctldPort=${await freePort()}
SlurmdPort=${await freePort()}
StateSaveLocation=${at('state')}
SlurmdSpoolDir=${at('spool')}
SlurmctldPidFile=${at('slurmctld.pid')}
SlurmdPidFile=${at('slurmd.pid')}
SlurmctldLogFile=${at('slurmctld.log')}
SlurmdLogFile=${at('slurmd.log')}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
SlurmdParameters=config_overrides
NodeName=${hostname()} NodeAddr=127.0.0.1 CPUs=4 RealMemory=4096 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`;
  await writeFile(at('slurm.conf'), conf);
  process.env.SLURM_CONF = at('slurm.conf');
  for (const name of ['slurmctld', 'slurmd'] as const) {
    startDaemon(name);
    await sleep(1000);
  }
  const end = performance.now() + 60_000;
  while (!/idle/.test(spawnSync('sinfo', ['-h', '-o', '%T'], { encoding: 'utf8' }).stdout)) {
    if (performance.now() > end) throw new Error(await readFile(at('slurmctld.log'), 'utf8'));
    await sleep(500);
  }
  await writeFile(at('study.json'), JSON.stringify(STUDY));
});
afterAll(async () => {
  for (const child of daemons.toReversed()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await Promise.race([once(child, 'exit'), sleep(20_000, undefined, { ref: false })]);
  }
  await rm(root, { recursive: true, force: true });
});

function ok(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: root, encoding: 'utf8' });
  expect(status, stderr + stdout).toBe(0);
  return stdout + stderr;
}
const done = (plan: string): number =>
  JSON.parse(spawnSync(process.execPath, [program, 'status', plan, '--json'], { cwd: root, encoding: 'utf8' }).stdout)
    .done;
const queued = (): string => execFileSync('squeue', ['-h', '-r', '-o', '%i %T %j'], { encoding: 'utf8' });
async function files(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== 'timings.json')
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const entries = names.map(async (name) => [name.slice(join(root, folder).length), await readFile(name, 'latin1')]);
  return Object.fromEntries(await Promise.all(entries));
}
async function waitFor<T>(found: () => T | null): Promise<T> {
  for (const end = performance.now() + 120_000; ; ) {
    const value = found();
    if (value !== null) return value;
    expect(performance.now(), queued()).toBeLessThan(end);
    await sleep(200);
  }
}
async function allDone(plan: string, shards: number): Promise<void> {
  const end = performance.now() + 240_000;
  while (done(plan) < shards) {
    const logs = (await readdir(join(root, plan, 'logs'))).map((name) => join(root, plan, 'logs', name));
    if (performance.now() > end) throw new Error((await Promise.all(logs.map((log) => readFile(log, 'utf8')))).join('\n') + queued()); // biome-ignore format: one line
    await sleep(1000);
    // a requeued task waits two minutes, unless it is told otherwise; while it still ends, it cannot be told
    for (const [task] of queued().matchAll(/^\S+(?= PENDING)/gm)) {
      spawnSync('scontrol', ['update', `JobId=${task}`, 'StartTime=now']);
    }
  }
}

describe.skipIf(!hasSlurm)('with a Slurm of one node', () => {
  runContract('slurm', executorContract(slurmExecutor), { describe, it });

  it('an array of 4, submitted twice and requeued once, comes to the bytes of a local experiment', {
    timeout: 600_000,
  }, async () => {
    ok('experiment', 'study.json', '--workers', '0', '--threads', '1', '--out', 'local');
    ok('plan', 'study.json', '--threads', '1', '--shards', '4', '--out', 'plan');
    // the node takes nothing until both submissions are in
    const node = (...state: string[]) => execFileSync('scontrol', ['update', `NodeName=${hostname()}`, ...state]);
    node('State=DRAIN', 'Reason=test');
    expect(ok('submit', 'plan', ...FLAGS, '--executor.memory', '1G', '--executor.time', '01:00:00')).toMatch(
      /job \d+ \(ac-study-[0-9a-f]{12}\): 4 shards/,
    );
    expect(ok('submit', 'plan', ...FLAGS)).toContain('4 shards are in the queue already');
    node('State=RESUME');
    while (!queued().includes('RUNNING')) await sleep(100);
    const [task] = /^\S+(?= RUNNING)/m.exec(queued())!;
    execFileSync('scontrol', ['requeue', task]);
    await allDone('plan', 4);
    ok('collect', 'plan');
    expect(await files('plan/result')).toEqual(await files('local'));
  });

  it('status says what Slurm knows of shards that wait, run, and were lost', { timeout: 300_000 }, async () => {
    ok('plan', 'study.json', '--threads', '1', '--shards', '3', '--out', 'looked');
    const look = () => {
      const args = [program, 'status', 'looked', ...FLAGS, '--json', '--quiet'];
      const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
      return { status, ...(JSON.parse(stdout) as { lost: number; shards: { executor?: { state: string; text: string } }[] }) }; // biome-ignore format: one line
    };
    const node = (...state: string[]) => execFileSync('scontrol', ['update', `NodeName=${hostname()}`, ...state]);
    node('State=DRAIN', 'Reason=test');
    ok('submit', 'looked', ...FLAGS);
    await sleep(2000); // until the scheduler has looked at them
    const waiting = look();
    expect(waiting.status).toBe(0);
    for (const { executor } of waiting.shards) {
      expect(executor).toEqual({ state: 'queued', text: expect.stringMatching(/^waits in the queue: \w+/) });
    }
    const [, job] = /^(\d+)_\d+ PENDING ac-study/m.exec(queued())!;
    execFileSync('scancel', [`${job}_1`]);
    node('State=RESUME');
    await waitFor(() => (killTask('looked') ? true : null)); // one that ran
    const lost = await waitFor(() => {
      const seen = look();
      return seen.lost === 2 ? seen : null;
    });
    expect(lost.status).toBe(1);
    const texts = lost.shards.flatMap(({ executor }) => (executor?.state === 'lost' ? [executor.text] : []));
    expect(texts).toEqual(expect.arrayContaining([expect.stringMatching(/^is in no job|^was cancelled/), expect.stringMatching(/^its process ended badly on \S+ \(job \d+, FAILED/)])); // biome-ignore format: one line
    ok('submit', 'looked', ...FLAGS);
    await allDone('looked', 3);
    expect(look()).toMatchObject({ status: 0, lost: 0 });
  });

  it(`tasks, submitters and the controller killed, ${KILLS} in all: the bytes of a local experiment`, {
    timeout: 7_200_000,
  }, async () => {
    const random = seededRandom(7, 'killed tasks');
    const local = await files('local');
    const kills = { task: 0, submitter: 0, controller: 0 };
    const killed = () => Object.values(kills).reduce((sum, n) => sum + n, 0);
    for (let round = 0; round === 0 || killed() < KILLS; round++) {
      const plan = `killed-${round}`;
      ok('plan', 'study.json', '--threads', '1', '--shards', '4', '--out', plan);
      const submit = () => spawn(process.execPath, [program, 'submit', plan, ...FLAGS], { cwd: root, stdio: 'ignore' });
      for (const end = performance.now() + 1_800_000; done(plan) < 4; ) {
        expect(performance.now(), queued()).toBeLessThan(end);
        if (killed() < KILLS) {
          const submitter = submit();
          await sleep(random.uniform() * 2500); // before, while and after it calls sbatch
          submitter.kill('SIGKILL');
          if (submitter.exitCode === null) kills.submitter++;
        }
        // a task whose process was killed is not requeued by Slurm: submitting again adds its shard
        ok('submit', plan, ...FLAGS);
        await sleep(random.uniform() * 6000);
        if (killed() >= KILLS) continue;
        if (random.uniform() < 0.2) {
          await restartController();
          kills.controller++;
        } else if (killTask(plan)) kills.task++;
      }
      ok('collect', plan);
      expect(await files(`${plan}/result`), `round ${round}`).toEqual(local);
      expect(await readdir(join(root, plan, 'shards'))).toHaveLength(4);
      console.log(`round ${round}: ${JSON.stringify(kills)}`);
    }
  });

  it('says what Slurm says', () => {
    ok('plan', 'study.json', '--threads', '1', '--shards', '2', '--out', 'refused');
    const args = [program, 'submit', 'refused', ...FLAGS, '--executor.partition', 'no-such'];
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    expect([status, stderr]).toEqual([2, expect.stringMatching(/sbatch refuses: .*invalid partition/i)]);
  });
});
