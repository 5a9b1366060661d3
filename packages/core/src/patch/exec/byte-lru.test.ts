import { describe, expect, it } from 'vitest';
import { ByteLru } from './byte-lru.js';

const keysOf = (lru: ByteLru<unknown>): string[] => lru.entries().map(([key]) => key);

it('a value that is asked for twice at once is made once, and not kept when everything was let go meanwhile', async () => {
  const lru = new ByteLru<number>();
  let made = 0;
  const make = async () => {
    await Promise.resolve();
    return ++made;
  };
  const both = await Promise.all([lru.getOrMake('a', make, () => 1), lru.getOrMake('a', make, () => 1)]);
  expect([both, made, lru.size]).toEqual([[1, 1], 1, 1]);
  const late = lru.getOrMake('b', make, () => 1);
  lru.clear();
  expect([await late, lru.size]).toEqual([2, 0]);
  const failing = () =>
    lru.getOrMake(
      'c',
      () => Promise.reject(new Error('no')),
      () => 1,
    );
  await expect(Promise.all([failing(), failing()])).rejects.toThrow('no');
  expect(await lru.getOrMake('c', make, () => 1)).toBe(3);
});

describe('ByteLru', () => {
  it('does not keep a value above its limit, and keeps the others for it', () => {
    const lru = new ByteLru<string>(100);
    lru.set('small', 'a', 40);
    expect(lru.set('large', 'b', 4000)).toBe(false);
    expect(lru.get('large')).toBeUndefined();
    expect([lru.get('small'), lru.bytes]).toEqual(['a', 40]);
  });

  it('keeps a value that fills the limit just so', () => {
    const lru = new ByteLru<string>(100);
    expect([lru.set('full', 'a', 100), lru.bytes]).toEqual([true, 100]);
  });

  it('lets go of the least recently used, and of no more than has to go', () => {
    const lru = new ByteLru<number>(100);
    for (const [i, key] of ['a', 'b', 'c'].entries()) lru.set(key, i, 30);
    lru.get('a');
    lru.set('d', 3, 35); // b goes, and then 95 are kept
    expect([keysOf(lru), lru.bytes]).toEqual([['c', 'a', 'd'], 95]);
  });

  it('counts a key that is set again once', () => {
    const lru = new ByteLru<string>(100);
    lru.set('a', 'old', 60);
    lru.set('a', 'new', 70);
    expect([lru.get('a'), lru.bytes, lru.size]).toEqual(['new', 70, 1]);
    expect([lru.set('a', 'too large', 101), lru.get('a'), lru.bytes]).toEqual([false, undefined, 0]);
  });

  it('makes what is not there, once', async () => {
    const lru = new ByteLru<number[]>(100);
    let made = 0;
    const numbers = (count: number) =>
      lru.getOrMake(
        `${count}`,
        async () => {
          made++;
          return new Array<number>(count).fill(1);
        },
        (value) => value.length,
      );
    expect([(await numbers(50)).length, (await numbers(50)).length, made]).toEqual([50, 50, 1]);
    expect([(await numbers(101)).length, (await numbers(101)).length, made]).toEqual([101, 101, 3]); // does not fit
  });

  it('never holds more than its limit, whatever is set', () => {
    const lru = new ByteLru<number>(64);
    for (let i = 0; i < 500; i++) {
      lru.set(`${(i * 7) % 11}`, i, (i * 13) % 80);
      expect(lru.bytes).toBeLessThanOrEqual(64);
    }
    lru.clear();
    expect([lru.bytes, lru.size]).toEqual([0, 0]);
  });

  it('without a limit lets go of nothing by itself', () => {
    const lru = new ByteLru<number>();
    for (let i = 0; i < 50; i++) lru.set(`${i}`, i, 2 ** 40);
    lru.delete('7');
    expect([lru.size, lru.get('7')]).toEqual([49, undefined]);
  });
});
