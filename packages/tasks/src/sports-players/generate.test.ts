/** @file Prompts of sports-players: the athlete’s sport, and names of equally many tokens. */
import { describe, expect, it } from 'vitest';
import { wordEncoder } from '../testing/word-encoder.js';
import { ATHLETES, SPORTS } from './athletes.js';
import { generateSportsPlayers } from './generate.js';

const sportOf = (name: string) => SPORTS.filter((sport) => ATHLETES[sport].includes(name));
const nameIn = (text: unknown): string => /\n([^\n]+) is known for playing$/.exec(String(text))![1]!;

describe('the athletes', () => {
  it('stand in one list each, once', () => {
    const all = Object.values(ATHLETES).flat();
    expect(new Set(all).size).toBe(all.length);
    for (const sport of SPORTS) expect(ATHLETES[sport].length).toBeGreaterThan(80);
  });
});

describe('generateSportsPlayers', () => {
  // Three tokens: first names of some are cut in two.
  const encoder = wordEncoder(['Larry', 'Kevin', 'Tom', 'Josh', 'Babe', 'Derek']);

  it('asks for the athlete’s sport; corrupt names one of another sport', () => {
    for (const { clean, corrupt, answers, wrongAnswers } of generateSportsPlayers({ encoder, count: 210, seed: 0 })
      .prompts) {
      expect(sportOf(nameIn(clean)).map((sport) => ` ${sport}`)).toEqual(answers);
      expect(sportOf(nameIn(corrupt)).map((sport) => ` ${sport}`)).toEqual(wrongAnswers);
      expect(answers).not.toEqual(wrongAnswers);
    }
  });

  it('aligned: names of as many tokens as most have, with their first and last token', () => {
    const file = generateSportsPlayers({ encoder, count: 100, seed: 0, aligned: true });
    expect(file.wordIdxs.last! - file.wordIdxs.first!).toBe(1);
    for (const { clean, corrupt } of file.prompts) {
      for (const text of [clean, corrupt]) {
        const tokens = encoder.encode(String(text), { bos: false }).map((id) => encoder.decode([id]));
        expect(tokens.slice(file.wordIdxs.first, file.wordIdxs.last! + 1).join('')).toBe(nameIn(text));
        expect(nameIn(text)).not.toMatch(/^(Larry|Kevin|Tom|Josh|Babe|Derek) /);
      }
    }
  });
});
