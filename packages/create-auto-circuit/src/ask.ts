/** @file The questions, on a terminal. */
import { isCancel, select, text } from '@clack/prompts';
import type { Asker } from './create.js';
import { KIND_NAMES, KINDS, type Kind } from './kinds.js';
import { nameProblem } from './request.js';

const answered = <T>(answer: T | symbol): T | null => (isCancel(answer) ? null : (answer as T));

/** Asks with `@clack/prompts`; Ctrl-C gives up. */
export const terminalAsker: Asker = {
  kind: async () =>
    answered<Kind>(
      await select({
        message: 'What do you want to begin?',
        options: KIND_NAMES.map((value) => ({ value, label: value, hint: KINDS[value].hint })),
      }),
    ),
  name: async (kind) =>
    answered<string>(
      await text({
        message: `What is the ${kind} called?`,
        placeholder: 'edge-norm',
        validate: (value) => nameProblem(value ?? ''),
      }),
    ),
};
