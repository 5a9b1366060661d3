/** @file Parquet files that pyarrow wrote, with rows in the form of MIB's data sets and in others. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parsePromptFile, readPromptBytes } from './prompt-file.js';

const open = async (name: string) =>
  readPromptBytes(await readFile(new URL(`../../test-data/${name}`, import.meta.url)), name);

describe('rows of MIB', () => {
  it('of IOI: the names with a space before them, and the prompt with S2 and IO exchanged', async () => {
    const { kind, prompts } = await open('mib-ioi.parquet');
    expect(kind).toBe('text');
    expect(prompts).toEqual([
      {
        clean: 'When Mary and John went to the store, John gave a drink to',
        corrupt: 'When Mary and John went to the store, Mary gave a drink to',
        answers: [' Mary'],
        wrongAnswers: [' John'],
      },
    ]);
  });

  it('of MCQA and ARC: the labels of the right choices, here and in the counterfactual with other symbols', async () => {
    const { prompts } = await open('mib-mcqa.parquet');
    expect(prompts).toHaveLength(2);
    expect(prompts[0]).toMatchObject({ answers: ['B'], wrongAnswers: ['D'], corrupt: expect.stringContaining('(C)') });
  });

  it('of arithmetic: numbers as text; a row without a counterfactual is left out and counted', async () => {
    const { prompts, rowsLeftOut } = await open('mib-arithmetic.parquet');
    expect(prompts).toEqual([
      { clean: 'The sum of 3 and 4 is ', corrupt: 'The sum of 5 and 4 is ', answers: ['7'], wrongAnswers: ['9'] },
    ]);
    expect(rowsLeftOut).toBe(1);
  });

  it('may be lines of JSON', () => {
    const row = { prompt: 'a', label: 7, random_counterfactual: { prompt: 'b', label: 9 } };
    const file = parsePromptFile(JSON.stringify(row), 'rows.jsonl');
    expect(file.prompts).toEqual([{ clean: 'a', corrupt: 'b', answers: ['7'], wrongAnswers: ['9'] }]);
    expect(file.rowsLeftOut).toBeUndefined();
    const refused = (change: object) => () => parsePromptFile(JSON.stringify({ ...row, ...change }), 'rows.jsonl');
    expect(refused({ label: null })).toThrow(
      expect.objectContaining({ code: 'invalid-file', fields: { path: 'rows.jsonl, line 1' } }),
    );
    expect(() => parsePromptFile('{"prompt":"a","abc_counterfactual":{"prompt":"b"}}', 'rows.jsonl')).toThrow(
      expect.objectContaining({ code: 'invalid-file', message: expect.stringContaining('got abc_counterfactual') }),
    );
  });
});

describe('Parquet', () => {
  it('has our columns or those of other tools, 64-bit ids as numbers', async () => {
    const { prompts } = await open('prompts-plain.parquet');
    expect(prompts).toEqual([{ clean: 'a b', corrupt: 'a c', answers: [5], wrongAnswers: [6, 7] }]);
  });

  it('is refused by name where it is damaged, or compressed in a way that is not read', async () => {
    await expect(open('prompts-zstd.parquet')).rejects.toMatchObject({
      code: 'invalid-file',
      fields: { path: 'prompts-zstd.parquet' },
    });
    const bytes = await readFile(new URL('../../test-data/mib-ioi.parquet', import.meta.url));
    await expect(readPromptBytes(bytes.subarray(0, 60), 'half.parquet')).rejects.toMatchObject({
      code: 'invalid-file',
    });
  });
});
