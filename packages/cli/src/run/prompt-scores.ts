/** @file The scores of single prompts that a run kept, or a sentence where it kept none. */
import { AutoCircuitError } from '@auto-circuit/core/startup';

/** @param where the command; `name`: the run as the user typed it */
export const noPromptScores = (where: string, name: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'no-prompt-scores',
    fields: { path: name },
    where,
    what: `${name} has no scores of single prompts`,
    expected: 'a run that was asked to keep them',
    fix: 'run discover again with --per-prompt float32 (or float16, in half the room)',
  });
