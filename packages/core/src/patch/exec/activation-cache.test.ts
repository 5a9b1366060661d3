import { describe, expect, it } from 'vitest';
import type { PromptBatch, Side } from '../../prompts/types.js';
import { floatTensor } from '../../tensor/tensor.js';
import { ActivationCache } from './activation-cache.js';
import type { Cut } from './micro-batches.js';

const batchOf = (prompts: number, length = 2): PromptBatch => ({
  length,
  prompts: Array.from({ length: prompts }, (_, index) => ({
    index,
    clean: new Array<number>(length).fill(index),
    corrupt: new Array<number>(length).fill(index + 10),
    answers: [0],
    wrongAnswers: [1],
  })),
});

/** Every source writes its tokens: 8 bytes a prompt of two tokens. */
function open(limitBytes: number) {
  const log: string[] = [];
  const cache = new ActivationCache(async (batch: PromptBatch, side: Side, [start, stop]: Cut) => {
    log.push(`${side} ${start}-${stop}`);
    const tokens = batch.prompts.slice(start, stop).flatMap((prompt) => prompt[side] as number[]);
    return new Map([['start', floatTensor(Float32Array.from(tokens), [1, stop - start, batch.length, 1])]]);
  }, limitBytes);
  return { cache, log };
}
const CUTS: readonly Cut[] = [
  [0, 2],
  [2, 4],
];

describe('ActivationCache', () => {
  it('captures a side of a cut once while it fits', async () => {
    const { cache, log } = open(64);
    const batch = batchOf(4);
    for (const side of ['clean', 'corrupt', 'clean'] as const) await cache.side(batch, side, [0, 4]);
    expect(log).toEqual(['clean 0-4', 'corrupt 0-4']);
    await cache.side(batchOf(4), 'clean', [0, 4]); // another batch, which takes the place of the least recently used
    await cache.side(batch, 'corrupt', [0, 4]);
    expect(log).toEqual(['clean 0-4', 'corrupt 0-4', 'clean 0-4', 'corrupt 0-4']);
  });

  it('takes prompts from a larger cut that another run left, as long as that is kept', async () => {
    const { cache, log } = open(64);
    const batch = batchOf(4);
    const rows = Float32Array.from({ length: 16 }, (_, i) => i); // two rows of four prompts of two tokens
    cache.keepSide(batch, 'clean', [0, 4], new Map([['start', floatTensor(rows, [2, 4, 2, 1])]]));
    const part = (await cache.side(batch, 'clean', [1, 3])).get('start')!;
    expect([part.shape, [...part.data]]).toEqual([
      [2, 2, 2, 1],
      [2, 3, 4, 5, 10, 11, 12, 13],
    ]);
    expect(log).toEqual([]);
    await cache.side(batch, 'corrupt', [1, 3]); // the other side has none
    await cache.side(batchOf(4), 'clean', [1, 3]); // nor has another batch
    cache.keepSide(batchOf(8), 'clean', [0, 8], new Map([['start', floatTensor(new Float32Array(16), [1, 8, 2, 1])]]));
    await cache.side(batch, 'clean', [0, 2]); // let go of by now
    expect(log).toEqual(['corrupt 1-3', 'clean 1-3', 'clean 0-2']);
  });

  it('keeps nothing above its limit', async () => {
    const { cache, log } = open(31);
    const batch = batchOf(4); // 32 bytes
    await cache.side(batch, 'clean', [0, 4]);
    await cache.side(batch, 'clean', [0, 4]);
    expect(log).toHaveLength(2);
  });

  it('prepares a whole batch where it fits, and one piece of it where not', async () => {
    const roomy = open(32);
    await roomy.cache.prepare(batchOf(4), 'corrupt', CUTS);
    expect(roomy.log).toEqual(['corrupt 0-2', 'corrupt 2-4']);
    const tight = open(31);
    await tight.cache.prepare(batchOf(4), 'corrupt', CUTS);
    expect(tight.log).toEqual(['corrupt 0-2']);
  });

  it('patches in what each ablation says', async () => {
    const { cache } = open(1000);
    const batch = batchOf(4);
    const mean = await cache.meanOf([{ batch, cuts: CUTS }], 'both');
    const numbers = async (patch: Parameters<typeof cache.patch>[1]) => [
      ...((await cache.patch(batch, patch, [2, 4], CUTS))?.get('start')?.data ?? []),
    ];
    expect(await numbers({ kind: 'zero' })).toEqual([]);
    expect(await cache.patch(batch, { kind: 'zero' }, [2, 4], CUTS)).toBeNull();
    expect(await numbers({ kind: 'resample', from: 'corrupt' })).toEqual([12, 12, 13, 13]);
    expect(await numbers({ kind: 'batch-mean', from: 'clean' })).toEqual([1.5, 1.5, 1.5, 1.5]);
    expect(await numbers({ kind: 'batch-position-mean', from: 'corrupt' })).toEqual([11.5, 11.5, 11.5, 11.5]);
    expect(await numbers(mean)).toEqual([6.5, 6.5, 6.5, 6.5]);
    const values = { start: floatTensor(Float32Array.of(7), [1, 1]) };
    expect(await numbers({ kind: 'constant', values })).toEqual([7, 7, 7, 7]);
  });

  it('refuses means of several lengths, of no prompts, and for prompts of another length', async () => {
    const { cache } = open(1000);
    const [two, three] = [batchOf(1), batchOf(1, 3)].map((batch) => ({ batch, cuts: [[0, 1]] as const }));
    await expect(cache.meanOf([three!, two!], 'clean')).rejects.toMatchObject({
      code: 'mixed-lengths',
      fields: { lengths: [2, 3] },
    });
    await expect(cache.meanOf([], 'clean')).rejects.toMatchObject({ code: 'no-prompts' });
    const mean = await cache.meanOf([two!], 'clean');
    await expect(cache.patch(three!.batch, mean, [0, 1], [[0, 1]])).rejects.toMatchObject({
      code: 'mixed-lengths',
      fields: { lengths: [2, 3] },
    });
  });
});
