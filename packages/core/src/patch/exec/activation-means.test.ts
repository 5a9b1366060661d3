import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../tensor/tensor.js';
import { PositionSums, repeatedConstants, repeatedOverBatch } from './activation-means.js';

/** One site of two rows, three positions and one number: row r, prompt i, position p is 100·r + 10·p + the prompt's own. */
const written = (...prompts: number[]) =>
  new Map([
    [
      'start',
      floatTensor(
        Float32Array.from(
          [0, 1].flatMap((r) => prompts.flatMap((own) => [0, 1, 2].map((p) => 100 * r + 10 * p + own))),
        ),
        [2, prompts.length, 3, 1],
      ),
    ],
  ]);

describe('PositionSums', () => {
  it('weighs prompts alike, however they were cut', () => {
    const cut = new PositionSums();
    cut.add(written(1, 2));
    cut.add(written(6));
    const whole = new PositionSums();
    whole.add(written(1, 2, 6));
    const { shape, data } = cut.means().get('start')!;
    expect([shape, [...data]]).toEqual([
      [2, 1, 3, 1],
      [3, 13, 23, 103, 113, 123],
    ]);
    expect(whole.means()).toEqual(cut.means());
  });

  it('takes the mean over positions, and puts it at every position', () => {
    const sums = new PositionSums();
    sums.add(written(1, 3));
    expect([...sums.meansOverPositions().get('start')!.data]).toEqual([12, 12, 12, 112, 112, 112]);
  });
});

describe('what is the same for every prompt', () => {
  it('is repeated along the batch, row by row', () => {
    const sums = new PositionSums();
    sums.add(written(0));
    const { shape, data } = repeatedOverBatch(sums.means(), 2).get('start')!;
    expect(shape).toEqual([2, 2, 3, 1]);
    expect([...data]).toEqual([0, 10, 20, 0, 10, 20, 100, 110, 120, 100, 110, 120]);
  });

  it('is a constant at every position', () => {
    const values = { 'L0.attn': floatTensor(Float32Array.of(1, 2, 3, 4), [2, 2]) };
    const { shape, data } = repeatedConstants({ kind: 'constant', values }, 1, 2).get('L0.attn')!;
    expect([shape, [...data]]).toEqual([
      [2, 1, 2, 2],
      [1, 2, 1, 2, 3, 4, 3, 4],
    ]);
  });
});
