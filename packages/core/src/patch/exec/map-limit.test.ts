import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { mapLimit } from './map-limit.js';

describe('mapLimit', () => {
  it('runs at most so many at once, and gives results in the order of the items', async () => {
    for (const most of [1, 2, 3]) {
      let [running, highest] = [0, 0];
      const results = await mapLimit([30, 5, 20, 1, 10], most, async (ms) => {
        highest = Math.max(highest, ++running);
        await sleep(ms);
        running--;
        return ms;
      });
      expect([results, highest]).toEqual([[30, 5, 20, 1, 10], most]);
    }
    expect(await mapLimit([], 3, async () => 1)).toEqual([]);
  });

  it('throws the error of the first item, begins no more and leaves nothing running', async () => {
    const begun: number[] = [];
    let running = 0;
    const failing = mapLimit([20, 5, 1, 1], 2, async (ms) => {
      begun.push(ms);
      running++;
      await sleep(ms);
      running--;
      throw new Error(`after ${ms}`);
    });
    await expect(failing).rejects.toThrow('after 20');
    expect([begun, running]).toEqual([[20, 5], 0]);
  });
});
