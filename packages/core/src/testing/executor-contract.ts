/** @file The contract of an executor: every shard is run, by its own command, and nothing else; failures stop nothing; an abort does. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutorDefinition, ExecutorWork } from '../plugin/executor.js';
import { parseOptions } from '../plugin/option-values.js';
import { type ContractCheck, require, thrownBy } from './contract.js';
import { contributionChecks } from './contribution-checks.js';

/** How an executor is tried. */
export interface ExecutorContractOptions {
  /** Options other than the defaults to run the suite with. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Seconds until shards that were submitted must have run. Default 60. */
  readonly seconds?: number;
  /** Where made-up plans lie, for executors that see only some folders. Default: the temporary folder. */
  readonly root?: string;
}

/** In a made-up plan's folder: a worker runs it with the folder and the number of a shard. */
export const SHARD_SCRIPT = 'shard.cjs';

/** Writes `ran-SHARD-PID` after a while, as long as the file `slow` makes it; ends with the code that `code-SHARD` holds. */
const SCRIPT = `
const fs = require('node:fs'), [folder, shard] = process.argv.slice(2);
const read = (name, other) => fs.existsSync(folder + '/' + name) ? fs.readFileSync(folder + '/' + name, 'utf8') : other;
fs.writeFileSync(folder + '/begun-' + shard + '-' + process.pid, '');
process.on('SIGTERM', () => process.exit(130));
setTimeout(() => {
  fs.writeFileSync(folder + '/ran-' + shard + '-' + process.pid, '');
  process.exit(Number(read('code-' + shard, 0)));
}, Number(read('slow', 50)));
`;

/**
 * Every check of an executor: name, doc and options; each shard that is asked for is run once, and no other; none is fine;
 * shards that fail stop no others; on an abort it rejects, and what this process started ends (where it waits for them).
 */
export function executorContract(
  definition: ExecutorDefinition,
  { options = {}, seconds = 60, root = tmpdir() }: ExecutorContractOptions = {},
): ContractCheck[] {
  const values = parseOptions(definition.options, options, definition.name);
  const inPlan = async (body: (folder: string, work: ExecutorWork) => Promise<void>): Promise<void> => {
    const folder = await mkdtemp(join(root, 'executor-contract-'));
    await mkdir(join(folder, 'logs'));
    await writeFile(join(folder, SHARD_SCRIPT), SCRIPT);
    const command = (shard: number | string) => [process.execPath, join(folder, SHARD_SCRIPT), folder, `${shard}`];
    try {
      await body(folder, {
        folder,
        plan: 'made-up',
        name: 'contract',
        shards: [],
        threads: 1,
        command,
        say: () => undefined,
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  const ranIn = async (folder: string): Promise<string[]> =>
    (await readdir(folder)).flatMap((name) => /^ran-(\d+)-/.exec(name)?.[1] ?? []).sort();
  const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    const end = performance.now() + seconds * 1000;
    while (!(await holds())) {
      require(performance.now() < end, what, `within ${seconds} s`);
      await sleep(50);
    }
  };
  return [
    ...contributionChecks(definition),
    {
      name: 'runs each shard that is asked for once, and no other',
      run: () =>
        inPlan(async (folder, work) => {
          const outcome = await definition.run({ ...work, shards: [0, 2, 5, 11] }, values);
          const all = async () => (await ranIn(folder)).length >= 4;
          if (outcome === 'submitted') await until('not all shards were run', all);
          const ran = (await ranIn(folder)).join();
          require(ran === '0,11,2,5', 'other shards were run than those asked for', '0,11,2,5', ran);
        }),
    },
    {
      name: 'has nothing to do where every shard is done',
      run: () =>
        inPlan(async (folder, work) => {
          await definition.run({ ...work, shards: [] }, values);
          require((await ranIn(folder)).length === 0, 'a shard was run that nobody asked for');
        }),
    },
    {
      name: 'runs the others where a shard fails',
      run: () =>
        inPlan(async (folder, work) => {
          await writeFile(join(folder, 'code-0'), '1');
          await definition.run({ ...work, shards: [0, 1, 2] }, values);
          await until('a failing shard stopped others', async () => new Set(await ranIn(folder)).size === 3);
        }),
    },
    {
      name: 'ends what it waits for on an abort, and throws',
      run: () =>
        inPlan(async (folder, work) => {
          await writeFile(join(folder, 'slow'), '20000');
          const controller = new AbortController();
          const running = definition.run({ ...work, shards: [0, 1, 2], signal: controller.signal }, values);
          const settled = running.then(
            (outcome) => outcome,
            () => 'threw' as const,
          );
          const begun = async () => (await readdir(folder)).some((name) => name.startsWith('begun-'));
          await Promise.race([settled, until('no shard was begun', begun)]);
          if ((await Promise.race([settled, sleep(0, 'waiting' as const)])) === 'submitted') return;
          controller.abort();
          await thrownBy(() => running, 'an abort is not an error');
          require((await ranIn(folder)).length === 0, 'a shard ran on after the abort');
          for (const name of (await readdir(folder)).filter((one) => one.startsWith('begun-'))) {
            require(!isAlive(Number(name.split('-')[2])), 'a process was left behind');
          }
          require(existsSync(folder) &&
            (await readFile(join(folder, 'slow'), 'utf8')) === '20000', 'the plan was changed');
        }),
    },
  ];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
