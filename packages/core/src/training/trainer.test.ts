import { describe, expect, it } from 'vitest';
import type { Checkpoint, CheckpointData } from '../plugin/checkpoint.js';
import { damagedCheckpoints } from '../testing/damaged-checkpoints.js';
import { memoryCheckpoint } from '../testing/prune-algo-contexts.js';
import { type Pace, paceAt, Trainer, type TrainingEvaluation } from './trainer.js';

/** Two lists with a bowl each: loss = |slow − 1|² + |fast + 2|². */
class Bowls extends Trainer<'slow' | 'fast', 'loss'> {
  readonly slow: Float64Array;
  readonly fast: Float64Array;

  constructor(steps = 6, pace?: Pace) {
    const [slow, fast] = [new Float64Array(3), new Float64Array(2)];
    super({
      where: 'bowls',
      steps,
      parameters: { slow: { values: slow, learningRate: 0.01 }, fast: { values: fast, learningRate: 0.1 } },
      curves: { loss: [] },
      ...(pace ? { pace } : {}),
    });
    this.slow = slow;
    this.fast = fast;
  }
  override async evaluate(): Promise<TrainingEvaluation<'slow' | 'fast', 'loss'>> {
    const squares = (values: Float64Array, to: number): number => values.reduce((sum, x) => sum + (x - to) ** 2, 0);
    return {
      gradients: { slow: this.slow.map((x) => 2 * (x - 1)), fast: this.fast.map((x) => 2 * (x + 2)) },
      points: { loss: squares(this.slow, 1) + squares(this.fast, -2) },
    };
  }
}
const trained = async (steps: number): Promise<Bowls> => {
  const bowls = new Bowls();
  for (let i = 0; i < steps; i++) await bowls.step();
  return bowls;
};
const stateOf = ({ slow, fast, curves, done }: Bowls) => structuredClone({ slow, fast, curves, done });
const quiet = { progress: { report: () => undefined } };

describe('Trainer', () => {
  it('moves each list at its own rate, and keeps what each step saw', async () => {
    const { slow, fast, curves } = await trained(1);
    // the first step of Adam is the rate, up to 1e-8 ÷ |gradient|
    for (const x of slow) expect(x).toBeCloseTo(0.01, 8);
    for (const x of fast) expect(x).toBeCloseTo(-0.1, 8);
    expect(curves.loss).toEqual([3 + 2 * 4]);
  });
  it('rises over the warm-up and falls in a straight line, by hand', () => {
    const paces = (pace: Pace, steps: number): number[] =>
      Array.from({ length: steps }, (_, s) => paceAt(pace, s, steps));
    expect(paces({ warmup: 0, decay: 'none' }, 3)).toEqual([1, 1, 1]);
    expect(paces({ warmup: 0, decay: 'linear' }, 4)).toEqual([1, 0.75, 0.5, 0.25]);
    expect(paces({ warmup: 1, decay: 'linear' }, 3)).toEqual([0.5, 1, 0.5]);
    expect(paces({ warmup: 3, decay: 'none' }, 5)).toEqual([0.25, 0.5, 0.75, 1, 1]);
    expect(paces({ warmup: 9, decay: 'linear' }, 2)).toEqual([0.1, 0.2]); // a training that ends in its warm-up
  });
  it('moves by the rate of its pace', async () => {
    const bowls = new Bowls(6, { warmup: 1, decay: 'none' });
    await bowls.step();
    for (const x of bowls.fast) expect(x).toBeCloseTo(-0.05, 8); // half of the rate
    await bowls.step();
    // Adam's second step, of gradients that are nearly equal, is the rate again
    for (const x of bowls.fast) expect(Math.abs(x + 0.15)).toBeLessThan(0.001);
  });
  it('goes on bit for bit from a checkpoint', async () => {
    const [whole, first, second] = [await trained(5), await trained(2), new Bowls()];
    second.restore(structuredClone(first.toCheckpoint()));
    for (let i = 0; i < 3; i++) await second.step();
    expect(stateOf(second)).toEqual(stateOf(whole));
  });
  it('takes a curve that has NaN in it', async () => {
    const { state, arrays } = (await trained(2)).toCheckpoint();
    const bowls = new Bowls();
    bowls.restore({ state, arrays: { ...arrays, 'curve/loss': Float64Array.of(1, Number.NaN) } });
    expect(bowls.curves.loss).toEqual([1, Number.NaN]);
  });
  it('refuses damaged checkpoints, and then is as it was', async () => {
    const bowls = await trained(1);
    const before = stateOf(bowls);
    const damaged = damagedCheckpoints((await trained(3)).toCheckpoint(), { notNegative: /\/square$/ });
    expect(damaged.length).toBe(1 + 2 * 3 * 5 + 2 + 4 + 4); // foreign, six arrays, two squares, a curve, the count of steps
    for (const { what, name, data } of damaged) {
      expect(() => bowls.restore(data), what).toThrow(expect.objectContaining({ code: 'wrong-checkpoint' }));
      expect(() => bowls.restore(data), what).toThrow(
        expect.objectContaining({ fields: expect.objectContaining({ name }) }),
      );
      expect(stateOf(bowls), what).toEqual(before);
    }
  });
});

describe('training to the end', () => {
  it('is saved when it is stopped, and then goes on with the next step', async () => {
    const checkpoint = memoryCheckpoint();
    const controller = new AbortController();
    const report = (done: number): void => {
      if (done === 4) controller.abort();
    };
    const hooks = { checkpoint, signal: controller.signal, progress: { report } };
    await expect(new Bowls().train(hooks, { key: ['bowls'] })).rejects.toThrow(/abort/i);
    expect(checkpoint.saves()).toBe(1);
    const steps: unknown[] = [];
    const resumed = new Bowls();
    await resumed.train({ checkpoint, progress: { report: (...told) => steps.push(told) } }, { key: ['bowls'] });
    expect(steps).toEqual([[5, 6, 'steps'], [6, 6, 'steps']]); // biome-ignore format: one line
    expect(stateOf(resumed)).toEqual(stateOf(await trained(6)));
    expect(checkpoint.saves()).toBe(1);
  });
  it('is saved at the end where that is asked for, and is not trained again', async () => {
    const checkpoint = memoryCheckpoint();
    const finals: unknown[] = [];
    const watched: Checkpoint = {
      load: checkpoint.load,
      async save(data, options) {
        finals.push(options);
        await checkpoint.save(data, options);
      },
    };
    await new Bowls().train({ ...quiet, checkpoint: watched }, { key: 1, keepFinished: true });
    expect(finals).toEqual([{ final: true }]); // or a file that was just written would stay as it is
    expect(checkpoint.saves()).toBe(1);
    const again = new Bowls();
    const report = (): never => expect.fail('a step was taken');
    await again.train({ checkpoint, progress: { report } }, { key: 1, keepFinished: true });
    expect(stateOf(again)).toEqual(stateOf(await trained(6)));
  });
  it('refuses the partial work of another training', async () => {
    const other: CheckpointData = { state: { work: '["other"]', steps: 1 }, arrays: {} };
    const checkpoint = { load: async () => other, save: async () => undefined };
    await expect(new Bowls().train({ ...quiet, checkpoint }, { key: ['bowls'] })).rejects.toMatchObject({
      code: 'wrong-checkpoint',
      fields: { name: 'work', expected: '["bowls"]', got: '["other"]' },
    });
  });
});
