/** @file The trainer: gradients, the optimizer, and that what is written can be read again. */
import {
  floatTensor,
  interpret,
  interpreterBackend,
  intTensor,
  memoryWeights,
  type Results,
  type Tensor,
} from '@auto-circuit/core/backend';
import { describe, expect, it } from 'vitest';
import type { Gpt2Shape } from '../architectures/gpt2.js';
import { ADAM_DEFAULTS, Adam, learningRateAt } from './adam.js';
import { hfTensors } from './hf-weights.js';
import { gradientName, lossProgram } from './programs.js';
import { TRAINING_DEFAULTS, type TrainingReport, type TrainingSentence, trainGpt2 } from './train-gpt2.js';
import { gpt2WeightShapes, initialWeights } from './weights.js';

const TINY: Gpt2Shape = {
  layers: 2,
  heads: 2,
  dModel: 8,
  dHead: 4,
  dMlp: 12,
  vocabulary: 7,
  positions: 6,
  epsilon: 1e-5,
  activation: 'gelu_new',
  mlp: true,
};
const none = memoryWeights({});

/** a b a → b, over the tokens 1 to 6: the last token repeats the second. */
function* repeats(): Generator<TrainingSentence> {
  for (let i = 0; ; i++) {
    const [a, b] = [1 + (i % 6), 1 + ((i * 5 + 3) % 6)];
    yield { tokens: [0, a, b, a, b], answerAt: 4 };
  }
}

describe('lossProgram', () => {
  const weights = initialWeights(TINY, 1);
  const tokens = intTensor([0, 1, 2, 3, 0, 4, 4, 6], [2, 4]);
  const targets = intTensor([1, 2, 3, 5, 4, 4, 6, 2], [2, 4]);
  const importance = floatTensor(Float64Array.of(0.1, 0.1, 0.1, 0.2, 0.1, 0.1, 0.1, 0.2), [2, 4]);
  const feeds = (change?: { name: string; index: number; by: number }): Record<string, Tensor> => ({
    tokens,
    targets,
    importance,
    writing: floatTensor(Float64Array.of(0.3), []),
    ...Object.fromEntries(
      Object.entries(weights).map(([name, { shape, data }]) => {
        const wide = Float64Array.from(data);
        if (change?.name === name) wide[change.index]! += change.by;
        return [name, floatTensor(wide, shape)];
      }),
    ),
  });
  const program = lossProgram(TINY);
  const run = (change?: { name: string; index: number; by: number }) => interpret(program, feeds(change), none);

  it('is ln(vocabulary) where every token is equally likely', () => {
    const level = { ...feeds(), 'embed.W': floatTensor(new Float64Array(7 * 8), [7, 8]) };
    expect(interpret(program, level, none).crossEntropy!.data[0]).toBeCloseTo(Math.log(7), 12);
  });

  const lossOf = ({ crossEntropy, written }: Results): number => crossEntropy!.data[0]! + 0.3 * written!.data[0]!;

  it('counts what heads and MLPs write against the embedding', () => {
    const silent = Object.keys(weights).filter((name) => /attn\.o\.W|mlp\.out/.test(name));
    const zeros = Object.fromEntries(
      silent.map((name) => [name, floatTensor(new Float64Array(feeds()[name]!.data.length), feeds()[name]!.shape)]),
    );
    // Nothing is written: 2 layers of 2 heads and an MLP have length √1e-6 each, the embedding at least 0.1 or so.
    expect(interpret(program, { ...feeds(), ...zeros }, none).written!.data[0]).toBeLessThan((6 * 1e-3) / 0.1);
    expect(run().written!.data[0]).toBeGreaterThan(0.1);
  });

  it('gives gradients that equal central differences', () => {
    const results = run();
    // Central differences with step h err by h²·f‴/6 and by rounding of about 1e-16/h: near 1e-10 for h = 1e-5.
    const by = 1e-5;
    for (const name of [
      'embed.W',
      'pos.W',
      'L0.attn.q.W',
      'L1.attn.v.b',
      'L0.ln1.w',
      'L1.attn.o.W',
      'L1.mlp.in.W',
      'final.ln.b',
    ]) {
      const index = 3;
      const slope = (lossOf(run({ name, index, by })) - lossOf(run({ name, index, by: -by }))) / (2 * by);
      expect(results[gradientName(name)]!.data[index], name).toBeCloseTo(slope, 8);
    }
  });

  it('gives a gradient for every weight, in its shape', () => {
    const results = run();
    for (const [name, shape] of Object.entries(gpt2WeightShapes(TINY))) {
      expect(results[gradientName(name)]!.shape, name).toEqual(shape);
    }
  });
});

describe('trainGpt2', () => {
  const train = async (): Promise<{ reports: TrainingReport[]; weights: Awaited<ReturnType<typeof trainGpt2>> }> => {
    const reports: TrainingReport[] = [];
    const weights = await trainGpt2({
      shape: TINY,
      backend: interpreterBackend(),
      sentences: repeats(),
      heldOut: [{ clean: [0, 2, 5, 2], corrupt: [0, 2, 5, 3], answer: 5, wrongAnswer: 2 }],
      settings: { ...TRAINING_DEFAULTS, steps: 10, batchSize: 4, learningRate: 0.01, warmUp: 2, lookEvery: 1 },
      report: (report) => reports.push(report),
    });
    return { reports, weights };
  };

  it('lowers the loss in ten steps, and twice the same way', async () => {
    const first = await train();
    expect(first.reports).toHaveLength(10);
    expect(first.reports[9]!.crossEntropy).toBeLessThan(0.9 * first.reports[0]!.crossEntropy);
    const second = await train();
    expect(second.reports).toEqual(first.reports);
    expect(second.weights).toEqual(first.weights);
  });
});

describe('Adam', () => {
  it('moves by the learning rate in the first step, after decay of matrices only', () => {
    const weights = {
      'a.W': { shape: [2], data: Float32Array.of(2, -2) },
      'a.b': { shape: [1], data: Float32Array.of(1) },
    };
    // First step: both moments corrected are g and g², so the move is the learning rate against the sign of g.
    const norm = new Adam(weights, { ...ADAM_DEFAULTS, weightDecay: 0.5, clipNorm: 100 }).step(0.1, (name) =>
      name === 'a.W' ? [3, -4] : [12],
    );
    expect(norm).toBe(13);
    const expected = { 'a.W': [2 * 0.95 - 0.1, -2 * 0.95 + 0.1], 'a.b': [0.9] };
    for (const [name, values] of Object.entries(expected)) {
      values.forEach((value, i) => {
        expect(weights[name as 'a.W'].data[i]).toBeCloseTo(value, 6);
      });
    }
  });

  it('has a learning rate that rises, peaks and falls to a twentieth', () => {
    const schedule = { peak: 1, warmUp: 10, steps: 110 };
    expect(learningRateAt(0, schedule)).toBeCloseTo(0.1, 12);
    expect(learningRateAt(10, schedule)).toBeCloseTo(1, 12);
    expect(learningRateAt(60, schedule)).toBeCloseTo(0.525, 12);
    expect(learningRateAt(110, schedule)).toBeCloseTo(0.05, 12);
  });
});

describe('hfTensors', () => {
  it('puts Q, K and V of all heads side by side', () => {
    const weights = initialWeights(TINY, 2);
    const tensors = hfTensors(TINY, weights);
    const { shape, data } = tensors['transformer.h.1.attn.c_attn.weight']!;
    expect(shape).toEqual([8, 24]);
    // K of head 1, row 2 of 4, from dModel 5: column 8 (after Q) + 1·4 + 2.
    expect(data[5 * 24 + 14]).toBe(weights['L1.attn.k.W']!.data[(1 * 4 + 2) * 8 + 5]);
    expect(Object.keys(tensors)).toHaveLength(4 + 2 * 12);
  });
});
