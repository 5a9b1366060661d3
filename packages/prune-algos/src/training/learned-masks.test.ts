import { flattenScores, type PruneAlgo, parseOptions, seededRandom } from '@auto-circuit/core/plugin';
import { type PruneAlgoContextSpec, pruneAlgoContext } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { circuitProbing, edgePruning, seededNoise, subnetworkProbing, ugs } from '../index.js';
import { EdgePruningTraining } from './edge-pruning-training.js';

async function scored(algo: PruneAlgo, options: Record<string, unknown>, spec: PruneAlgoContextSpec = {}) {
  const { context, dispose } = await pruneAlgoContext(spec);
  const { scores, curves } = await algo.score(context, parseOptions(algo.options, options, algo.name));
  await dispose();
  return { graph: context.graph, flat: [...flattenScores(context.graph, scores)], curves: curves! };
}
const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

describe('noise of masks', () => {
  it('belongs to the seed, the step and the prompt', () => {
    const draw = (seed: number, step: number, index: number): number[] => {
      const out = new Float64Array(2000);
      const prompt = { index, clean: [0], corrupt: [0], answers: [0], wrongAnswers: [] };
      seededNoise(seed, 'test').forward(step, prompt, 0, out);
      return [...out];
    };
    expect(draw(1, 2, 3)).toEqual(draw(1, 2, 3));
    for (const other of [draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4)]) expect(other).not.toEqual(draw(1, 2, 3));
    expect(Math.min(...draw(1, 2, 3))).toBeGreaterThanOrEqual(1e-4);
    expect(Math.max(...draw(1, 2, 3))).toBeLessThanOrEqual(1 - 1e-4);
    expect(Math.abs(mean(draw(1, 2, 3)) - 0.5)).toBeLessThan(5 / Math.sqrt(12 * 2000)); // 5 standard errors
  });
});

describe('subnetwork probing', () => {
  it('depends on the seed, and gives a curve for each step', async () => {
    const a = await scored(subnetworkProbing, { epochs: 3 }, { seed: 1 });
    const b = await scored(subnetworkProbing, { epochs: 3 }, { seed: 2 });
    expect(a.flat).not.toEqual(b.flat);
    for (const curve of [a.curves.loss, a.curves.faithfulness, a.curves.regularization]) {
      expect(curve).toHaveLength(6); // two batches, three times
      expect(curve!.every(Number.isFinite)).toBe(true);
    }
  });
  it('drops masks of edges by prompt, and scales the others: the mean stays', async () => {
    const { context, dispose } = await pruneAlgoContext({ batches: [40] });
    const { model } = context;
    const masks: number[] = [];
    const watched: typeof model = Object.assign(Object.create(model) as typeof model, {
      run: (...args: Parameters<typeof model.run>) => model.run(...args),
      maskGradient: (...args: Parameters<typeof model.maskGradient>) => {
        const { at } = args[1];
        const mask = at?.kind === 'mask' ? at.mask : 0;
        if (typeof mask === 'object') for (const { data } of Object.values(mask.tensors)) masks.push(...data);
        return model.maskGradient(...args);
      },
    });
    const options = { epochs: 1, maskFunction: 'sigmoid', init: 0, dropout: 0.25 };
    await subnetworkProbing.score(
      { ...context, model: watched },
      parseOptions(subnetworkProbing.options, options, 'test'),
    );
    await dispose();
    // sigmoid(0) = ½, a quarter of them dropped, the rest ½ ÷ ¾
    expect([...new Set(masks.map((x) => x.toFixed(4)))].sort()).toEqual(['0.0000', '0.6667']);
    expect(masks).toHaveLength(40 * context.graph.edgeCount);
    expect(Math.abs(mean(masks) - 0.5)).toBeLessThan((5 * Math.sqrt(1 / 12)) / Math.sqrt(masks.length)); // variance ½²·(¼ ÷ ¾)
  });
  it.each(['tree', 'edge'])('%s: learns to keep the output', async (patchType) => {
    const common = { patchType, epochs: 60, lambda: 0, maskFunction: 'sigmoid' };
    const { curves } = await scored(subnetworkProbing, { ...common, init: 0 });
    expect(mean(curves.faithfulness!.slice(-4))).toBeLessThan(0.1 * mean(curves.faithfulness!.slice(0, 4)));
  });
  it('keeps edges out that are to be avoided, and comes down to a size', async () => {
    const common = { epochs: 60, maskFunction: 'sigmoid', init: 0, lambda: 0.5, target: 'kl' };
    const free = await scored(subnetworkProbing, common);
    const names = 'B0.0->Resid End, B1.1->Resid End';
    const avoiding = await scored(subnetworkProbing, { ...common, avoid: names, avoidLambda: 40 });
    const last = free.graph.edgeCount - 1; // B1.1->Resid End
    const standing = (flat: readonly number[]): number => flat[last]! / Math.max(...flat);
    expect(standing(free.flat)).toBeGreaterThan(0.7);
    expect(standing(avoiding.flat)).toBeLessThan(0.3);
    const sized = await scored(subnetworkProbing, { ...common, size: 4, lambda: 50, descent: 0 });
    // λ · ReLU(edges − 4)/4: falls from (6.5 − 4)/4 to a small share
    expect(sized.curves.regularization!.at(0)!).toBeCloseTo((50 * 2.5) / 4, 9);
    expect(sized.curves.regularization!.at(-1)!).toBeLessThan(50 * 0.1);
  });
  it('asks for fewer and fewer edges over the descent', async () => {
    const still = { maskFunction: 'sigmoid', init: -30, learningRate: 0, lambda: 3, size: 2, descent: 0.5, epochs: 4 };
    const { curves } = await scored(subnetworkProbing, still); // all 13 edges, for 8 steps
    for (const [step, share] of [0, 0.25, 0.5, 0.75, 1, 1, 1, 1].entries()) {
      const size = 13 * (2 / 13) ** share;
      expect(curves.regularization![step]).toBeCloseTo((3 * (13 - size)) / size, 9);
    }
  });
  it('asks for no more edges than there are', async () => {
    for (const algo of [subnetworkProbing, ugs, edgePruning]) {
      await expect(scored(algo, { size: 14 }), algo.name).rejects.toMatchObject({
        code: 'invalid-option',
        fields: { option: 'size', got: 14 },
      });
    }
  });
  it.each(['kl', 'mse', 'answer', 'wrong-answer', 'percent-correct', 'logit-diff-percent'])(
    'target %s falls',
    async (target) => {
      const { curves } = await scored(subnetworkProbing, {
        target,
        epochs: 25,
        lambda: 0,
        maskFunction: 'sigmoid',
        init: 0.5,
        learningRate: 0.05,
      });
      const [first, end] = [mean(curves.faithfulness!.slice(0, 2)), mean(curves.faithfulness!.slice(-2))];
      expect(end).toBeLessThan(first);
    },
  );
  it('refuses edge patches that would remove the circuit', async () => {
    const { context, dispose } = await pruneAlgoContext({});
    const options = parseOptions(subnetworkProbing.options, { patchType: 'edge', epochs: 1 }, 'test');
    const zero = subnetworkProbing.score({ ...context, patch: { kind: 'zero' } }, options);
    await expect(zero).rejects.toMatchObject({
      code: 'conflicting-options',
      fields: { options: ['patchType', 'ablation'] },
    });
    await dispose();
  });
});

describe('uniform gradient sampling', () => {
  it('weighs the output against a price for each edge', async () => {
    const dear = await scored(ugs, { epochs: 40, lambda: 10, learningRate: 0.2 });
    // λ · Σ P(edge in the circuit), 13 edges at the start
    expect(dear.curves.regularization![0]).toBeCloseTo((10 * 13) / (1 + Math.exp(-1)), 9);
    expect(dear.curves.regularization!.at(-1)!).toBeLessThan(10 * 2);
    const free = await scored(ugs, { epochs: 40, lambda: 0, learningRate: 0.2, init: 1 });
    expect(mean(free.curves.faithfulness!.slice(-4))).toBeLessThan(mean(free.curves.faithfulness!.slice(0, 4)));
  });
});

describe('edge pruning', () => {
  it('removes the share of edges asked for', async () => {
    const options = {
      sparsity: 0.5,
      steps: 600,
      warmup: 300,
      learningRate: 0.3,
      multiplierRate: 0.3,
      stiffness: 0,
      start: 10,
    };
    const { curves, flat } = await scored(edgePruning, options, { batches: [4] });
    // at the start: two masks above 0 with probability σ(10 + ⅔ ln 11) or about that
    expect(curves.sparsity![0]).toBeCloseTo(2 / (1 + Math.exp(10 + (2 / 3) * Math.log(11))), 6);
    expect(Math.abs(mean(curves.sparsity!.slice(-200)) - 0.5)).toBeLessThan(1 / 13); // one edge of 13
    expect(Math.min(...flat)).toBe(0);
    expect(new Set(flat).size).toBe(flat.length);
  });
  it('approaches a sparsity by equal shares of all edges, a size by equal shares of those that are left', async () => {
    const still = { steps: 6, learningRate: 0, multiplierRate: 0, stiffness: 7, start: 10 };
    const penalties = async (options: Record<string, number>) => {
      const { curves } = await scored(edgePruning, { ...still, ...options });
      return curves.loss!.map((loss, step) => loss - curves.faithfulness![step]!);
    };
    const open = (1 / (1 + Math.exp(-10 - (2 / 3) * Math.log(11)))) ** 2; // of an edge and its source, both near log odds 10
    const shares = [0, 0.25, 0.5, 0.75, 1, 1]; // the warm-up is two thirds of the steps
    const bySparsity = await penalties({ sparsity: 0.6 });
    const bySize = await penalties({ size: 4 });
    for (const [step, share] of shares.entries()) {
      expect(bySparsity[step]).toBeCloseTo(7 * (0.6 * share - (1 - open)) ** 2, 5);
      expect(bySize[step]).toBeCloseTo(7 * (1 - (4 / 13) ** share - (1 - open)) ** 2, 5);
    }
    expect((await penalties({ size: 4, warmup: 1 }))[1]).toBeCloseTo(7 * (9 / 13 - (1 - open)) ** 2, 5);
  });
  it('goes down the gradient of its loss', async () => {
    const { context, dispose } = await pruneAlgoContext({ graph: { positions: 3 }, batches: [3] });
    const { model, batches, patch } = context;
    const settings = { patch, seed: 3, steps: 1, warmup: 0, learningRate: 1, multiplierRate: 1, sparsity: 0.7 };
    const training = await EdgePruningTraining.create(model, batches, settings);
    const random = seededRandom(5);
    for (const i of training.parameters.keys()) training.parameters[i] = 0.5 * random.normal();
    training.multipliers.set([0.8, 1.5]);
    const gradient = (await training.evaluate()).gradients.parameters;
    const largest = gradient.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
    const step = 1e-3; // losses are float32: 1e-7/1e-3 of rounding; clamps lie between the two ends now and then
    const lossAt = async (i: number, x: number): Promise<number> => {
      const before = training.parameters[i]!;
      training.parameters[i] = x;
      const { loss } = (await training.evaluate()).points;
      training.parameters[i] = before;
      return loss;
    };
    for (const [i, a] of training.parameters.entries()) {
      const slope = ((await lossAt(i, a + step)) - (await lossAt(i, a - step))) / (2 * step);
      expect(Math.abs(slope - gradient[i]!)).toBeLessThan(2e-3 * Math.max(1, largest));
    }
    await dispose();
  });
  it('keeps everything where nothing is to be removed', async () => {
    const still = await scored(edgePruning, { sparsity: 0, steps: 10, start: 10 });
    for (const kl of still.curves.faithfulness!) expect(Math.abs(kl)).toBeLessThan(1e-12);
  });
});

describe('circuit probing', () => {
  it('ranks edges by the smallest circuit that holds them', async () => {
    const { flat, curves } = await scored(circuitProbing, { epochs: 5, sizes: '2, 0.5,13' });
    expect(flat.filter((rank) => rank === 3)).toHaveLength(2);
    expect(flat.filter((rank) => rank === 2).length).toBeGreaterThanOrEqual(4); // six, of which two may be the others
    expect(flat.filter((rank) => rank === 0)).toHaveLength(0);
    expect(Object.keys(curves)).toContain('loss/6');
    await expect(scored(circuitProbing, { sizes: '14' })).rejects.toMatchObject({
      code: 'invalid-option',
      fields: { option: 'sizes', got: '14' },
      message: expect.stringMatching(/whole numbers up to 13/),
    });
    await expect(scored(circuitProbing, { sizes: ' ' })).rejects.toMatchObject({
      code: 'invalid-option',
      fields: { option: 'sizes', got: ' ' },
    });
  });
});
