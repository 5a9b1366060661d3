/** @file Small tokenizers of every kind against Python's `tokenizers`: `scripts/tokenizers/make.py` made them and their answers. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { preTokenizer } from './pre-tokenizers.js';
import { splitBehavior, splitPiece } from './split-text.js';
import { loadTokenizer } from './tokenizer.js';

const FOLDER = fileURLToPath(new URL('../../test-data/tokenizers', import.meta.url));
const read = <T>(...path: string[]): T => JSON.parse(readFileSync(join(FOLDER, ...path), 'utf8'));
const strings = read<string[]>('strings.json');
const names = readdirSync(FOLDER, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

it('there are enough of them', () => {
  expect(names.length).toBeGreaterThanOrEqual(14);
  expect(strings.length).toBeGreaterThanOrEqual(200);
});

it.each(names)('%s encodes and decodes as Python does', (name) => {
  const tokenizer = loadTokenizer(join(FOLDER, name));
  const expected = read<[ids: number[], decoded: string | null][]>(name, 'expected.json');
  for (const [i, [ids, decoded]] of expected.entries()) {
    const text = strings[i]!;
    expect(tokenizer.encode(text, { bos: false }), JSON.stringify(text)).toEqual(ids);
    expect(tokenizer.decode(ids), JSON.stringify(text)).toBe(decoded ?? text);
  }
});

/** The table in the documentation of Rust's `SplitDelimiterBehavior`: "the-final--countdown" cut at "-". */
describe('splitPiece', () => {
  it.each([
    ['Removed', ['the', 'final', 'countdown']],
    ['Isolated', ['the', '-', 'final', '-', '-', 'countdown']],
    ['MergedWithPrevious', ['the-', 'final-', '-', 'countdown']],
    ['MergedWithNext', ['the', '-final', '-', '-countdown']],
    ['Contiguous', ['the', '-', 'final', '--', 'countdown']],
  ])('%s', (behavior, expected) => {
    const pieces = splitPiece({ text: 'the-final--countdown', first: true }, /-/gu, splitBehavior(behavior));
    expect(pieces.map(({ text }) => text)).toEqual(expected);
    expect(pieces.map(({ first }) => first)).toEqual(expected.map((_, i) => i === 0));
  });

  it('has no first piece where what begins the text is left out', () => {
    expect(splitPiece({ text: '-a', first: true }, /-/gu, 'removed')).toEqual([{ text: 'a', first: false }]);
  });
});

/** By the documentation of Rust's `Metaspace`: `prepend_scheme` and `split`. */
describe('Metaspace', () => {
  const pieces = (settings: object, first = true) =>
    preTokenizer({ type: 'Metaspace', replacement: '▁', ...settings })([{ text: 'a b  c', first }]).map(
      ({ text }) => text,
    );

  it.each([
    [{}, ['▁a', '▁b', '▁', '▁c']],
    [{ split: true, prepend_scheme: 'never' }, ['a', '▁b', '▁', '▁c']],
    [{ split: false }, ['▁a▁b▁▁c']],
    [{ split: false, prepend_scheme: 'first' }, ['▁a▁b▁▁c']],
    [{ split: false, add_prefix_space: false }, ['a▁b▁▁c']],
  ])('%j', (settings, expected) => {
    expect(pieces(settings)).toEqual(expected);
  });

  it('puts it before the first piece only under "first"', () => {
    expect(pieces({ split: false, prepend_scheme: 'first' }, false)).toEqual(['a▁b▁▁c']);
    expect(pieces({ split: false, prepend_scheme: 'always' }, false)).toEqual(['▁a▁b▁▁c']);
  });
});
