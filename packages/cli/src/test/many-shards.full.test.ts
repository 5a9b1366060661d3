/**
 * @file Thousands of shards (3,000; MANY_SHARDS=10000 for more): by a fake clock with tasks that are lost and stragglers, on a real plan's folder with real locks and records;
 * and their collection, whose memory does not grow with them.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CheckpointData, type ChosenObjective, seededRandom } from '@auto-circuit/core/plugin';
import { lockFolder, type PlanJson, partFile, patchDescription, promptsOfRun, readPlan, readShard, shardFolder, writeShard } from '@auto-circuit/core/run'; // biome-ignore format: one line
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allStatuses, countStates } from '../cluster/show-plan.js';
import { type CellHost, cellCommandLine, hostCli } from '../experiment/cell-cli.js';
import type { Cell } from '../experiment/cells.js';
import { namedAlgo } from '../run/choose-algo.js';
import { openRun } from '../run/open-run.js';
import { runRequest } from '../run/run-request.js';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const plugin = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));
const SHARDS = Number(process.env.MANY_SHARDS ?? 3_000);
const RUN = ['--task', 'micro', '--plugin', plugin, '--data', 'many.json', '--backend', 'interpreter', '--threads', '1', '--batch-size', '1', '--algo', 'eap', '--token-positions', '--train', `${SHARDS}`, '--test', '16']; // biome-ignore format: one line

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'many-shards-'));
  const path = fileURLToPath(new URL('../../test-data/micro-prompts.json', import.meta.url));
  const data = JSON.parse(await readFile(path, 'utf8')) as { prompts: { clean: number[][] }[] };
  const random = seededRandom(5, 'many prompts');
  const prompts = Array.from({ length: SHARDS + 16 }, (_, i) => {
    const { clean, ...rest } = data.prompts[i % data.prompts.length]!;
    return { ...rest, clean: clean.map((row) => row.map((x) => x + 0.1 * random.uniform())) };
  });
  await writeFile(join(cwd, 'many.json'), JSON.stringify({ ...data, prompts }));
});
afterAll(() => rm(cwd, { recursive: true }));

function ok(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd, encoding: 'utf8' });
  expect(status, stderr + stdout).toBe(0);
  return stdout;
}
async function planned(name: string, shards: number): Promise<PlanJson> {
  ok('plan', ...RUN, '--shards', `${shards}`, '--out', name);
  return readPlan(join(cwd, name));
}
const HARDWARE = { host: 'h', processor: 'p', instructions: 'i', platform: 'x', node: '22', runtime: 'r', device: 'cpu', threads: 1, memoryGiB: 1 }; // biome-ignore format: one line
const record = (shard: number, seconds: number) => ({ format: 'auto-circuit shard 1' as const, shard, failed: {}, hardware: [HARDWARE], seconds }); // biome-ignore format: one line

/** In seconds of the fake clock. */
const CLUSTER = { workers: 500, task: 600, stragglers: 0.05, slower: 4, lost: 0.05, noticed: 30, submit: 3600 };

interface Event {
  readonly at: number;
  run(): Promise<void>;
}

/** Runs the shards that `submit` finds, as a queue with workers does: what is lost is noticed later and goes on from its checkpoint. */
async function simulate(folder: string, plan: PlanJson, seed: number) {
  const random = seededRandom(seed, 'a cluster');
  const dead = await deadProcess();
  const events: Event[] = [];
  const queue: number[] = [];
  const inQueue = new Set<number>();
  const left = new Map<number, number>();
  const came = { written: 0, lost: 0, work: 0, longest: 0 };
  let [now, free, done] = [0, CLUSTER.workers, 0];
  const at = (time: number, run: () => Promise<void>): void => {
    const index = events.findLastIndex((event) => event.at <= time);
    events.splice(index + 1, 0, { at: time, run });
  };
  const submit = async (): Promise<void> => {
    for (const [shard, { state }] of (await allStatuses(folder, plan)).entries()) {
      if (state === 'done' || inQueue.has(shard)) continue; // as jobs of one name, of which there is one
      inQueue.add(shard);
      queue.push(shard);
    }
    if (done < plan.shards) at(now + CLUSTER.submit, submit);
  };
  const begin = async (shard: number): Promise<void> => {
    const lock = await lockFolder(await folderOf(folder, shard)); // over what a lost task left
    const needs = left.get(shard) ?? CLUSTER.task * (random.uniform() < CLUSTER.stragglers ? CLUSTER.slower : 1);
    came.longest = Math.max(came.longest, needs);
    if (random.uniform() < CLUSTER.lost) {
      const lives = random.uniform() * needs;
      came.lost++;
      came.work += lives + CLUSTER.noticed;
      left.set(shard, needs - lives);
      const path = join(shardFolder(folder, shard), '.lock');
      const text = JSON.parse(await readFile(path, 'utf8'));
      await lock.release();
      await writeFile(path, JSON.stringify({ ...text, pid: dead }));
      at(now + lives + CLUSTER.noticed, async () => {
        free++;
        queue.push(shard);
      });
      return;
    }
    came.work += needs;
    at(now + needs, async () => {
      expect(await readShard(folder, shard), 'nothing is done twice').toBe(null);
      await writeShard(folder, record(shard, needs));
      await lock.release();
      inQueue.delete(shard);
      came.written++;
      done++;
      free++;
    });
  };
  await submit();
  while (done < plan.shards) {
    for (; free > 0 && queue.length > 0; free--) await begin(queue.shift()!);
    const event = events.shift()!;
    now = event.at;
    await event.run();
  }
  return { ...came, now };
}

async function folderOf(folder: string, shard: number): Promise<string> {
  const path = shardFolder(folder, shard);
  await mkdir(path, { recursive: true });
  return path;
}
/** A process that has ended. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid!;
}

describe(`${SHARDS} shards`, () => {
  it('end although 5 % of tasks are lost and some take four times as long, each done once', {
    timeout: 1_800_000,
  }, async () => {
    const plan = await planned('simulated', SHARDS);
    expect(plan.shards).toBe(SHARDS);
    const folder = join(cwd, 'simulated');
    const { written, lost, work, longest, now } = await simulate(folder, plan, 1);
    expect(written).toBe(SHARDS);
    expect(lost).toBeGreaterThan(0.04 * SHARDS);
    // List scheduling: no worker is idle while work waits, so all ends within work ÷ workers + the longest chain of one shard,
    // which is its time and a notice for each of its losses (six in a row: 0.05⁶ · 10,000 ≈ 1.6e-4 shards).
    expect(now).toBeLessThanOrEqual(work / CLUSTER.workers + longest + 6 * CLUSTER.noticed);
    const began = performance.now();
    expect(countStates(await allStatuses(folder, plan))).toEqual({ done: SHARDS, running: 0, failed: 0, waiting: 0 });
    const seconds = (performance.now() - began) / 1000;
    console.log(
      `fake clock: ${(now / 3600).toFixed(2)} h on ${CLUSTER.workers} workers, at best ${(work / CLUSTER.workers / 3600).toFixed(2)} h; ${lost} tasks lost; status of all in ${seconds.toFixed(1)} s`,
    );
  });

  it('are collected in the memory of a tenth of them', { timeout: 1_800_000 }, async () => {
    const counts = [SHARDS / 10, SHARDS];
    const memory: number[] = [];
    const bytes: number[] = [];
    const scores: Buffer[] = [];
    for (const count of counts) {
      const [name, plan] = [`collected-${count}`, await planned(`collected-${count}`, count)];
      await doInThisProcess(join(cwd, name), plan);
      ok('collect', name);
      memory.push(JSON.parse(await readFile(join(cwd, name, 'result', 'timings.json'), 'utf8')).memoryMb);
      scores.push(await readFile(join(cwd, name, 'result', 'scores.safetensors')));
      const parts = (await readdir(join(cwd, name, 'parts'))).map((file) => stat(join(cwd, name, 'parts', file)));
      bytes.push((await Promise.all(parts)).reduce((sum, { size }) => sum + size, 0));
    }
    console.log(counts.map((count, i) => `${count} shards, parts of ${(bytes[i]! / 1e6).toFixed(0)} MB: collect took ${memory[i]} MB`).join('; ')); // biome-ignore format: one line
    expect(scores[1]).toEqual(scores[0]);
    // Their parts are read one at a time. What may grow is garbage that is not collected yet, and the plan itself.
    expect(memory[1]! - memory[0]!).toBeLessThan(80);
  });
});

/** All shards of a plan, without a process for each. */
async function doInThisProcess(folder: string, plan: PlanJson): Promise<void> {
  const host = plan.host as unknown as CellHost;
  const { signal } = new AbortController();
  const line = await cellCommandLine(await hostCli(host, signal), host, plan.cells[0]!.cell as unknown as Cell);
  const opened = await openRun(line.cli, line.command);
  try {
    const { request } = await runRequest(line.cli, line.command, opened, await namedAlgo(line.cli, 'test', 'eap'));
    const { algo, algoOptions, model, objective, seed } = request;
    const { train } = promptsOfRun(request.prompts, model.graph, request.ablation, request);
    const patch = await patchDescription(model, request, train);
    const chosen = (objective as ChosenObjective).objective;
    const context = { model, graph: model.graph, objective: chosen, patch, seed, progress: { report: () => undefined } }; // biome-ignore format: one line
    for (const { range, shard } of plan.units) {
      const [start, stop] = range!;
      // What a part holds depends on the prompts before it by their number modulo eight only; it says which they are, too.
      const before = start % 8;
      const keep = ({ state, arrays }: CheckpointData) =>
        partFile(folder, plan.cells[0]!.hash!, range!).save(
          { state: { ...state, first: start }, arrays },
          { final: true },
        );
      const share = { start: before, stop: before + stop - start, keep };
      await algo.score({ ...context, batches: train.slice(start - before, stop), share }, algoOptions as never);
      await mkdir(shardFolder(folder, shard), { recursive: true });
      await writeShard(folder, record(shard, 1));
    }
  } finally {
    await opened.dispose();
  }
}
