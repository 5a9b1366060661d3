import { describe, expect, it } from 'vitest';
import { tinyPrompts } from '../testing/tiny-transformer.js';
import { withSpans } from './spans.js';
import { parseSpans } from './spans-file.js';

const read = (value: unknown) => parseSpans(typeof value === 'string' ? value : JSON.stringify(value), 'spans.json');
const { prompts } = tinyPrompts(2);

describe('a file of spans', () => {
  it('has a row for each prompt, or for each number of tokens', () => {
    const byPrompt = read({ spans: ['a', 'b'], prompts: [['a', 'a', 'b'], ['a', 'b', 'b']] }); // biome-ignore format: a line
    expect(withSpans(prompts, byPrompt).map(({ spans }) => spans)).toEqual([
      [0, 0, 1],
      [0, 1, 1],
    ]);
    const byLength = read({ spans: ['a', 'b'], lengths: { 2: ['a', 'b'], 3: ['a', 'b', 'b'] } });
    expect(withSpans(prompts, byLength).map(({ spans }) => spans)).toEqual([
      [0, 1, 1],
      [0, 1, 1],
    ]);
  });
  it.each([
    ['{', 'invalid-json', {}],
    [{ spans: [], prompts: [] }, 'invalid-file', { key: 'spans' }],
    [{ spans: ['a'] }, 'invalid-file', { key: 'prompts' }],
    [{ spans: ['a'], prompts: [], lengths: {} }, 'invalid-file', { key: 'prompts' }],
    [{ spans: ['a'], prompts: [[1]] }, 'invalid-file', { key: 'prompts[0][0]' }],
    [{ spans: ['a'], prompts: [], more: 1 }, 'invalid-file', {}],
  ])('is refused: %j', (value, code, fields) => {
    expect(() => read(value)).toThrow(
      expect.objectContaining({ code, fields: expect.objectContaining({ path: 'spans.json', ...fields }) }),
    );
  });
  it.each([{ prompts: [['a', 'a', 'a']] }, { lengths: { 4: ['a', 'a', 'a', 'a'] } }])(
    'without a row for a prompt is refused there: %j',
    (rows) => {
      expect(() => withSpans(prompts, read({ spans: ['a'], ...rows }))).toThrow(
        expect.objectContaining({ code: 'invalid-prompt', message: expect.stringContaining('spans.json') }),
      );
    },
  );
});
