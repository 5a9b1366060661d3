import { expect, it } from 'vitest';
import { loadRuntime } from './load.js';
import { TransposedWeightCache } from './transposed-weight-cache.js';

const { tf } = await loadRuntime({ device: 'cpu', threads: undefined, folder: undefined });

it('makes the copy of a weight once for each layout, and counts its bytes', () => {
  const cache = new TransposedWeightCache();
  const weight = tf.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
  cache.register(weight);
  let made = 0;
  const form = (key: string) =>
    cache.form(tf, weight, key, () => {
      made++;
      return tf.transpose(weight, [1, 0]);
    });
  const first = form('a');
  first.dispose(); // the caller frees what it got; the copy stays
  expect([...form('a').dataSync()]).toEqual([1, 4, 2, 5, 3, 6]);
  expect([made, cache.bytes]).toEqual([1, 24]);
  form('b');
  expect([made, cache.bytes]).toEqual([2, 48]);
});
it('frees the copies with the weight, and caches nothing of other tensors', () => {
  const cache = new TransposedWeightCache();
  const weight = tf.tensor([1, 2], [2]);
  const before = tf.memory().numTensors;
  cache.register(weight);
  cache.form(tf, weight, 'a', () => tf.neg(weight)).dispose();
  expect(tf.memory().numTensors).toBe(before + 1);
  cache.forget(weight);
  expect([tf.memory().numTensors, cache.bytes]).toEqual([before, 0]);
  cache.form(tf, weight, 'a', () => tf.neg(weight)).dispose();
  expect([tf.memory().numTensors, cache.bytes]).toEqual([before, 0]);
});
