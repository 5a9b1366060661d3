/** @file Array jobs by hand: ranges, the limit of indices, words that a shell would take apart. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { arrayJobs, arrayText, taskScript } from './array-jobs.js';
import * as names from './index.js';

describe('array jobs', () => {
  it('have ranges where shards follow each other', () => {
    expect(arrayText([0, 1, 2, 5, 7, 8])).toBe('0-2,5,7-8');
    expect(arrayText([4])).toBe('4');
  });

  it('have indices below 1000', () => {
    expect(arrayJobs([0, 999, 1000, 2500])).toEqual([
      { offset: 0, indices: [0, 999] },
      { offset: 1000, indices: [0] },
      { offset: 2000, indices: [500] },
    ]);
    expect(arrayJobs([])).toEqual([]);
    const all = arrayJobs(Array.from({ length: 10_000 }, (_, shard) => shard));
    expect(all.map(({ indices }) => arrayText(indices))).toEqual(Array.from({ length: 10 }, () => '0-999'));
  });

  it.skipIf(process.platform === 'win32')('run the command with the shard’s number, word for word', () => {
    const folder = "/a b/it's $HOME";
    const script = taskScript((shard) => ['printf', '%s|', folder, `${shard}`], 2000);
    const { stdout } = spawnSync('sh', ['-c', script], { env: { ...process.env, SLURM_ARRAY_TASK_ID: '7' }, encoding: 'utf8' }); // biome-ignore format: one line
    expect(stdout).toBe(`${folder}|2007|`);
  });
});

it('exports these names', () => {
  expect(Object.keys(names).sort()).toEqual(['default', 'slurmExecutor', 'slurmPlugin']);
});
