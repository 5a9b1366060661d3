import { describe, expect, it } from 'vitest';
import { seededRandom } from '../numeric/seeded-random.js';
import { exactLowerBound } from '../statistics/binomial.js';
import { Certifier, certifiedRadius } from './certificate.js';

/** The exact probability that a random subset of `prompts` is decided `true`. */
function chance(prompts: readonly number[], deletion: number, decided: (subset: readonly number[]) => boolean): number {
  let sum = 0;
  for (let bits = 0; bits < 2 ** prompts.length; bits++) {
    const subset = prompts.filter((_, i) => (bits >> i) & 1);
    if (decided(subset)) sum += (1 - deletion) ** subset.length * deletion ** (prompts.length - subset.length);
  }
  return sum;
}

describe('certifiedRadius', () => {
  it('is the most edits that leave the majority, by hand', () => {
    // all subsets agree: p^r > ½. 0.8^3 = 0.512, 0.8^4 = 0.41
    expect(certifiedRadius(1, 0.8)).toBe(3);
    // 0.8^2 − 0.1 = 0.54, 0.8^3 − 0.1 = 0.41
    expect(certifiedRadius(0.9, 0.8)).toBe(2);
    expect(certifiedRadius(0.6, 0.8)).toBe(0);
    expect(certifiedRadius(1, 0.5)).toBe(0); // 0.5 is no majority
  });

  it('holds for every decision and every edit of few prompts: counted over all subsets', () => {
    const random = seededRandom(3);
    const deletion = 0.85;
    let tested = 0;
    for (let trial = 0; trial < 400; trial++) {
      // a decision for every subset of prompts 0 … 7, mostly true, so that there is something to certify
      const bias = 0.9 + 0.1 * random.uniform();
      const table = Array.from({ length: 256 }, () => random.uniform() < bias);
      const decided = (subset: readonly number[]) => table[subset.reduce((bits, prompt) => bits | (1 << prompt), 0)]!;
      const before = [0, 1, 2, 3, 4];
      const radius = certifiedRadius(chance(before, deletion, decided), deletion);
      const edited = [
        [1, 2, 3, 4], // one left out
        [0, 1, 2, 3, 4, 5], // one added
        [5, 1, 2, 3, 4], // one replaced
        [5, 6, 2, 3, 4], // two replaced
        [1, 2, 3, 4, 7], // one left out, one added: one replaced
        [0, 1, 2, 5, 6, 7], // two replaced, one added
      ];
      for (const [i, after] of edited.entries()) {
        if (radius < [1, 1, 1, 2, 1, 3][i]!) continue;
        tested++;
        expect(chance(after, deletion, decided)).toBeGreaterThan(0.5);
      }
    }
    expect(tested).toBeGreaterThan(300);
  });

  it('is as large as it can be: a decision that only subsets of the other prompts come to turns over at one more edit', () => {
    // true exactly on what no edited prompt is in; p = .8, r = 3 replaced: .8^3 = .512 before; after it they all may be false but these
    const deletion = 0.8;
    for (const r of [1, 2, 3, 4]) {
      const before = [0, 1, 2, 3, 4];
      const after = before.map((prompt) => (prompt < r ? prompt + 8 : prompt));
      const decided = (subset: readonly number[]) => subset.every((prompt) => prompt < 8);
      expect(chance(before, deletion, decided)).toBeCloseTo(1, 12);
      expect(chance(after, deletion, decided)).toBeCloseTo(deletion ** r, 12);
      expect(chance(after, deletion, decided) > 0.5).toBe(r <= certifiedRadius(1, deletion));
    }
  });
});

describe('Certifier', () => {
  it('takes the exact bound of the votes, at an error divided among all edges', () => {
    const certifier = new Certifier({ subsets: 1000, deletion: 0.8, level: 0.95, edges: 262 });
    const bound = exactLowerBound(990, 1000, 0.025 / 262);
    expect(certifier.of(990)).toEqual({ certified: 'in', radius: certifiedRadius(bound, 0.8) });
    expect(certifier.of(10)).toEqual({ certified: 'out', radius: certifiedRadius(bound, 0.8) });
    expect(certifier.of(1000).radius).toBe(3); // .0000954^.001 = .9908: .512 − .0092 = .5028
    // 748 of 1000: more than .7, which one edit takes, for one edge; not so for all of 262 together
    expect(certifier.of(748).certified).toBe('abstains');
    expect(new Certifier({ subsets: 1000, deletion: 0.8, level: 0.95, edges: 1 }).of(748)).toEqual({
      certified: 'in',
      radius: 1,
    });
    expect(certifier.of(600)).toEqual({ certified: 'abstains', radius: 0 });
    expect(certifier.of(500).certified).toBe('abstains');
  });
});
