#!/usr/bin/env node
/**
 * @file Whether every engine comes to the bytes of one process: an experiment of 36 cells on the shipped model, and EAP over 64 prompts
 * on SmolLM2, by `submit` here, by an array of 4 of Slurm, by 3 workers of BullMQ, and by GNU parallel. Engines that are not
 * installed are said to be left out; Slurm and Redis are started for it on this machine. Needs a build.
 *
 *   node scripts/compare-engines.mjs [--work cells,smollm2] [--engines local,slurm,bullmq,parallel]
 *   SMOLLM2_DIR=FOLDER node scripts/compare-engines.mjs        without it SmolLM2 is left out
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startRedis, startSlurm } from './engines/start.mjs';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const program = at('packages/cli/dist/main.js');
const executor = (name) => ['--plugin', at(`packages/executor-${name}/dist/index.js`), '--executor', name];
const { values } = parseArgs({
  options: {
    work: { type: 'string', default: 'cells,smollm2' },
    engines: { type: 'string', default: 'local,slurm,bullmq,parallel' },
  },
});
const root = mkdtempSync(join(tmpdir(), 'compare-engines-'));
const has = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

const STUDY = {
  tasks: ['ioi-mini', { name: 'half', task: 'ioi-mini', limit: 8 }],
  algos: ['eap', 'clean-corrupted', 'eap-ig-inputs', 'mask-gradient', 'node-attribution', 'random'],
  seeds: [0, 1, 2],
  settings: { limit: 16, batchSize: 4, edges: [20, 40], keep: 40 },
};
/** A cell: processes that share weights do not copy them for the kernels, which `discover` by itself may do. */
const SMOLLM2 = {
  tasks: [{ name: 'ioi', task: 'ioi', model: process.env.SMOLLM2_DIR, train: 64, test: 16 }],
  algos: ['eap'],
  settings: { batchSize: 8, edges: [100, 1000], keep: 100 },
};

/** What is to be done. */
const WORK = { cells: STUDY, ...(process.env.SMOLLM2_DIR ? { smollm2: SMOLLM2 } : {}) };
const SHARDS = 4;

/** Each has all shards of a plan done. */
const ENGINES = {
  local: {
    there: () => true,
    run: async (plan) => cli('submit', plan, '--executor', 'local', '--executor.workers', '2'),
  },
  slurm: {
    there: () => process.getuid?.() === 0 && has('slurmctld', '-V') && has('slurmd', '-V'),
    async run(plan) {
      const stop = await startSlurm(join(root, 'slurm'));
      try {
        cli('submit', plan, ...executor('slurm'));
        await untilDone(plan);
      } finally {
        await stop();
      }
    },
  },
  bullmq: {
    there: () => has('redis-server', '--version'),
    async run(plan) {
      const redis = await startRedis(join(root, 'redis'));
      const flags = [...executor('bullmq'), '--executor.redis', redis.url, '--executor.queue', plan];
      const roots = [root, ...(process.env.SMOLLM2_DIR ? [process.env.SMOLLM2_DIR] : [])].join(',');
      const workers = Array.from({ length: 3 }, () =>
        spawn(process.execPath, [program, 'worker', ...flags, '--roots', roots], { cwd: root, stdio: 'ignore' }),
      );
      try {
        cli('submit', plan, ...flags);
        await untilDone(plan);
      } finally {
        for (const worker of workers) {
          worker.kill('SIGTERM');
          if (worker.exitCode === null) await once(worker, 'exit');
        }
        await redis.stop();
      }
    },
  },
  parallel: {
    there: () => has('parallel', '--version'),
    async run(plan) {
      const env = { ...process.env, AUTO_CIRCUIT: `${process.execPath} ${program}` };
      const args = [at('examples/cluster/parallel.sh'), plan, `${SHARDS}`, '--jobs', '2'];
      const { status, stderr } = spawnSync('sh', args, { cwd: root, env, encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
    },
  },
};

async function untilDone(plan) {
  while (JSON.parse(cli('status', plan, '--json')).done < SHARDS) await sleep(2000);
}
function cli(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 }); // biome-ignore format: one line
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}
/** SHA-256 of each file of results, timings apart. */
function hashes(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.endsWith('timings.json'));
  const hash = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');
  return new Map(paths.sort().map((path) => [path.slice(folder.length), hash(path)]));
}
/** Files that are missing, more, or other. */
const differences = (ours, theirs) =>
  [...new Set([...ours.keys(), ...theirs.keys()])].filter((name) => ours.get(name) !== theirs.get(name));

let wrong = 0;
try {
  for (const name of values.work.split(',')) {
    if (!WORK[name]) {
      console.log(`${name}: left out (SMOLLM2_DIR names no folder)`);
      continue;
    }
    const file = `${name}.json`;
    writeFileSync(join(root, file), JSON.stringify(WORK[name]));
    let began = performance.now();
    const seconds = () => ((performance.now() - began) / 1000).toFixed(0);
    cli('experiment', file, '--workers', '0', '--threads', '1', '--out', `${name}-alone`, '--quiet');
    const expected = hashes(join(root, `${name}-alone`));
    console.log(`${name}: one process, ${expected.size} files, ${seconds()} s`);
    for (const engine of values.engines.split(',')) {
      const { there, run } = ENGINES[engine];
      if (!there()) {
        console.log(`${name}: ${engine} is left out, it is not installed`);
        continue;
      }
      began = performance.now();
      const folder = `${name}-${engine}`;
      cli('plan', file, '--threads', '1', '--shards', `${SHARDS}`, '--out', folder, '--quiet');
      await run(folder);
      cli('collect', folder, '--quiet');
      const others = differences(expected, hashes(join(root, folder, 'result')));
      wrong += others.length;
      console.log(`${name}: ${engine}, ${others.length === 0 ? 'the same bytes' : `OTHER BYTES in ${others.join(', ')}`}, ${seconds()} s`); // biome-ignore format: one line
    }
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
process.exit(wrong === 0 ? 0 : 1);
