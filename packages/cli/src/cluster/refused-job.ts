/** @file The error for a job that a worker does not take. */
import type { ShardJob } from '@auto-circuit/core/plugin';
import { AutoCircuitError } from '@auto-circuit/core/startup';

/** @param fix what whoever runs the worker can do */
export const refusedJob = ({ folder, shard }: ShardJob, what: string, fix: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'refused-job',
    fields: { path: folder, shard },
    where: 'worker',
    what: `a job is refused: ${what}`,
    fix,
  });
