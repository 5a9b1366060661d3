import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from './codes.js';
import { AutoCircuitError, EXIT_CODES, errorSentence } from './error.js';

describe('AutoCircuitError', () => {
  it('makes one sentence of its parts, and leaves out what is not there', () => {
    const whole = {
      code: 'invalid-layout' as const,
      where: 'graph',
      what: 'it is wrong',
      expected: 'one',
      got: 'two',
      fix: 'mend it',
    };
    expect(errorSentence(whole)).toBe('[graph] it is wrong: expected one, got two; mend it');
    expect(errorSentence({ where: 'graph', what: 'it is wrong', got: 'two' })).toBe('[graph] it is wrong: got two');
    expect(errorSentence({ where: 'graph', what: 'it is wrong', fix: 'mend it' })).toBe('[graph] it is wrong; mend it');
    expect(new AutoCircuitError(whole).message).toBe(errorSentence(whole));
  });

  it('keeps code, fields, cause and parts for programs; fields cannot be changed', () => {
    const cause = new Error('below');
    const error = new AutoCircuitError({
      code: 'file-not-found',
      fields: { path: '/x' },
      where: 'a',
      what: 'b',
      cause,
    });
    expect(error).toMatchObject({ name: 'AutoCircuitError', code: 'file-not-found', kind: 'user', where: 'a', cause });
    expect(error.fields).toEqual({ path: '/x' });
    expect(Object.isFrozen(error.fields)).toBe(true);
    expect(error.parts.what).toBe('b');
  });

  it('exits by kind: 2 for a mistake of the user, 1 for one of ours, 130 when interrupted', () => {
    expect(EXIT_CODES).toEqual({ user: 2, internal: 1, interrupted: 130 });
  });
});

describe('ERROR_CODES', () => {
  it.each(Object.entries(ERROR_CODES))('%s is in kebab-case and says what it means on one line', (code, meaning) => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(meaning).toMatch(/^[^\n]{10,160}$/);
    if (meaning.includes('fields:')) expect(meaning).toMatch(/; fields: [a-zA-Z]+(, [a-zA-Z]+)*$/);
  });
});
