import {
  buildGraph,
  createPatchableModel,
  edgesByName,
  flattenScores,
  interpreterBackend,
  type Prompt,
} from '@auto-circuit/core';
import { microModel } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { KnockoutTraining, type KnockoutTrainingSettings, OUTSIDE, seededNoise } from '../index.js';
import { placeOf } from './parameter-layout.js';

const object = microModel([
  [
    [2, -1],
    [1, 3],
  ],
  [
    [-1, 2],
    [1, 1],
  ],
]);
const graph = buildGraph(object.spec.layout);
const prompts: Prompt[] = [
  { index: 0, clean: [[1, 0]], corrupt: [[0.5, 1]], answers: [0], wrongAnswers: [1] },
  { index: 1, clean: [[0.25, 0.5]], corrupt: [[0.75, 0]], answers: [1], wrongAnswers: [0] },
];
const batches = [{ prompts, length: 1 }];
const edges = ['Resid Start->B0.0', 'B0.0->B1.1', 'B0.1->Resid End', 'B1.1->Resid End'];
const circuit = edges.flatMap((name) => edgesByName(graph, name));

async function training(settings: Partial<KnockoutTrainingSettings> = {}) {
  const model = await createPatchableModel({ model: object, graph, backend: interpreterBackend() });
  return new KnockoutTraining(model, batches, {
    circuit,
    patch: { kind: 'resample', from: 'corrupt' },
    target: 'kl',
    maskFunction: 'none',
    noise: seededNoise(3, 'test'),
    learningRate: 0.1,
    epochs: 40,
    init: 0.3,
    lambda: 0.05,
    free: 0.2, // of 4 edges: 1
    ...settings,
  });
}

describe('KnockoutTraining', () => {
  it.each(['kl', 'logit-diff'] as const)('%s: its gradient is that of its loss, through both runs', async (target) => {
    const one = await training({ target });
    const { gradients, points } = await one.evaluate();
    const gradient = gradients.parameters;
    const lossAt = async (place: number, moved: number): Promise<number> => {
      const other = await training({ target });
      other.parameters[place]! += moved;
      return (await other.evaluate()).points.loss;
    };
    const h = 1 / 256;
    for (const place of circuit.map((edge) => placeOf(graph, edge))) {
      const slope = ((await lossAt(place, h)) - (await lossAt(place, -h))) / (2 * h);
      // float32 logits below 16: 2⁻²⁴ · 16 ÷ 2h ≈ 1e-4; third derivatives below 100: 100 h² ÷ 6 ≈ 3e-4
      expect(Math.abs(gradient[place]! - slope)).toBeLessThan(5e-4);
      expect(Math.abs(slope)).toBeGreaterThan(5e-3); // so that it can be told from 0
    }
    // four edges at 0.3 are 0.2 above the one that is free
    expect(points.regularization).toBeCloseTo(0.05 * 0.2, 6); // masks are float32
    const outside = gradient.filter((_, place) => one.parameters[place] === OUTSIDE);
    expect(outside).toHaveLength(graph.edgeCount - circuit.length);
    expect([...outside].every((x) => x === 0)).toBe(true);
  });

  it('the difference grows on a circuit that misses something, and a complete one leaves nothing to find', async () => {
    const run = async (edgesOf: readonly number[]) => {
      const learned = await training({ maskFunction: 'sigmoid', init: -1, circuit: edgesOf });
      while (learned.done < learned.steps) await learned.step();
      return learned;
    };
    const partial = await run(circuit);
    const { difference } = partial.curves;
    expect(difference.at(-1)!).toBeGreaterThan(difference[0]! * 1.05);
    const scores = flattenScores(graph, partial.scores());
    for (const [edge, score] of scores.entries()) {
      expect(score > 0).toBe(circuit.includes(edge));
      expect(score).toBeLessThanOrEqual(1);
    }
    const all = await run(Array.from({ length: graph.edgeCount }, (_, edge) => edge));
    expect(all.curves.difference.every((x) => Math.abs(x) < 1e-12)).toBe(true);
  });

  it('has nothing to train on a circuit without edges', async () => {
    await expect(training({ circuit: [] })).rejects.toMatchObject({ code: 'circuit-mismatch' });
  });
});
