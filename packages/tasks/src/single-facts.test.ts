/** @file Subject-verb agreement, pronouns, capitals and animal diet: the answer follows from the word that differs between clean and corrupt. */
import type { RawPrompt } from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import { DIETS, generateAnimalDiet } from './animal-diet/generate.js';
import { CAPITALS, generateCapitals } from './capitals/generate.js';
import { generatePronouns, HE_NAMES, SHE_NAMES } from './pronouns/generate.js';
import { generateSva, NOUNS } from './sva/generate.js';
import { wordEncoder } from './testing/word-encoder.js';

const request = { encoder: wordEncoder(), count: 60, seed: 7 };

/** The one word in which two texts differ, in both. */
function differing({ clean, corrupt }: RawPrompt): readonly [string, string] {
  const [one, other] = [clean, corrupt].map((text) => String(text).match(/[A-Za-z]+/g)!);
  expect(one!.length).toBe(other!.length);
  const at = one!.flatMap((word, i) => (word === other![i] ? [] : [i]));
  expect(at).toHaveLength(1);
  return [one![at[0]!]!, other![at[0]!]!];
}

describe('sva', () => {
  const plurals = new Map(NOUNS.flatMap(([one, many]) => [[one, false] as const, [many, true] as const]));
  it('has the verbs of the subject’s number, whatever the noun between is', () => {
    const between = { same: 0, other: 0 };
    for (const prompt of generateSva(request).prompts) {
      const [subject, other] = differing(prompt);
      expect(plurals.get(subject)).toBe(!plurals.get(other));
      expect(prompt.answers).toEqual(plurals.get(subject) ? [' are', ' were', ' have'] : [' is', ' was', ' has']);
      const last = String(prompt.clean).split(' ').at(-1)!;
      between[plurals.get(last) === plurals.get(subject) ? 'same' : 'other']++;
    }
    expect(Math.min(between.same, between.other)).toBeGreaterThan(10); // of 60: both kinds of noun between
  });
});

describe('pronouns', () => {
  it('go with the name', () => {
    expect(HE_NAMES.filter((name) => SHE_NAMES.includes(name))).toEqual([]);
    for (const prompt of generatePronouns(request).prompts) {
      const [name, other] = differing(prompt);
      expect(prompt.answers).toEqual([HE_NAMES.includes(name) ? ' he' : ' she']);
      expect(prompt.wrongAnswers).toEqual([HE_NAMES.includes(other) ? ' he' : ' she']);
    }
  });
});

describe('capitals', () => {
  it('are those of the two countries', () => {
    for (const prompt of generateCapitals(request).prompts) {
      const [country, other] = differing(prompt);
      expect([prompt.answers, prompt.wrongAnswers]).toEqual([[` ${CAPITALS[country]}`], [` ${CAPITALS[other]}`]]);
    }
  });

  it('are each the capital of one country', () => {
    const names = Object.values(CAPITALS);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('animal diet', () => {
  it('goes with the animal', () => {
    const eatsMeat: readonly string[] = DIETS.meat;
    for (const prompt of generateAnimalDiet(request).prompts) {
      const [animal, other] = differing(prompt);
      expect(prompt.answers).toEqual([eatsMeat.includes(animal) ? ' meat' : ' plants']);
      expect(prompt.wrongAnswers).toEqual([eatsMeat.includes(other) ? ' meat' : ' plants']);
    }
  });
});
