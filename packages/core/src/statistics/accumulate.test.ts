import { describe, expect, it } from 'vitest';
import { scoreShape } from '../graph/build.js';
import type { Graph } from '../graph/types.js';
import { elementCount, floatTensor } from '../tensor/tensor.js';
import { damagedCheckpoints } from '../testing/damaged-checkpoints.js';
import { errorOf } from '../testing/errors.js';
import { stagedGraph } from '../testing/graphs.js';
import { CheckpointReader } from '../training/checkpoint-reader.js';
import { PointAccumulator, ScoreAccumulator } from './accumulate.js';
import { calibratedFactor } from './interval-factor.js';
import type { PromptScores } from './prompt-scores.js';
import { standardErrorFactor } from './student-t.js';

const graph = stagedGraph();

/** Numbers that float32 holds and whose float64 sum depends on the order only below 1e-9. */
function madeUp(of: Graph, prompts: number, seed: number): PromptScores {
  let state = seed;
  const next = (): number => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.fround(state / 2147483648 - 0.5);
  };
  return {
    tensors: Object.fromEntries(
      of.destinationBlocks.map((block) => {
        const shape = [prompts, ...scoreShape(of, block)];
        return [block.module, floatTensor(Float32Array.from({ length: elementCount(shape) }, next), shape)];
      }),
    ),
  };
}

/** Rows `from` to `to` of every tensor. */
function prompts(all: PromptScores, from: number, to: number): PromptScores {
  return {
    tensors: Object.fromEntries(
      Object.entries(all.tensors).map(([module, { data, shape }]) => {
        const row = elementCount(shape.slice(1));
        return [module, floatTensor(data.slice(from * row, to * row), [to - from, ...shape.slice(1)])];
      }),
    ),
  };
}

const constant = (values: readonly number[]): PromptScores => ({
  tensors: Object.fromEntries(
    graph.destinationBlocks.map((block) => {
      const size = elementCount(scoreShape(graph, block));
      const data = Float32Array.from(values.flatMap((value) => Array.from({ length: size }, () => value)));
      return [block.module, floatTensor(data, [values.length, ...scoreShape(graph, block)])];
    }),
  ),
});

describe('ScoreAccumulator', () => {
  it('gives the mean and its standard error', () => {
    const total = new ScoreAccumulator(graph);
    total.add(constant([1, 2]));
    total.add(constant([6]));
    const { scores, standardErrors } = total.result();
    // mean (1+2+6)/3 = 3; Σ(x−3)² = 4+1+9 = 14; standard error √(14 / (3·2)) = 1.527525…
    expect([...scores.output!.data]).toEqual(Array.from({ length: 5 }, () => 3));
    expect(scores.output!.shape).toEqual([5]);
    expect(standardErrors!['blocks.1.head_inputs']!.data[3]).toBe(Math.fround(Math.sqrt(14 / 6)));
  });

  it('adds in float64, also before the first sums are put together', () => {
    const total = new ScoreAccumulator(graph);
    // eight prompts come to 2²⁴ + 7, which float32 does not hold; the others take 2²⁴ away
    total.add(constant([2 ** 24, 1, 1, 1, 1, 1, 1, 1]));
    total.add(constant([-(2 ** 24), 0, 0, 0, 0, 0, 0, 0]));
    expect(total.result().scores.output!.data[0]).toBe(7 / 16);
  });

  it('does not depend, to the last bit, on how prompts were cut into batches', () => {
    const all = madeUp(graph, 7, 3);
    const whole = new ScoreAccumulator(graph);
    whole.add(all);
    const cut = new ScoreAccumulator(graph);
    for (const [from, to] of [
      [0, 1],
      [1, 4],
      [4, 7],
    ] as const)
      cut.add(prompts(all, from, to));
    expect(cut.toCheckpoint()).toEqual(whole.toCheckpoint());
  });

  it('calibrates its intervals on the scores of every prompt, of all edges where they are few', () => {
    const all = madeUp(graph, 12, 9);
    // one prompt in four matters much, so that the factor is not Student's
    for (const { data } of Object.values(all.tensors)) {
      const row = data.length / 12;
      for (let i = 0; i < data.length; i++) data[i]! *= Math.floor(i / row) % 4 === 0 ? 8 : 0.25;
    }
    const rows = graph.destinationBlocks.flatMap(({ module }) => {
      const { data } = all.tensors[module]!;
      const row = data.length / 12;
      return Array.from({ length: row }, (_, edge) =>
        Array.from({ length: 12 }, (_prompt, p) => data[p * row + edge]!),
      );
    });
    const factor = calibratedFactor(rows);
    expect(factor).toBeGreaterThan(standardErrorFactor(12));
    const total = new ScoreAccumulator(graph);
    total.add(prompts(all, 0, 5));
    const resumed = ScoreAccumulator.fromCheckpoint(graph, total.toCheckpoint());
    resumed.add(prompts(all, 5, 12));
    expect(resumed.result().intervalFactor).toBe(factor);
  });

  it('goes on from a checkpoint bit for bit', () => {
    const all = madeUp(graph, 6, 5);
    const whole = new ScoreAccumulator(graph);
    whole.add(all);
    const first = new ScoreAccumulator(graph);
    first.add(prompts(all, 0, 3));
    const saved = first.toCheckpoint();
    first.add(prompts(all, 0, 3)); // the checkpoint is a copy
    const second = ScoreAccumulator.fromCheckpoint(graph, { ...saved, state: JSON.parse(JSON.stringify(saved.state)) });
    second.add(prompts(all, 3, 6));
    expect(second.prompts).toBe(6);
    expect(second.result()).toEqual(whole.result());
  });

  it('takes up infinite sums, and refuses damaged checkpoints', () => {
    const total = new ScoreAccumulator(graph);
    total.add(constant([1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])); // sums NaN, squares infinite
    expect(ScoreAccumulator.fromCheckpoint(graph, total.toCheckpoint(), 3).toCheckpoint()).toEqual(
      total.toCheckpoint(),
    );
    const finite = new ScoreAccumulator(graph);
    finite.add(madeUp(graph, 3, 2));
    for (const { what, name, data } of damagedCheckpoints(finite.toCheckpoint(), { notNegative: /squares\// })) {
      const read = (): void => {
        const reader = new CheckpointReader('test', data);
        ScoreAccumulator.fromCheckpoint(graph, reader, 3);
        reader.finish();
      };
      expect(errorOf(read), what).toMatchObject({ code: 'wrong-checkpoint', fields: { name } });
    }
    expect(errorOf(() => ScoreAccumulator.fromCheckpoint(graph, finite.toCheckpoint(), 4))).toMatchObject({
      code: 'wrong-checkpoint',
      fields: { name: 'prompts', expected: '4', got: '3' },
    });
  });

  it('refuses NaN, wrong shapes, missing modules and checkpoints of another graph, adding nothing', () => {
    const total = new ScoreAccumulator(graph);
    const bad = madeUp(graph, 2, 1);
    bad.tensors.output!.data[3] = Number.NaN;
    expect(errorOf(() => total.add(bad))).toMatchObject({ code: 'not-finite', fields: { module: 'output' } });
    expect(errorOf(() => total.add({ tensors: {} }))).toMatchObject({
      code: 'wrong-scores',
      fields: { expectedShape: [0, 2, 1] },
    });
    expect(total.toCheckpoint()).toEqual(new ScoreAccumulator(graph).toCheckpoint());
    const other = stagedGraph({}, { heads: 3 });
    expect(errorOf(() => ScoreAccumulator.fromCheckpoint(other, total.toCheckpoint()))).toMatchObject({
      code: 'wrong-checkpoint',
      fields: { name: expect.stringMatching(/^squares\//) },
    });
    expect(errorOf(() => total.result())).toMatchObject({ code: 'internal' });
  });
});

describe('PointAccumulator', () => {
  it('averages points within a prompt, so that the standard error is over prompts', () => {
    const points = new PointAccumulator(graph);
    points.add(constant([0, 10]));
    points.add(constant([2, 20]));
    const total = new ScoreAccumulator(graph);
    total.add(points.mean()); // prompts 1 and 15
    const { scores, standardErrors } = total.result();
    expect(scores.output!.data[0]).toBe(8);
    expect(standardErrors!.output!.data[0]).toBe(7); // √((49 + 49) / (2·1)) = 7
    expect(errorOf(() => points.add(constant([1])))).toMatchObject({ code: 'internal' });
  });
});
