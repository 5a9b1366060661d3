import { describe, expect, it } from 'vitest';
import { didYouMean, nearestNames, unknownName } from './names.js';
import { peerWords } from './peer-words.js';

describe('nearestNames', () => {
  const known = ['logit-diff', 'logprob-diff', 'kl', 'accuracy'];

  it('gives the nearest first, whatever their case, and none that is far', () => {
    expect(nearestNames('Logit-Dif', known)).toEqual(['logit-diff']);
    expect(nearestNames('logpro-diff', known)[0]).toBe('logprob-diff');
    expect(nearestNames('nothing-like-it', known)).toEqual([]);
    expect(nearestNames('lk', known)).toEqual(['kl']); // two letters swapped are one mistake
    expect(nearestNames('kx', known)).toEqual(['kl']);
  });

  it('gives no more than asked for', () => {
    const alike = ['a1', 'a2', 'a3', 'a4', 'a5'];
    expect(nearestNames('a0', alike)).toEqual(['a1', 'a2', 'a3']);
    expect(nearestNames('a0', alike, 5)).toHaveLength(5);
  });
});

describe('unknownName', () => {
  it('has the names as fields, and lists at most forty in its sentence', () => {
    const known = Array.from({ length: 60 }, (_, i) => `name-${i}`);
    const error = unknownName('registry', 'metric', 'nam-3', known);
    expect(error).toMatchObject({ code: 'unknown-name', fields: { what: 'metric', name: 'nam-3', known } });
    expect(error.fields.nearest).toContain('name-3');
    expect(error.message).toContain('unknown metric "nam-3"; did you mean "name-3"');
    expect(error.message).toMatch(/name-39, … \(60 in all\)$/);
  });

  it('says so where nothing is known', () => {
    expect(unknownName('x', 'task', 'ioi', []).message).toBe('[x] unknown task "ioi"; known: none');
  });
});

describe('names of other tools', () => {
  const algos = ['acdc', 'eap', 'eap-ig-inputs', 'eap-ig-activations', 'node-attribution', 'exact'];
  it.each([
    ['eap-ig', algos, ['eap-ig-inputs', 'eap-ig-activations']],
    ['EAP_IG', algos, ['eap-ig-inputs', 'eap-ig-activations']],
    ['AtP*', algos, ['eap', 'node-attribution']],
    ['kldiv', ['kl', 'mse'], ['kl']],
    ['kl_div', ['kl', 'mse'], ['kl']],
    ['zeros', ['resample', 'zero'], ['zero']],
    ['cuda', ['interpreter', 'onnx', 'tfjs'], []],
    ['gpu', ['cpu', 'cuda'], ['cuda', 'cpu']],
  ])('%s is ours of those that are known', (name, known, nearest) => {
    expect(nearestNames(name, known)).toEqual(nearest);
  });

  it('are none for names of the language, and nothing is said where nothing is near', () => {
    expect(peerWords('toString', ['a'])).toEqual([]);
    expect(didYouMean(['a', 'b'])).toBe('did you mean "a" or "b"?');
    expect(didYouMean([])).toBe('');
  });
});
