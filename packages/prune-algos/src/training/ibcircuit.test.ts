import { flattenScores, type PruneAlgoContext, parseOptions, seededRandom } from '@auto-circuit/core/plugin';
import {
  memoryCheckpoint,
  type PruneAlgoContextSpec,
  pruneAlgoContext,
  tinyPrompts,
  tinyTransformer,
} from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { ActivationNoise } from './activation-noise.js';
import { ibcircuit } from './ibcircuit.js';
import { carriedInformation, InformationTraining } from './information-training.js';

const options = (given: Record<string, unknown> = {}) => parseOptions(ibcircuit.options, given, 'test');
async function scored(given: Record<string, unknown>, spec: PruneAlgoContextSpec = {}) {
  const { context, dispose } = await pruneAlgoContext(spec);
  const { scores, curves } = await ibcircuit.score(context, options(given));
  await dispose();
  return { flat: [...flattenScores(context.graph, scores)], curves: curves! };
}
const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
const begin = async ({ model, batches }: PruneAlgoContext, beta = 0.3): Promise<InformationTraining> =>
  InformationTraining.create(model, batches, {
    seed: 3,
    noise: await ActivationNoise.of(model, batches, {}),
    learningRate: 0.2,
    epochs: 4,
    beta,
    init: 1,
    warmStart: null,
    pace: { warmup: 0, decay: 'linear' },
  });

describe('the information that an edge carries', () => {
  it('is the mean divergence of its noise from noise alone, by the numbers themselves', () => {
    const random = seededRandom(2, 'numbers');
    const h = Array.from({ length: 50 }, () => 3 + 2 * random.normal());
    const middle = mean(h);
    const variance = mean(h.map((x) => (x - middle) ** 2));
    for (const w of [-3, 0, 0.7, 4]) {
      const share = 1 / (1 + Math.exp(-w));
      // KL(N(m, s²) ‖ N(μ, σ²)) = ln(σ/s) + (s² + (m − μ)²) / 2σ² − ½
      const divergences = h.map((x) => {
        const m = share * x + (1 - share) * middle;
        const s2 = (1 - share) ** 2 * variance;
        return 0.5 * Math.log(variance / s2) + (s2 + (m - middle) ** 2) / (2 * variance) - 0.5;
      });
      expect(carriedInformation(w).nats).toBeCloseTo(mean(divergences), 10);
    }
    expect(carriedInformation(-40).nats).toBeCloseTo(0, 12);
    expect(carriedInformation(40).nats).toBeCloseTo(40, 6); // −ln(1 − σ(w)) → w
  });
  it('has the slope that finite differences find', () => {
    for (const w of [-6, -1, 0, 0.5, 3, 9]) {
      const step = 1e-4;
      const slope = (carriedInformation(w + step).nats - carriedInformation(w - step).nats) / (2 * step);
      expect(Math.abs(carriedInformation(w).slope - slope)).toBeLessThan(1e-7); // step²·f‴/6 below 1e-8, rounding 1e-16/1e-4
    }
  });
});

describe('noise like activations', () => {
  it('has the mean and the deviation of what each source writes, position by position', async () => {
    const { context, dispose } = await pruneAlgoContext({ model: tinyTransformer(), batches: [1] });
    const { model, graph } = context;
    const { prompts, length } = tinyPrompts(6);
    const batches = [
      { length, prompts: prompts.slice(0, 4) },
      { length, prompts: prompts.slice(4) },
    ];
    const noise = await ActivationNoise.of(model, batches, {});
    const whole = { length, prompts };
    const clean = await model.sourceOutputs(whole, 'clean'); // [sources, 6, pos, dModel]
    const steps = 4000;
    const row = graph.sources.findIndex(({ name }) => name === 'MLP 0');
    const each = clean.data.length / graph.sources.length / 6; // pos · dModel
    const sums = new Float64Array(each);
    const squares = new Float64Array(each);
    const site = graph.sourceBlocks.find(({ start, stop }) => start <= row && row < stop)!.site;
    for (let step = 0; step < steps; step++) {
      const shape = [1, 1, length, each / length] as const;
      const none = new Float32Array(0);
      const values = noise
        .patch(whole, 5, step)
        .values({ site, shape, prompts: [prompts[0]!], clean: none, corrupt: none, random: () => seededRandom(0) });
      for (let i = 0; i < each; i++) {
        sums[i]! += values[i]! / steps;
        squares[i]! += values[i]! ** 2 / steps;
      }
    }
    for (let i = 0; i < each; i++) {
      const own = Array.from({ length: 6 }, (_, p) => clean.data[(row * 6 + p) * each + i]!);
      const deviation = Math.sqrt(mean(own.map((x) => (x - mean(own)) ** 2)));
      const standardError = deviation / Math.sqrt(steps);
      expect(Math.abs(sums[i]! - mean(own))).toBeLessThan(5 * standardError + 1e-6);
      const spread = Math.sqrt(squares[i]! - sums[i]! ** 2);
      expect(Math.abs(spread - deviation)).toBeLessThan((5 * standardError) / Math.SQRT2 + 1e-3 * deviation + 1e-6);
    }
    await dispose();
  });
  it('belongs to the seed, the step and the prompt, not to how prompts are cut', async () => {
    const { context, dispose } = await pruneAlgoContext({});
    const noise = await ActivationNoise.of(context.model, context.batches, {});
    const [batch] = context.batches;
    const { site } = context.graph.sourceBlocks[0]!;
    const draw = (seed: number, step: number, from: number, to: number): number[] => {
      const none = new Float32Array(0);
      const shape = [1, to - from, 3, 2] as const;
      const prompts = batch!.prompts.slice(from, to);
      return [
        ...Array.from(
          noise
            .patch(batch!, seed, step)
            .values({ site, shape, prompts, clean: none, corrupt: none, random: () => seededRandom(0) }),
        ),
      ];
    };
    expect(draw(1, 2, 0, 3)).toEqual([...draw(1, 2, 0, 1), ...draw(1, 2, 1, 3)]);
    for (const other of [draw(2, 2, 0, 3), draw(1, 3, 0, 3)]) expect(other).not.toEqual(draw(1, 2, 0, 3));
    await dispose();
  });
});

describe('IBCircuit', () => {
  it('goes down the gradient of its loss', async () => {
    const { context, dispose } = await pruneAlgoContext({ graph: { positions: 3 }, batches: [3] });
    const training = await begin(context);
    const random = seededRandom(5);
    for (const i of training.parameters.keys()) training.parameters[i] = random.normal();
    const gradient = (await training.evaluate()).gradients.parameters;
    const largest = gradient.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
    const step = 1e-3; // losses are float32: 1e-7/1e-3 of rounding
    const lossAt = async (i: number, w: number): Promise<number> => {
      const before = training.parameters[i]!;
      training.parameters[i] = w;
      const { loss } = (await training.evaluate()).points;
      training.parameters[i] = before;
      return loss;
    };
    for (const [i, w] of training.parameters.entries()) {
      const slope = ((await lossAt(i, w + step)) - (await lossAt(i, w - step))) / (2 * step);
      expect(Math.abs(slope - gradient[i]!)).toBeLessThan(2e-3 * Math.max(1, largest));
    }
    await dispose();
  });
  it('keeps the output where information costs nothing, and nothing where it is dear', async () => {
    const free = await scored({ epochs: 40, beta: 0, init: 0, learningRate: 0.2 });
    expect(mean(free.curves.faithfulness!.slice(-4))).toBeLessThan(0.2 * mean(free.curves.faithfulness!.slice(0, 4)));
    const dear = await scored({ epochs: 60, beta: 1000, learningRate: 0.3, init: 5 });
    expect(dear.curves.information![0]).toBeCloseTo(carriedInformation(5).nats, 9);
    expect(dear.curves.information!.at(-1)).toBeLessThan(0.01);
    expect(dear.curves.loss!.at(-1)).toBeCloseTo(
      dear.curves.faithfulness!.at(-1)! + 1000 * dear.curves.information!.at(-1)!,
      9,
    );
  });
  it('depends on the seed', async () => {
    const [a, b] = [await scored({ epochs: 3 }, { seed: 1 }), await scored({ epochs: 3 }, { seed: 2 })];
    expect(a.flat).not.toEqual(b.flat);
    expect(a.curves.loss).toHaveLength(6); // two batches, three times
    expect(Math.min(...a.flat)).toBe(0);
  });
  it('goes on with the next step of a training, and bit for bit', async () => {
    const { context, dispose } = await pruneAlgoContext({ batches: [2, 2] });
    const whole = await ibcircuit.score(context, options({ epochs: 4 }));
    const checkpoint = memoryCheckpoint();
    const controller = new AbortController();
    const report = (done: number): void => {
      if (done === 3) controller.abort();
    };
    const stopped = ibcircuit.score(
      { ...context, checkpoint, signal: controller.signal, progress: { report } },
      options({ epochs: 4 }),
    );
    await expect(stopped).rejects.toThrow(/abort/i);
    const done: number[] = [];
    const progress = { report: (n: number) => done.push(n) };
    expect(await ibcircuit.score({ ...context, checkpoint, progress }, options({ epochs: 4 }))).toEqual(whole);
    expect(done).toEqual([4, 5, 6, 7, 8]);
    await dispose();
  });
  it('says so where prompts of a length have nothing to differ from', async () => {
    const { context, dispose } = await pruneAlgoContext({ batches: [2, 1], lengths: [3, 4] });
    const lines: string[] = [];
    await ibcircuit.score({ ...context, warn: (line) => lines.push(line) }, options({ epochs: 1 }));
    expect(lines).toEqual([expect.stringMatching(/one prompt of 4 tokens/)]);
    await dispose();
  });
});
