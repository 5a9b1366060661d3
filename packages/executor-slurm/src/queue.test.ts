/** @file What lines of `squeue` and `sacct` say of shards. */
import { describe, expect, it } from 'vitest';
import { isHeld, isQueued, jobName, jobNames, notesOf, tasksOf } from './queue.js';

const PLAN = { name: 'my study', plan: '0123456789abcdef' };
const NAMES = jobNames({ ...PLAN, shards: [0, 3, 1002] });

describe('names of jobs', () => {
  it('say the plan, and the shard of index 0 where it is not shard 0', () => {
    expect([...NAMES]).toEqual([
      ['ac-my-study-0123456789ab', 0],
      ['ac-my-study-0123456789ab-1000', 1000],
    ]);
    expect(jobName(PLAN, 1000)).toBe('ac-my-study-0123456789ab-1000');
  });
});

describe('tasks', () => {
  // As Slurm 22.05 prints them; sacct has the exit code where squeue has the reason.
  const SQUEUE = `7_0|ac-my-study-0123456789ab|PENDING||Priority
7_1|ac-my-study-0123456789ab|RUNNING|node3|None
8_2|ac-my-study-0123456789ab-1000|NODE_FAIL|node4|NodeDown
7_6|ac-my-study-0123456789ab|PENDING||launch failed requeued held
9_3|other|PENDING||Priority
`;
  const SACCT = `5_0|ac-my-study-0123456789ab|CANCELLED by 1000||0:0
5_2|ac-my-study-0123456789ab|OUT_OF_MEMORY|node1|0:125
5_3|ac-my-study-0123456789ab|TIMEOUT|node1|0:0
6_3|ac-my-study-0123456789ab|FAILED|node2|137:0
5_4|ac-my-study-0123456789ab|COMPLETED|node2|0:0
5_[5-9]|ac-my-study-0123456789ab|PENDING||0:0
`;
  it('are read with their shards, and no others', () => {
    const tasks = tasksOf(SQUEUE, NAMES);
    expect(tasks.map(({ id, shard, state }) => [id, shard, state])).toEqual([
      ['7_0', 0, 'PENDING'],
      ['7_1', 1, 'RUNNING'],
      ['8_2', 1002, 'NODE_FAIL'],
      ['7_6', 6, 'PENDING'],
    ]);
    expect(tasks.map(isQueued)).toEqual([true, true, false, true]);
    expect(tasks.map(isHeld)).toEqual([false, false, false, true]);
  });

  it('tell why shards wait, where they run, and how the last of several tasks was lost', () => {
    expect(notesOf([0, 1, 2, 3, 4, 5, 6, 1002], [...tasksOf(SACCT, NAMES), ...tasksOf(SQUEUE, NAMES)])).toEqual([
      { shard: 0, state: 'queued', text: 'waits in the queue: Priority' },
      { shard: 1, state: 'running', text: 'runs on node3 (job 7)' },
      { shard: 2, state: 'lost', text: 'ran out of memory on node1 (job 5, OUT_OF_MEMORY: 0:125)' },
      { shard: 3, state: 'lost', text: 'its process ended badly on node2 (job 6, FAILED: 137:0)' },
      { shard: 5, state: 'lost', text: 'is in no job that Slurm knows' },
      { shard: 6, state: 'lost', text: 'is held in the queue (job 7: launch failed requeued held)' },
      { shard: 1002, state: 'lost', text: 'its node was lost on node4 (job 8, NODE_FAIL: NodeDown)' },
    ]);
  });
});
