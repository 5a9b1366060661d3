/** @file The launchers of this folder run a plan to the bytes of a local experiment, each where it is installed. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const program = `${process.execPath} ${here('../../packages/cli/dist/main.js')}`;
const has = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const STUDY = {
  tasks: ['ioi-mini'],
  algos: ['eap', 'clean-corrupted'],
  seeds: [0, 1],
  settings: { limit: 8, edges: [40], keep: 40 },
};
const SHARDS = 3;

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'cluster-'));
  await writeFile(join(cwd, 'study.json'), JSON.stringify(STUDY));
  shell(`${program} experiment study.json --workers 0 --threads 1 --out local`);
});
afterAll(() => rm(cwd, { recursive: true }));

function shell(command: string): string {
  const env = { ...process.env, AUTO_CIRCUIT: program };
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { cwd, env, encoding: 'utf8' });
  expect(status, `${command}\n${stdout}${stderr}`).toBe(0);
  return stdout;
}
const plan = (name: string) => shell(`${program} plan study.json --shards ${SHARDS} --threads 1 --out ${name}`);

async function expectLocalBytes(folder: string): Promise<void> {
  const names = (await readdir(join(cwd, 'local'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== 'timings.json')
    .map((entry) => join(entry.parentPath, entry.name).slice(join(cwd, 'local').length));
  expect(names.length).toBeGreaterThan(4 * 5);
  for (const name of names) {
    expect(await readFile(join(cwd, folder, name)), name).toEqual(await readFile(join(cwd, 'local', name)));
  }
}

describe('launchers', () => {
  it('a shell', async () => {
    plan('shell');
    shell(`for i in 0 1 2; do ${program} run-shard shell $i & done; wait; ${program} collect shell`);
    await expectLocalBytes('shell/result');
  });

  it('the script of a Slurm task, by its variables', async () => {
    plan('task');
    for (let i = 0; i < SHARDS; i++) shell(`PLAN=task SLURM_ARRAY_TASK_ID=${i} bash ${here('slurm.sbatch')}`);
    shell(`${program} collect task`);
    await expectLocalBytes('task/result');
  });

  it.skipIf(!has('parallel', '--version'))('GNU parallel (skipped where it is not installed)', async () => {
    plan('parallel');
    shell(`sh ${here('parallel.sh')} parallel ${SHARDS} --jobs 2 && ${program} collect parallel`);
    await expectLocalBytes('parallel/result');
  });

  it.skipIf(!has('snakemake', '--version'))('Snakemake (skipped where it is not installed)', async () => {
    const config = `study=study.json shards=${SHARDS} plan=snake auto_circuit='${program}'`;
    shell(`snakemake --snakefile ${here('Snakefile')} --cores 2 --config ${config}`);
    await expectLocalBytes('snake/result');
  });
});
