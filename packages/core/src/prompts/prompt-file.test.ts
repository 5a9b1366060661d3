import { describe, expect, it } from 'vitest';
import { AutoCircuitError } from '../errors/error.js';
import { seededRandom } from '../numeric/seeded-random.js';
import { errorOf } from '../testing/errors.js';
import { parsePromptFile, promptFileText } from './prompt-file.js';

const TEXT = {
  prompts: [
    {
      clean: 'Kate and Anna, Anna gave to',
      corrupt: 'Kate and Anna, Paul gave to',
      answers: [' Kate'],
      wrong_answers: [' Anna', ' Paul'],
    },
    { clean: 'a b c', corrupt: 'a d c', correct: [' x', ' y'], incorrect: ' z' },
    { clean: 'a b', corrupt: 'a d', answers: [7] },
  ],
  seq_labels: ['first', 'second'],
  word_idxs: { IO: 1, S: 3 },
};
const TOKENS = { prompts: [{ clean: [2, 13], corrupt: [2, 11], answers: [38], wrong_answers: [1, 24] }] };
const FEATURES = {
  prompts: [
    {
      clean: [
        [0.5, -1],
        [2, 0],
      ],
      corrupt: [
        [0, 1],
        [1, 1],
      ],
      answers: [0],
      wrong_answers: [1],
    },
  ],
};
const parse = (value: unknown) => parsePromptFile(JSON.stringify(value), 'p.json');

describe('parsePromptFile', () => {
  it('reads text with both names of the answers', () => {
    const file = parse({ ...TEXT, task: 'ioi' });
    expect(file).toMatchObject({
      path: 'p.json',
      kind: 'text',
      seqLabels: ['first', 'second'],
      wordIdxs: { IO: 1, S: 3 },
    });
    expect(file.prompts.map((p) => [p.answers, p.wrongAnswers])).toEqual([
      [[' Kate'], [' Anna', ' Paul']],
      [[' x', ' y'], [' z']],
      [[7], []],
    ]);
  });

  it('reads token ids and features', () => {
    expect(parse(TOKENS)).toMatchObject({ kind: 'tokens', seqLabels: null, wordIdxs: {} });
    expect(parse(FEATURES).prompts[0]).toEqual({
      clean: [
        [0.5, -1],
        [2, 0],
      ],
      corrupt: [
        [0, 1],
        [1, 1],
      ],
      answers: [0],
      wrongAnswers: [1],
    });
    expect(parse(FEATURES).kind).toBe('features');
  });

  const withPrompt = (extra: object) => ({ prompts: [TEXT.prompts[0], { ...TEXT.prompts[2], ...extra }] });
  it.each([
    ['no prompts', { prompts: [] }, 'no-prompts', {}],
    ['another shape', [1], 'invalid-file', { key: 'the top level' }],
    ['no list', { prompts: {} }, 'invalid-file', { key: 'prompts' }],
    ['a missing side', withPrompt({ clean: undefined }), 'invalid-file', { key: 'prompts[1].clean' }],
    ['flat floats', withPrompt({ clean: [1, 0.5] }), 'invalid-file', { key: 'prompts[1].clean' }],
    ['a negative id', withPrompt({ answers: [-1] }), 'invalid-file', { key: 'prompts[1].answers[0]' }],
    ['no answer', withPrompt({ answers: [] }), 'invalid-prompt', { prompt: 1 }],
    ['no answers field', withPrompt({ answers: undefined }), 'invalid-prompt', { prompt: 1 }],
    ['two names', withPrompt({ correct: [3] }), 'invalid-prompt', { prompt: 1 }],
    ['mixed kinds', withPrompt({ corrupt: [1, 2] }), 'invalid-prompt', { prompt: 1, key: 'corrupt' }],
    ['a wrong label', { ...TEXT, seq_labels: [1] }, 'invalid-file', { key: 'seq_labels[0]' }],
    ['a wrong place', { ...TEXT, word_idxs: { IO: -1 } }, 'invalid-file', { key: 'word_idxs.IO' }],
  ])('refuses %s', (_, value, code, fields) => {
    expect(errorOf(() => parse(value))).toMatchObject({ code, fields: { path: 'p.json', ...fields } });
  });

  it('says what it got in few words', () => {
    expect(() => parse(withPrompt({ clean: undefined }))).toThrow(
      /prompts\[1\]\.clean is wrong: expected text, .* got nothing/,
    );
    expect(() => parse(withPrompt({ clean: [1, 0.5] }))).toThrow(/got a list of the number 1, the float 0\.5/);
  });

  it('refuses what is not JSON', () => {
    for (const text of ['{"prompts": [', '']) {
      expect(errorOf(() => parsePromptFile(text, 'p.json'))).toMatchObject({
        code: 'invalid-json',
        fields: { path: 'p.json' },
      });
    }
    expect(() => parsePromptFile('', 'p.json')).toThrow(/p\.json is empty/);
    expect(parsePromptFile(`\uFEFF${JSON.stringify(TOKENS)}`, 'p.json').prompts).toHaveLength(1);
  });

  it('refuses lists nested without end', () => {
    const deep = `${'['.repeat(50_000)}1${']'.repeat(50_000)}`;
    expect(() => parsePromptFile(`{"prompts":[{"clean":${deep},"corrupt":"x","answers":[1]}]}`, 'p.json')).toThrow(
      /p\.json holds lists or objects that are nested too deeply/,
    );
  });

  it('never fails in another way, whatever is changed in a file', () => {
    const random = seededRandom(7, 'mutations');
    const sources = [TEXT, TOKENS, FEATURES].map((file) => JSON.stringify(file));
    const pieces = [
      'null',
      '[]',
      '{}',
      '""',
      '-1',
      '1e999',
      '0.5',
      '"answers":',
      '"__proto__":',
      '\\ud800',
      '\u0000',
      ',',
      ':',
      '[',
      ']',
      '{',
      '}',
      '"',
    ];
    const outcomes = { parsed: 0, refused: 0 };
    for (let i = 0; i < 10_000; i++) {
      let text = sources[random.below(sources.length)]!;
      for (let n = random.below(3); n >= 0; n--) {
        const [a, b] = [random.below(text.length + 1), random.below(text.length + 1)].sort((x, y) => x - y) as [
          number,
          number,
        ];
        const edits: (() => string)[] = [
          () => text.slice(0, a) + text.slice(Math.min(b, a + 6)),
          () => text.slice(0, a) + pieces[random.below(pieces.length)]! + text.slice(a),
          () => text.slice(0, b) + text.slice(a),
          () => text.slice(0, a) + String.fromCharCode(random.below(0x3000)) + text.slice(a + 1),
          () => {
            const values = [...text.matchAll(/"[^"]*"|-?\d+(?:\.\d+)?|\[[^[\]]*\]/g)];
            const value = values[random.below(values.length)];
            return value
              ? text.slice(0, value.index) + pieces[random.below(8)]! + text.slice(value.index + value[0].length)
              : text;
          },
        ];
        text = edits[random.below(edits.length)]!();
      }
      try {
        const file = parsePromptFile(text, 'mutated.json');
        expect(file.prompts.length).toBeGreaterThan(0);
        outcomes.parsed++;
      } catch (error) {
        if (!(error instanceof AutoCircuitError)) throw new Error(`another error for ${text}`, { cause: error });
        outcomes.refused++;
      }
    }
    // Both ways are really taken.
    expect(outcomes.parsed).toBeGreaterThan(500);
    expect(outcomes.refused).toBeGreaterThan(5000);
  });
});

describe('promptFileText', () => {
  it.each([
    ['text', TEXT],
    ['token ids', TOKENS],
    ['features', FEATURES],
  ])('is read back as it was: %s', (_, value) => {
    const file = parse(value);
    expect(parsePromptFile(promptFileText(file), 'p.json')).toEqual(file);
  });

  it('puts a prompt on each line', () => {
    expect(promptFileText(parse(TOKENS))).toBe(
      '{"prompts":[\n{"clean":[2,13],"corrupt":[2,11],"answers":[38],"wrong_answers":[1,24]}\n]}\n',
    );
  });
});
