/** @file Prompts for a model that nothing is known of: sentences where it has a tokenizer, else random tokens or numbers. */
import type { Prompt, PromptBatch } from '@auto-circuit/core';
import type { LoadedModel } from '@auto-circuit/models';
import { SENTENCES } from './sample-texts.js';

/** Tokens of every prompt, or as many as the model takes. */
const LENGTH = 8;
const PROMPTS = 4;

/** Pairs of one length; the corrupt prompt is the next one's clean one. */
export async function samplePrompts({ model, tokenizer }: LoadedModel, seed: number): Promise<PromptBatch> {
  const { seededRandom } = await import('@auto-circuit/core/plugin');
  const random = seededRandom(seed, 'validate prompts');
  const { input, maxPositions, outputSize } = model.spec;
  const length = Math.min(LENGTH, maxPositions ?? LENGTH);
  const texts = tokenizer
    ? SENTENCES.map((text) => tokenizer.encode(text, { bos: tokenizer.addsBos }).slice(0, length))
    : [];
  const fits =
    texts.length >= PROMPTS && texts.every((ids) => ids.length === length && ids.every((id) => id < outputSize));
  const features = input.features[0] ?? 1;
  const drawn = (): number | number[] =>
    input.dtype === 'int' ? random.below(outputSize) : Array.from({ length: features }, () => random.normal());
  const sides = Array.from({ length: PROMPTS }, (_, i) => (fits ? texts[i]! : Array.from({ length }, drawn)));
  const prompts = sides.map((clean, index) => {
    const corrupt = sides[(index + 1) % PROMPTS];
    return { index, clean, corrupt, answers: [0], wrongAnswers: [1] } as Prompt;
  });
  return { length, prompts };
}
