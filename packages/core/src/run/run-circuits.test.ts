import { describe, expect, it } from 'vitest';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph } from '../graph/build.js';
import { createPatchableModel } from '../patch/engine.js';
import type { PatchDescription } from '../patch/requests/ablations.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import { type BatchOutputs, defineMetric } from '../plugin/metric.js';
import type { PromptBatch } from '../prompts/types.js';
import { errorOf } from '../testing/errors.js';
import { microModel } from '../testing/micro-model.js';
import {
  type CircuitRunSettings,
  checkCircuitRun,
  checkMetrics,
  circuitOutputs,
  circuitPatch,
  measureOne,
  outputsOfCircuits,
  referenceOutputs,
  sideRun,
} from './run-circuits.js';

const settings = (changes: Partial<CircuitRunSettings> = {}): CircuitRunSettings => ({
  ablation: 'resample',
  ablateFrom: 'corrupt',
  patchType: 'tree',
  reverse: false,
  ...changes,
});
const prompt = (index: number, wrongAnswers = [1]) => ({
  index,
  clean: [[0.5 + index, -1], [1, 0.25]],
  corrupt: [[-1, 0.5], [0.75, index]],
  answers: [0],
  wrongAnswers,
}); // biome-ignore format: two positions of two features
const batch: PromptBatch = { prompts: [prompt(0), prompt(1)], length: 2 };

describe('which side is run, and what is patched in', () => {
  it('a tree patch runs the clean side, an edge patch the corrupt one; reversed, the other', () => {
    expect(sideRun(settings())).toBe('clean');
    expect(sideRun(settings({ reverse: true }))).toBe('corrupt');
    expect(sideRun(settings({ patchType: 'edge' }))).toBe('corrupt');
    expect(sideRun(settings({ patchType: 'edge', reverse: true }))).toBe('clean');
  });

  it('resampling always takes the side that is not run', () => {
    const resample = { kind: 'resample', from: 'corrupt' } as const;
    expect(circuitPatch(settings(), resample)).toEqual({ kind: 'resample', from: 'corrupt' });
    expect(circuitPatch(settings({ reverse: true }), resample)).toEqual({ kind: 'resample', from: 'clean' });
    expect(circuitPatch(settings({ patchType: 'edge' }), resample)).toEqual({ kind: 'resample', from: 'clean' });
  });

  it('batch means change sides when reversed, zeros do not', () => {
    const mean: PatchDescription = { kind: 'batch-mean', from: 'corrupt' };
    expect(circuitPatch(settings(), mean)).toEqual(mean);
    expect(circuitPatch(settings({ reverse: true }), mean)).toEqual({ kind: 'batch-mean', from: 'clean' });
    expect(circuitPatch(settings({ reverse: true }), { kind: 'zero' })).toEqual({ kind: 'zero' });
  });
});

describe('checkCircuitRun', () => {
  it('refuses what would take the circuit out of a corrupt run, unless it is forced', () => {
    const ablating = settings({ patchType: 'edge', ablation: 'zero' });
    expect(errorOf(() => checkCircuitRun(ablating, false))).toMatchObject({
      code: 'conflicting-options',
      fields: { options: ['patchType', 'ablation'] },
    });
    expect(() => checkCircuitRun(ablating, true)).not.toThrow();
    expect(() => checkCircuitRun(settings({ patchType: 'edge' }), false)).not.toThrow();
  });

  it('refuses to resample a prompt from itself, forced or not', () => {
    for (const force of [false, true]) {
      expect(errorOf(() => checkCircuitRun(settings({ ablateFrom: 'clean' }), force))).toMatchObject({
        code: 'conflicting-options',
        fields: { options: ['ablation', 'ablateFrom'] },
      });
    }
    expect(() => checkCircuitRun(settings({ ablation: 'batch-mean', ablateFrom: 'clean' }), false)).not.toThrow();
  });
});

describe('outputs of circuits', () => {
  const patch = { kind: 'resample', from: 'corrupt' } as const;
  const data = (outputs: readonly BatchOutputs[]) => outputs.flatMap(({ logits }) => [...logits]);

  it.each(['tree', 'edge'] as const)(
    '%s: no edges give the empty circuit, all edges the whole model',
    async (patchType) => {
      const object = microModel();
      const graph = buildGraph(object.spec.layout);
      const model = await createPatchableModel({ model: object, graph, backend: interpreterBackend() });
      try {
        const run = settings({ patchType });
        const all = Array.from({ length: graph.edgeCount }, (_, number) => number);
        const direct = [8]; // Resid Start->Resid End
        const references = await referenceOutputs(model, [batch], run, patch);
        expect(references.model).toBe(references.clean);
        expect(references.empty).toBe(references.corrupt);
        const [none, some, whole] = await outputsOfCircuits(model, [batch], [[], direct, all], run, patch);
        const close = (got: BatchOutputs[], expected: readonly BatchOutputs[]) =>
          data(got).forEach((x, i) => expect(x).toBeCloseTo(data(expected)[i]!, 4)); // activations pass as float32
        close(none!, references.empty);
        close(whole!, references.model);
        close(await circuitOutputs(model, [batch], direct, run, patch), some!);
        expect(data(some!)).not.toEqual(data(none!));
      } finally {
        await model.dispose();
      }
    },
  );
});

describe('metrics', () => {
  const metric = defineMetric({
    name: 'made-up',
    doc: 'whatever the first logit is',
    options: {},
    higherIsBetter: true,
    needsWrongAnswers: true,
    unit: 'logits',
    measure: ({ circuit }) => ({ value: circuit[0]!.logits[0]! }),
  });
  const chosen = { metric, options: {} };

  it('that need wrong answers are refused for prompts without them', () => {
    const lacking: PromptBatch = { prompts: [prompt(0), prompt(7, [])], length: 2 };
    expect(() => checkMetrics([chosen], [batch])).not.toThrow();
    expect(errorOf(() => checkMetrics([chosen], [batch, lacking]))).toMatchObject({
      code: 'missing-wrong-answers',
      fields: { prompt: 7, metric: 'made-up' },
    });
    const free = { metric: { ...metric, needsWrongAnswers: false }, options: {} };
    expect(() => checkMetrics([free], [lacking])).not.toThrow();
  });

  it('of a model that gives NaN, or the same for every prompt, are not begun with', async () => {
    const object = microModel();
    const graph = buildGraph(object.spec.layout);
    const model = await createPatchableModel({ model: object, graph, backend: interpreterBackend() });
    const giving = (data: number[]) => {
      const run = async () => ({ dtype: 'float' as const, shape: [2, 2], data: Float32Array.from(data) });
      return { ...model, graph, run, runSide: async () => [await run()] };
    };
    const patch = { kind: 'resample', from: 'corrupt' } as const;
    const references = (data: number[]) =>
      referenceOutputs(giving(data) as unknown as PatchableModel, [batch], settings(), patch);
    for (const data of [
      [1, 2, Number.NaN, 3],
      [1, Number.POSITIVE_INFINITY, 2, 3],
      [1, 2, 1, 2],
    ]) {
      await expect(references(data)).rejects.toMatchObject({ code: 'not-finite' });
    }
    expect((await references([1, 2, Number.NEGATIVE_INFINITY, 3])).clean).toHaveLength(1);
    await model.dispose();
  });

  it('that give NaN are refused by name', () => {
    const outputs = (logit: number): BatchOutputs[] => [{ batch, logits: Float32Array.of(logit, 0, 0, 0) }];
    const references = { clean: outputs(1), corrupt: outputs(0), empty: outputs(0), model: outputs(1) };
    const model = { graph: buildGraph(microModel().spec.layout), outputSize: 2 };
    expect(measureOne(chosen, outputs(3), references, model)).toEqual({ value: 3 });
    expect(errorOf(() => measureOne(chosen, outputs(Number.NaN), references, model))).toMatchObject({
      code: 'not-finite',
      fields: { metric: 'made-up' },
    });
  });
});
