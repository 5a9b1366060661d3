/** @file The prompts of ioi-mini: the shipped bytes, what they ask, and that training never saw their pairs of names. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parsePromptFile } from '@auto-circuit/core';
import { Registry } from '@auto-circuit/core/plugin';
import { afterAll, describe, expect, it } from 'vitest';
import { tasksPlugin } from '../plugin.js';
import { ioiMini, ioiMiniPositions } from './task.js';

const SENTENCES = new URL('../../../../datasets/ioi-mini/sentences.mjs', import.meta.url).href;
const GENERATOR = fileURLToPath(new URL('../../../../datasets/ioi-mini/generate.mjs', import.meta.url));
const SHIPPED: Readonly<Record<string, string>> = {
  'ioi-mini.json': '../../data/',
  'ioi-mini-positions.json': '../../data/',
  'tokenizer.json': '../../../models/shipped-data/ioi-mini/',
  'tokenizer_config.json': '../../../models/shipped-data/ioi-mini/',
};
const folder = mkdtempSync(join(tmpdir(), 'ioi-mini-'));
afterAll(() => rmSync(folder, { recursive: true }));

const words = (text: unknown): string[] => String(text).split(' ');
const promptsOf = ({ data }: typeof ioiMini) => parsePromptFile(readFileSync(data as URL, 'utf8'), String(data));

describe('the generator of ioi-mini', () => {
  it('gives the shipped bytes', () => {
    execFileSync(process.execPath, [GENERATOR, '--out', folder]);
    for (const [name, at] of Object.entries(SHIPPED)) {
      const shipped = readFileSync(new URL(`${at}${name}`, import.meta.url), 'utf8');
      expect(readFileSync(join(folder, name), 'utf8'), name).toBe(shipped);
    }
  });
});

describe('the training corpus of ioi-mini', () => {
  it('never puts two names together that a prompt does', async () => {
    const { trainingSentences } = (await import(SENTENCES)) as {
      trainingSentences(seed: number): Iterator<{ text: string }>;
    };
    const pairs = [ioiMini, ioiMiniPositions]
      .flatMap((task) => promptsOf(task).prompts)
      .map(({ answers, wrongAnswers }) => [String(answers[0]).trim(), String(wrongAnswers[0]).trim()] as const);
    const sentences = trainingSentences(1);
    for (let i = 0; i < 5000; i++) {
      const { text } = sentences.next().value as { text: string };
      const list = new Set(words(text));
      expect(
        pairs.some(([a, b]) => list.has(a) && list.has(b)),
        text,
      ).toBe(false);
    }
  });
});

describe.each([
  ['ioi-mini', ioiMini, 320],
  ['ioi-mini-positions', ioiMiniPositions, 200],
] as const)('%s', (name, task, count) => {
  const file = promptsOf(task);

  it('is registered under its name', () => {
    const registry = new Registry();
    registry.use(tasksPlugin, '@auto-circuit/tasks');
    expect(registry.get('task', name)).toBe(task);
  });

  it(`has ${count} different prompts`, () => {
    expect(file.prompts).toHaveLength(count);
    expect(new Set(file.prompts.map(({ clean }) => clean)).size).toBe(count);
  });

  it('asks for the one of two people who does not give; corrupt puts a third person in place of the giver', () => {
    for (const { clean, corrupt, answers, wrongAnswers } of file.prompts) {
      const [before, after] = [words(clean), words(corrupt)];
      const changed = before.flatMap((word, i) => (word === after[i] ? [] : [i]));
      expect(changed, String(clean)).toHaveLength(1);
      const [answer, giver] = [String(answers[0]).trim(), String(wrongAnswers[0]).trim()];
      expect(before[changed[0]!]).toBe(giver);
      const times = (list: string[], word: string): number => list.filter((w) => w === word).length;
      expect([times(before, answer), times(before, giver)], String(clean)).toEqual([1, 2]);
      expect([times(after, answer), times(after, giver), times(after, after[changed[0]!]!)]).toEqual([1, 1, 1]);
    }
  });
});

describe('lengths and positions', () => {
  it('has most prompts of ioi-mini at one length, in both orders', () => {
    const { prompts } = promptsOf(ioiMini);
    const lengths = prompts.map(({ clean }) => words(clean).length);
    const ofLength = (length: number): number => lengths.filter((l) => l === length).length;
    expect([9, 14, 19].map(ofLength)).toEqual([20, 280, 20]);
    const answerFirst = prompts.filter(({ clean, answers, wrongAnswers }) => {
      const list = words(clean);
      return list.indexOf(String(answers[0]).trim()) < list.indexOf(String(wrongAnswers[0]).trim());
    });
    expect(answerFirst).toHaveLength(160);
  });

  it('has every word class of ioi-mini-positions where word_idxs says', () => {
    const { prompts, wordIdxs, seqLabels } = promptsOf(ioiMiniPositions);
    expect(seqLabels).toHaveLength(14);
    for (const { clean, answers, wrongAnswers } of prompts) {
      const list = words(clean);
      expect(list).toHaveLength(14);
      expect(list[wordIdxs.IO!]).toBe(String(answers[0]).trim());
      expect([list[wordIdxs.S1!], list[wordIdxs.S2!]]).toEqual(
        [wrongAnswers[0], wrongAnswers[0]].map((w) => String(w).trim()),
      );
      expect(list[wordIdxs.end!]).toBe('to');
    }
  });
});
