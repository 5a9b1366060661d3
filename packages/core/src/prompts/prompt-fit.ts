/** @file Whether prompts are of the kind and the length that a model takes. */
import { AutoCircuitError } from '../errors/error.js';
import type { PromptFile } from './prompt-file.js';
import type { Prompt } from './types.js';

/** What a model takes: a `ModelObject` says it. */
export interface PromptTaker {
  readonly name: string;
  readonly spec: {
    /** Token ids have no features; toy models take numbers for each position. */
    readonly input: { readonly features: readonly number[] };
    /** The longest prompt; null when there is no limit. */
    readonly maxPositions: number | null;
  };
}

const TAKES = { tokens: 'token ids', features: 'a list of floats for each position' } as const;

/** @throws AutoCircuitError `unfit-prompts` when the file has floats and the model takes tokens, or the reverse, or of another width */
export function checkInputs({ path, kind, prompts }: PromptFile, { name, spec }: PromptTaker): void {
  const [width] = spec.input.features;
  const takes = width === undefined ? 'tokens' : 'features';
  const given = kind === 'features' ? 'features' : 'tokens';
  const first = prompts[0]!.clean[0];
  const sameWidth = !Array.isArray(first) || first.length === width;
  if (takes === given && sameWidth) return;
  const floats = (count: number | undefined) => `a list of ${count} floats for each position`;
  throw new AutoCircuitError({
    code: 'unfit-prompts',
    fields: { path, prompt: 0, key: 'clean', model: name },
    where: 'prompts',
    what: `${path}: prompts[0].clean is not what model "${name}" takes`,
    expected: takes === 'tokens' ? `text or ${TAKES.tokens}` : floats(width),
    got: Array.isArray(first) ? floats(first.length) : kind === 'text' ? 'text' : TAKES.tokens,
    fix: 'use another model, or rewrite the prompts for this one',
  });
}

/** @throws AutoCircuitError `prompt-too-long` */
export function checkLength({ path }: PromptFile, { clean, index }: Prompt, { name, spec }: PromptTaker): void {
  const limit = spec.maxPositions;
  if (limit === null || clean.length <= limit) return;
  throw new AutoCircuitError({
    code: 'prompt-too-long',
    fields: { prompt: index, length: clean.length, limit, model: name },
    where: 'prompts',
    what: `${path}: prompt ${index} is too long for model "${name}"`,
    expected: `at most ${limit} tokens`,
    got: `${clean.length}`,
  });
}
