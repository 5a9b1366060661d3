/** @file `--shared-prefix`: prompts and model after the tokens that the two sides of every pair share. */
import type { Backend, ModelObject, Prompt } from '@auto-circuit/core';
import { AutoCircuitError } from '@auto-circuit/core/startup';

/** What all prompts begin with, and what is left to run after it. */
export interface SharedPrefix {
  /** Tokens that are run once. 0 without `--shared-prefix`. */
  readonly length: number;
  /** The model as it runs after them. */
  readonly model: ModelObject;
  /** The prompts without them, with what they left; made on the run's own backend. */
  cut(backend: Backend): Promise<readonly Prompt[]>;
}

/** @throws AutoCircuitError when the two sides of some pair differ from the first token on, or the model cannot take a prefix */
export async function sharedPrefix(
  model: ModelObject,
  prompts: readonly Prompt[],
  asked: boolean,
): Promise<SharedPrefix> {
  if (!asked) return { length: 0, model, cut: async () => prompts };
  const { afterPrefix, sharedPrefixLength, withoutPrefix } = await import('@auto-circuit/core/run');
  const length = sharedPrefixLength(prompts);
  if (length === 0) {
    const differing = prompts.find(({ clean, corrupt }) => clean[0] !== corrupt[0] || clean.length === 1);
    throw new AutoCircuitError({
      code: 'nothing-to-share',
      fields: { prompt: differing?.index },
      where: 'prompts',
      what: `--shared-prefix has nothing to share: clean and corrupt of prompt ${differing?.index} differ from the first token on`,
      fix: 'leave it out, or put BOS before the prompts (--bos on)',
    });
  }
  return {
    length,
    model: afterPrefix(model, length),
    cut: (backend) => withoutPrefix(model, backend, prompts, length),
  };
}
