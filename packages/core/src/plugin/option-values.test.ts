import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { expectedText, parseOptions } from './option-values.js';

const TABLE = {
  steps: { type: 'int', default: 5, min: 1, max: 100, doc: 'steps' },
  rate: { type: 'number', default: 0.1, min: 0, doc: 'learning rate' },
  mode: { type: 'enum', values: ['inputs', 'activations'], default: 'inputs', doc: 'path' },
  maxEdges: { type: 'int', default: 10, doc: 'edges' },
  freeze: { type: 'boolean', default: false, doc: 'freeze' },
  label: { type: 'string', default: '', doc: 'label' },
} as const;

describe('parseOptions', () => {
  it('gives the defaults for nothing', () => {
    expect(parseOptions(TABLE, {}, 'x')).toEqual({
      steps: 5,
      rate: 0.1,
      mode: 'inputs',
      maxEdges: 10,
      freeze: false,
      label: '',
    });
  });

  it('reads command line text and takes values as they are', () => {
    const text = parseOptions(
      TABLE,
      { steps: '7', rate: '1e-2', mode: 'activations', 'max-edges': '-3', freeze: 'yes' },
      'x',
    );
    expect(text).toEqual({ steps: 7, rate: 0.01, mode: 'activations', maxEdges: -3, freeze: true, label: '' });
    const values = parseOptions(TABLE, { steps: 7, rate: 0.01, freeze: true, maxEdges: undefined }, 'x');
    expect(values).toMatchObject({ steps: 7, rate: 0.01, freeze: true, maxEdges: 10 });
    const steps: number = values.steps;
    const mode: 'inputs' | 'activations' = values.mode; // narrow: the table gives the type
    expect([steps, mode]).toEqual([7, 'inputs']);
  });

  it.each([
    [{ steps: '2.5' }, '[x] option "steps" is not valid: expected a whole number from 1 up to 100, got "2.5"'],
    [{ steps: 0 }, '[x] option "steps" is not valid: expected a whole number from 1 up to 100, got 0'],
    [{ steps: '101' }, 'up to 100, got "101"'],
    [{ steps: '0x10' }, 'got "0x10"'],
    [{ rate: '' }, '[x] option "rate" is not valid: expected a number from 0, got ""'],
    [{ rate: 'inf' }, 'got "inf"'],
    [{ rate: [1] }, 'got a list'],
    [{ freeze: 'maybe' }, 'expected true or false, got "maybe"'],
    [{ label: 3 }, 'expected text, got 3'],
    [{ mode: 'input' }, '[x] option "mode" is not valid: expected one of inputs, activations, got "input"'],
    [{ stepps: '3' }, '[x] unknown option "stepps"; did you mean "steps"?'],
    [{ maxEdges: 1, 'max-edges': 2 }, '[x] option "maxEdges" is given as "maxEdges" and as "max-edges"'],
  ])('refuses %j in one sentence', (given, sentence) => {
    expect(() => parseOptions(TABLE, given, 'x')).toThrow(sentence);
  });

  it.each([
    [{ steps: '2.5' }, 'invalid-option', { option: 'steps', got: '2.5' }],
    [{ stepps: '3' }, 'unknown-name', { name: 'stepps', nearest: ['steps'] }],
    [{ maxEdges: 1, 'max-edges': 2 }, 'conflicting-options', { options: ['maxEdges', 'max-edges'] }],
  ])('refuses %j by a code', (given, code, fields) => {
    expect(errorOf(() => parseOptions(TABLE, given, 'x'))).toMatchObject({ code, fields });
  });

  it('says so when there are no options at all', () => {
    expect(() => parseOptions({}, { steps: '3' }, 'eap')).toThrow('[eap] unknown option "steps"; eap has no options');
  });

  it('an option without an upper bound of infinity may not be infinite', () => {
    const open = { tau: { type: 'number', default: 1, max: Number.POSITIVE_INFINITY, doc: 'threshold' } } as const;
    expect(parseOptions(open, { tau: 'inf' }, 'x').tau).toBe(Number.POSITIVE_INFINITY);
    expect(expectedText({ type: 'number', min: 0 })).toBe('a number from 0');
  });
});
