/**
 * @file What a queue costs: 1,000 messages whose work takes 10 ms, and 1,000 cells of an experiment by `experiment` and by a plan
 * through Redis with one worker. Needs `redis-server`, which it starts for itself on this machine. `node bench/queue-overhead.mjs
 * [--cells N] [--shards S]`
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseOptions } from '@auto-circuit/core/plugin';
import { Registry, usePlugins } from '@auto-circuit/core/startup';
import { startRedis } from '../scripts/engines/start.mjs';

const { values } = parseArgs({
  options: { cells: { type: 'string', default: '1000' }, shards: { type: 'string', default: '4' } },
});
const [CELLS, SHARDS] = [Number(values.cells), Number(values.shards)];
const WORK_MS = 10;
const program = fileURLToPath(new URL('../packages/cli/dist/main.js', import.meta.url));
const executor = fileURLToPath(new URL('../packages/executor-bullmq/dist/index.js', import.meta.url));
const task = fileURLToPath(new URL('../packages/cli/test-data/micro-task.mjs', import.meta.url));

const root = await mkdtemp(join(tmpdir(), 'queue-overhead-'));
const { url, stop } = await startRedis(join(root, 'redis'));
try {
  await messages();
  await cells();
} finally {
  await stop();
  await rm(root, { recursive: true, force: true });
}

/** One worker in this process, whose work is to wait. */
async function messages() {
  const registry = new Registry();
  await usePlugins(registry, { file: null, plugins: [], defaults: {} }, [executor], root);
  const bullmqExecutor = registry.get('executor', 'bullmq');
  const options = parseOptions(bullmqExecutor.options, { redis: url, queue: 'messages' }, 'bench');
  const shards = Array.from({ length: CELLS }, (_, i) => i);
  const command = () => [];
  const began = performance.now();
  await bullmqExecutor.run(
    { folder: root, plan: 'bench', name: 'bench', shards, threads: 1, command, say() {} },
    options,
  );
  const added = performance.now() - began;
  const stop = new AbortController();
  let [done, worked] = [0, 0];
  const from = performance.now();
  await bullmqExecutor.work(
    {
      signal: stop.signal,
      say() {},
      async run() {
        const start = performance.now();
        await sleep(WORK_MS);
        worked += performance.now() - start;
        if (++done === CELLS) stop.abort();
        return 'done';
      },
    },
    options,
  );
  const each = (performance.now() - from - worked) / CELLS;
  console.log(
    `${CELLS} messages of ${WORK_MS} ms: ${(added / CELLS).toFixed(2)} ms to add one, ${each.toFixed(2)} ms beside the work of one`,
  );
}

/** The same cells with and without a queue. */
async function cells() {
  const study = {
    tasks: ['micro'],
    algos: ['clean-corrupted'],
    seeds: Array.from({ length: CELLS }, (_, seed) => seed),
    settings: { backend: 'interpreter', edges: [5], keep: 5 },
    plugins: [task],
  };
  await writeFile(join(root, 'study.json'), JSON.stringify(study));
  const local = seconds(() => cli('experiment', 'study.json', '--workers', '0', '--threads', '1', '--out', 'local'));
  const planned = seconds(() => cli('plan', 'study.json', '--threads', '1', '--shards', `${SHARDS}`, '--out', 'plan'));
  const flags = ['--plugin', executor, '--executor', 'bullmq', '--executor.redis', url, '--executor.queue', 'cells'];
  const worker = spawn(process.execPath, [program, 'worker', ...flags, '--plugin', task, '--roots', root], {
    cwd: root,
    stdio: 'ignore',
  });
  const from = performance.now();
  cli('submit', 'plan', ...flags);
  let done = 0;
  while (done < SHARDS) {
    await sleep(1000);
    ({ done } = JSON.parse(cli('status', 'plan', '--json')));
  }
  const ran = (performance.now() - from) / 1000;
  worker.kill('SIGTERM');
  await once(worker, 'exit');
  const collected = seconds(() => cli('collect', 'plan'));
  const each = (time) => `${((1000 * time) / CELLS).toFixed(1)} ms`;
  console.log(
    `${CELLS} cells in ${SHARDS} shards, by cell: experiment ${each(local)}; plan ${each(planned)}, shards ${each(ran)}, collect ${each(collected)}; ` +
      `together ${each(planned + ran + collected - local)} more than experiment`,
  );
}

function seconds(run) {
  const from = performance.now();
  run();
  return (performance.now() - from) / 1000;
}
function cli(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(stderr + stdout);
  return stdout;
}
