/** @file The built-in executor keeps the contract, with one process at a time and with several. */
import { describe, expect, it } from 'vitest';
import { runContract } from '../testing/contract.js';
import { executorContract } from '../testing/executor-contract.js';
import { localExecutor } from './local-executor.js';

runContract('local', executorContract(localExecutor), { describe, it });
runContract('local, two at a time', executorContract(localExecutor, { options: { workers: 2 } }), { describe, it });

it('says in a sentence what cannot be started', async () => {
  const work = {
    folder: '/',
    plan: '',
    name: 'x',
    shards: [0],
    threads: 1,
    command: () => ['/no/such/program'],
    say: () => undefined,
  };
  await expect(localExecutor.run(work, {})).rejects.toMatchObject({ code: 'worker-failed' });
});
