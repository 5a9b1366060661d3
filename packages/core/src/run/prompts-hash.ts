/** @file A hash that stands for prompts. */
import { createHash } from 'node:crypto';
import type { Prompt } from '../prompts/types.js';

/** Identifies prompts by what the model sees of them: tokens, answers and spans, in order. */
export function promptsHash(prompts: readonly Prompt[]): string {
  const hash = createHash('sha256');
  for (const { clean, corrupt, answers, wrongAnswers, byPosition, targets, prefix, spans } of prompts) {
    const more = byPosition || targets || prefix ? [byPosition ?? null, targets ?? null, prefix?.tokens ?? null] : [];
    hash.update(`${JSON.stringify([clean, corrupt, answers, wrongAnswers, ...more, ...(spans ? [{ spans }] : [])])}\n`);
  }
  return hash.digest('hex');
}
