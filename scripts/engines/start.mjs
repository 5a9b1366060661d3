/** @file Engines that run on this machine alone, for as long as a script does. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A port of the loopback that nobody uses. */
export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Redis with an append-only file in a folder. */
export async function startRedis(folder) {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--save', ''];
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  const answers = () =>
    spawnSync('redis-cli', ['-p', `${port}`, 'ping'], { encoding: 'utf8' }).stdout?.includes('PONG');
  await until('Redis answers', answers);
  return { url: `redis://127.0.0.1:${port}`, stop: () => ended(server) };
}

/** Slurm with this machine as its only node, of 4 CPUs; for root. `SLURM_CONF` names it. @returns what stops it */
export async function startSlurm(folder) {
  for (const name of ['state', 'spool']) mkdirSync(join(folder, name), { recursive: true });
  const conf = join(folder, 'slurm.conf');
  const settings = {
    ClusterName: 'one',
    SlurmctldHost: `${hostname()}(127.0.0.1)`,
    SlurmUser: 'root',
    AuthType: 'auth/none',
    CredType: 'cred/none',
    SlurmctldPort: await freePort(),
    SlurmdPort: await freePort(),
    StateSaveLocation: join(folder, 'state'),
    SlurmdSpoolDir: join(folder, 'spool'),
    SlurmctldPidFile: join(folder, 'slurmctld.pid'),
    SlurmdPidFile: join(folder, 'slurmd.pid'),
    SlurmctldLogFile: join(folder, 'slurmctld.log'),
    SlurmdLogFile: join(folder, 'slurmd.log'),
    ProctrackType: 'proctrack/linuxproc',
    TaskPlugin: 'task/none',
    MpiDefault: 'none',
    SelectType: 'select/cons_tres',
    SelectTypeParameters: 'CR_CPU',
    SlurmdParameters: 'config_overrides',
    NodeName: `${hostname()} NodeAddr=127.0.0.1 CPUs=4 RealMemory=4096 State=UNKNOWN`,
    PartitionName: 'all Nodes=ALL Default=YES MaxTime=INFINITE State=UP',
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  writeFileSync(conf, `${lines.join('\n')}\n`);
  process.env.SLURM_CONF = conf;
  const daemons = ['slurmctld', 'slurmd'].map((name) => spawn(name, ['-D', '-f', conf], { stdio: 'ignore' }));
  const isIdle = () => /idle/.test(spawnSync('sinfo', ['-h', '-o', '%T'], { encoding: 'utf8' }).stdout);
  await until(() => `the node is idle:\n${readFileSync(settings.SlurmctldLogFile, 'utf8')}`, isIdle);
  return async () => {
    for (const daemon of daemons.toReversed()) await ended(daemon);
  };
}

async function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await Promise.race([once(child, 'exit'), sleep(20_000, undefined, { ref: false })]);
}
async function until(what, holds) {
  for (const end = performance.now() + 60_000; !holds(); await sleep(300)) {
    if (performance.now() > end)
      throw new Error(`a minute has gone before ${typeof what === 'string' ? what : what()}`);
  }
}
