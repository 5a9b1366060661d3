import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { differences, toJsonNumber, toJsonText } from './schemas.js';

describe('JSON', () => {
  it('writes ∞ as a word and never NaN', () => {
    expect(toJsonNumber(Number.NEGATIVE_INFINITY, 'x')).toBe('-inf');
    expect(errorOf(() => toJsonNumber(Number.NaN, 'the KL'))).toMatchObject({
      code: 'not-finite',
      fields: { name: 'the KL' },
    });
    expect(errorOf(() => toJsonText({ deep: [{ x: Infinity }] }, 'f.json'))).toMatchObject({
      code: 'internal',
      fields: { key: 'x' },
    });
    expect(JSON.parse(toJsonText({ x: 0.1 + 0.2 }, 'f'))).toEqual({ x: 0.1 + 0.2 });
  });

  it('names what differs, at any depth', () => {
    expect(differences({ a: { b: 1 }, c: [1], d: 2 }, { a: { b: 2 }, c: [1], e: 3 })).toEqual([
      'a.b was 1 and is now 2',
      'd was 2 and is now absent',
      'e was absent and is now 3',
    ]);
  });
});
