import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { errorOf } from '../testing/errors.js';
import { checkJson, parseJson } from './json-file.js';

const origin = { where: 'test', path: 'a.json' };

describe('parseJson', () => {
  it('reads JSON, with a byte order mark too', () => {
    expect(parseJson('{"a": [1]}', origin)).toEqual({ a: [1] });
    expect(parseJson('\uFEFF[1]', origin)).toEqual([1]);
  });

  it.each(['', ' \n', '{"a":', 'NaN'])('refuses %j by the name of its file', (text) => {
    expect(errorOf(() => parseJson(text, origin))).toMatchObject({ code: 'invalid-json', fields: { path: 'a.json' } });
  });
});

describe('checkJson', () => {
  const schema = z.object({ name: z.string(), list: z.array(z.object({ n: z.number() })) });

  it('gives the value, without what the schema does not know', () => {
    expect(checkJson(schema, { name: 'x', list: [{ n: 1 }], more: 2 }, origin)).toEqual({
      name: 'x',
      list: [{ n: 1 }],
    });
  });

  it.each([
    [{ name: 3, list: [] }, 'name'],
    [{ name: 'x', list: [{ n: 1 }, { n: '2' }] }, 'list[1].n'],
    [{ name: 'x' }, 'list'],
    [[], 'the top level'],
    [null, 'the top level'],
  ])('names the first field of %j that is wrong', (value, key) => {
    expect(errorOf(() => checkJson(schema, value, origin))).toMatchObject({
      code: 'invalid-file',
      fields: { path: 'a.json', key },
    });
  });

  it('cuts names that are long, since whoever wrote the file chose them', () => {
    const record = z.record(z.string(), z.number());
    const { fields } = errorOf(() => checkJson(record, { ['x'.repeat(5000)]: 'a' }, origin)) as {
      fields: { key: string };
    };
    expect(fields.key).toBe('x'.repeat(80));
  });
});
