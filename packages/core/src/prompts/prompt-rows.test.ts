import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { parsePromptFile } from './prompt-file.js';

/** As EAP-IG's `ioi.csv`: an index without a name, token ids, a column that is not ours. */
const CSV = `,clean,corrupted,corrupted_hard,correct_idx,incorrect_idx
470,"Then, Ann and Bob ran. Ann gave it to","Then, Ann and Bob ran. Tim gave it to",x,47764,26757
184,Bob gave to,Tim gave to,x,"[5, 7]",9
`;
/** As feature-circuits' `simple_test.json`, which is JSON lines by content. */
const LINES = `{"clean_prefix": "The uncle", "patch_prefix": "The uncles", "clean_answer": " has", "patch_answer": " have", "case": "singular"}
{"clean_prefix": "The guys", "patch_prefix": "The guy", "clean_answer": " do", "patch_answer": " does", "case": "plural"}
`;

describe('prompt files of rows', () => {
  it('reads CSV', () => {
    const { kind, prompts } = parsePromptFile(CSV, 'ioi.csv');
    expect(kind).toBe('text');
    expect(prompts).toEqual([
      {
        clean: 'Then, Ann and Bob ran. Ann gave it to',
        corrupt: 'Then, Ann and Bob ran. Tim gave it to',
        answers: [47764],
        wrongAnswers: [26757],
      },
      { clean: 'Bob gave to', corrupt: 'Tim gave to', answers: [5, 7], wrongAnswers: [9] },
    ]);
    expect(parsePromptFile(`\uFEFF${CSV.replaceAll('\n', '\r\n')}`, 'IOI.CSV').prompts).toEqual(prompts);
  });

  it('keeps the spaces of answers in text', () => {
    const { prompts } = parsePromptFile('clean\tcorrupt\tanswers\twrong_answers\na to\tb to\t Mary\t Bob\n', 'p.tsv');
    expect(prompts).toEqual([{ clean: 'a to', corrupt: 'b to', answers: [' Mary'], wrongAnswers: [' Bob'] }]);
  });

  it.each(['simple.jsonl', 'simple_test.json'])('reads JSON lines in %s', (path) => {
    expect(parsePromptFile(LINES, path).prompts).toEqual([
      { clean: 'The uncle', corrupt: 'The uncles', answers: [' has'], wrongAnswers: [' have'] },
      { clean: 'The guys', corrupt: 'The guy', answers: [' do'], wrongAnswers: [' does'] },
    ]);
  });

  it('reads our own fields in JSON lines, one or more', () => {
    const line = '{"clean":[1,2],"corrupt":[3,4],"correct":[5]}\n';
    expect(parsePromptFile(line, 'p.jsonl')).toMatchObject({ kind: 'tokens', prompts: [{ answers: [5] }] });
    expect(parsePromptFile(line + line, 'p.jsonl').prompts).toHaveLength(2);
  });

  it.each([
    ['a row too long', 'clean,corrupt,answers\na,b,c\na,b,c,d\n', 'p.csv', { path: 'p.csv', line: 3 }],
    ['an open quote', 'clean,corrupt,answers\na,b,"c\n', 'p.csv', { path: 'p.csv', line: 2 }],
    [
      'an id that is none',
      'clean,corrupt,correct_idx,incorrect_idx\na,b,c,4\n',
      'p.csv',
      { path: 'p.csv', line: 2, key: 'correct_idx' },
    ],
    [
      'two names of one field',
      'clean,corrupt,correct,correct_idx\na,b,c,4\n',
      'p.csv',
      { path: 'p.csv', line: 2, key: 'correct_idx' },
    ],
    [
      'a line that is no object',
      '{"clean":"a","corrupt":"b","answers":1}\n7\n',
      'p.jsonl',
      { path: 'p.jsonl', line: 2 },
    ],
  ])('refuses %s', (_, text, path, fields) => {
    expect(errorOf(() => parsePromptFile(text, path))).toMatchObject({ code: 'invalid-file', fields });
  });

  it('names the line of a prompt that is not usable', () => {
    const noAnswer = 'clean,corrupted,label\n"a\nb",c,52\nd,e,53\n'; // as greater_than_data.csv: its label is no token
    expect(errorOf(() => parsePromptFile(noAnswer, 'gt.csv'))).toMatchObject({
      code: 'invalid-prompt',
      fields: { path: 'gt.csv', prompt: 0, line: 2 },
    });
    expect(errorOf(() => parsePromptFile('clean,answers\na,b\n', 'p.csv'))).toMatchObject({
      code: 'invalid-file',
      fields: { path: 'p.csv, line 2', key: 'corrupt' },
    });
    expect(errorOf(() => parsePromptFile('{"clean":\n', 'p.jsonl'))).toMatchObject({ code: 'invalid-json' });
    expect(errorOf(() => parsePromptFile('clean,corrupt\n', 'p.csv'))).toMatchObject({ code: 'no-prompts' });
  });

  it.each([
    ['JSON', 'prompts.json', '{"prompts":[{"cleen":"a","corrupt":"b","answers":["c"]}]}'],
    ['CSV', 'prompts.csv', 'cleen,corrupt,answers\na,b,c\n'],
  ])('says which name may be a misspelt one: %s', (_, path, text) => {
    expect(errorOf(() => parsePromptFile(text, path))).toMatchObject({
      code: 'invalid-file',
      message: expect.stringContaining('rename "cleen" to "clean"'),
    });
  });
});
