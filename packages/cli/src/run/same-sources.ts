/** @file Whether a run's model and prompts are still what they were. */
import type { RunJson } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { OpenedRun } from './open-run.js';

/**
 * The model and the prompts may have changed on disk since the run.
 * @param where the command; `name`: the run as the user typed it.
 * @throws AutoCircuitError naming which of the two changed
 */
export async function checkSameSources(where: string, run: RunJson, opened: OpenedRun, name: string): Promise<void> {
  const { promptsHash } = await import('@auto-circuit/core/run');
  const hash = promptsHash(opened.prompts);
  const changed =
    run.asked.model.key !== opened.model.weights.key ? 'model' : run.asked.data.hash !== hash ? 'data' : null;
  if (changed === null) return;
  throw new AutoCircuitError({
    code: 'run-changed',
    fields: { path: name, changed },
    where,
    what: `the ${changed} of ${name} is no longer what the run was made with`,
    expected:
      changed === 'model'
        ? `weights ${run.asked.model.key.slice(0, 12)}`
        : `prompts ${run.asked.data.hash.slice(0, 12)}`,
    got: changed === 'model' ? opened.model.weights.key.slice(0, 12) : hash.slice(0, 12),
    fix: 'run discover again',
  });
}
