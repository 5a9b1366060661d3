import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph } from '../graph/build.js';
import { makeCircuit } from '../graph/circuit.js';
import type { ModelObject } from '../model/model.js';
import { seededRandom } from '../numeric/seeded-random.js';
import { promptAnswerValue } from '../objectives/answers.js';
import { createPatchableModel } from '../patch/engine.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import { defineMetric, type Metric } from '../plugin/metric.js';
import { answerRows, klByPrompt } from '../plugin/output-reads.js';
import { TINY, tinyPrompts, tinyTransformer } from '../testing/tiny-transformer.js';
import { evaluate } from './evaluate.js';

const WIDE = 4096;
/** A tiny transformer whose outputs are a large vocabulary: its logits times random numbers. */
function wideModel(): ModelObject {
  const tiny = tinyTransformer();
  const random = seededRandom(3, 'wide');
  const numbers = Array.from({ length: TINY.vocabulary * WIDE }, () => random.normal());
  return {
    ...tiny,
    spec: { ...tiny.spec, outputSize: WIDE },
    unembed: (points, end) => {
      const b = points.builder;
      return b.matmul(tiny.unembed(points, end), b.constant(numbers, [TINY.vocabulary, WIDE]));
    },
  };
}

/** Two metrics of the shipped kinds; `says` decides whether they say what they read. */
const metrics = (says: boolean): Metric[] => {
  const shared = { doc: 'for this test', options: {}, higherIsBetter: true, needsWrongAnswers: true } as const;
  const mean = (values: number[]) => ({
    value: values.reduce((a, b) => a + b, 0) / values.length,
    prompts: { values },
  });
  return [
    defineMetric({
      ...shared,
      name: 'prob-diff',
      unit: 'probability',
      ...(says ? { reads: ['answers'] } : {}),
      measure: ({ circuit, outputSize }) =>
        mean(
          circuit.flatMap((outputs) =>
            answerRows(outputs, outputSize).map(([row], i) =>
              promptAnswerValue(row!, outputs.batch.prompts[i]!, 'prob', 'diff'),
            ),
          ),
        ),
    }),
    defineMetric({
      ...shared,
      name: 'kl',
      unit: 'nats',
      ...(says ? { reads: ['kl-clean', 'kl-corrupt'] } : {}),
      measure: ({ circuit, clean, corrupt, outputSize }) =>
        mean(
          circuit.flatMap((outputs, b) => {
            const far = klByPrompt(corrupt[b]!, outputs, outputSize);
            return klByPrompt(clean[b]!, outputs, outputSize).map((near, i) => near + far[i]!);
          }),
        ),
    }),
  ];
};

describe('metrics that say what they read', () => {
  const object = wideModel();
  const graph = buildGraph(object.spec.layout);
  let model: PatchableModel;
  beforeAll(async () => {
    model = await createPatchableModel({ model: object, graph, backend: interpreterBackend() });
  });
  afterAll(() => model.dispose());
  const prompts = tinyPrompts(6).prompts.map((prompt, index) => ({ ...prompt, index, answers: [index, 4095 - index], wrongAnswers: [100 + index] })); // biome-ignore format: one line
  const measured = (wanted: readonly Metric[]) =>
    evaluate({
      model,
      prompts,
      metrics: wanted.map((metric) => ({ metric, options: {} })),
      target: {
        kind: 'circuit',
        circuit: makeCircuit(
          graph,
          // Connected, so that it is run.
          Array.from({ length: graph.edgeCount }, (_, edge) => edge).filter((edge) => edge % 3 !== 0),
        ),
      },
      ablation: 'resample',
      ablateFrom: 'corrupt',
      patchType: 'tree',
      reverse: false,
      batchSize: 4,
      limit: null,
      length: null,
      train: null,
      test: 'same',
      seed: 0,
    });

  it('come to what they come to from whole outputs, prompt by prompt', async () => {
    const [own, whole] = [await measured(metrics(true)), await measured(metrics(false))];
    for (const [m, { points, metric }] of own.entries()) {
      const other = whole[m]!.points[0]!;
      // Sums of 4,096 terms in two steps: 128 roundings of float32 of sums of 1 and of logarithms below 32 at worst.
      const tolerance = 128 * 2 ** -24 * 32;
      expect(points[0]!.promptValues).toHaveLength(6);
      for (const [i, value] of points[0]!.promptValues!.entries()) {
        expect(Math.abs(Number(value) - Number(other.promptValues![i])), metric).toBeLessThan(tolerance);
      }
      expect(Math.abs(Number(points[0]!.faithfulness) - Number(other.faithfulness))).toBeLessThan(1e-5);
    }
  });

  it('are refused logits, by name, and get them where another metric wants them', async () => {
    const seen: number[] = [];
    const takes = (reads: Pick<Metric, 'reads'>) =>
      defineMetric({
        name: 'takes-logits',
        doc: 'for this test',
        options: {},
        higherIsBetter: true,
        needsWrongAnswers: false,
        unit: 'logits',
        ...reads,
        measure: ({ circuit }) => {
          seen.push(circuit[0]!.logits.length);
          return { value: circuit[0]!.logits[0]! };
        },
      });
    await expect(measured([takes({ reads: ['answers'] })])).rejects.toMatchObject({ code: 'plugin-failed' });
    seen.length = 0;
    await measured([...metrics(true), takes({})]);
    expect(new Set(seen)).toEqual(new Set([4 * WIDE]));
  });
});
