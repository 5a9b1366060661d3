import { describe, expect, it } from 'vitest';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { flattenScores } from '../graph/score-index.js';
import { defineMetric } from '../plugin/metric.js';
import { definePruneAlgo, type PruneAlgo } from '../plugin/prune-algo.js';
import { defineTask } from '../plugin/task.js';
import { parsePromptFile } from '../prompts/prompt-file.js';
import { tokenizePrompts } from '../prompts/tokenize.js';
import type { Prompt } from '../prompts/types.js';
import { discover } from '../run/discover.js';
import { ScoreAccumulator } from '../statistics/accumulate.js';
import { microModel } from '../testing/micro-model.js';
import { openTask } from './open-task.js';
import type { OpenTaskRequest } from './requests.js';

const file = parsePromptFile(
  JSON.stringify({
    prompts: Array.from({ length: 6 }, (_, i) => ({
      clean: [[1 + i, 0.5]],
      corrupt: [[0.5, 1 - i]],
      answers: [0],
      wrong_answers: [1],
    })),
  }),
  'micro.json',
);

/** The gradient at mask 0, as `eap` takes it. */
const gradient: PruneAlgo = definePruneAlgo({
  name: 'gradient',
  doc: 'the gradient at mask 0',
  options: { times: { type: 'number', default: 1, doc: 'factor' } },
  async score({ model, graph, batches, objective, patch }, { times }) {
    const total = new ScoreAccumulator(graph);
    for (const batch of batches) {
      const { tensors } = await model.maskGradient(batch, { input: 'clean', patch, objective });
      for (const { data } of Object.values(tensors)) data.forEach((x, i) => (data[i] = x * times));
      total.add({ tensors });
    }
    return total.result();
  },
});

/** Mean of logit 0 − logit 1. */
const difference = defineMetric({
  name: 'difference',
  doc: 'logit 0 − logit 1',
  options: {},
  higherIsBetter: true,
  needsWrongAnswers: false,
  unit: 'logits',
  measure({ circuit }) {
    const values = circuit.flatMap(({ batch, logits }) =>
      batch.prompts.map((_, i) => logits[2 * i]! - logits[2 * i + 1]!),
    );
    return { value: values.reduce((a, b) => a + b, 0) / values.length, prompts: { values } };
  },
});

const open = (more: Partial<OpenTaskRequest> = {}) =>
  openTask({ data: file, model: microModel(), backend: async () => interpreterBackend(), ...more });

it('takes all that loadModel gives, the folder of a checkpoint included', async () => {
  const task = await open({ tokenizer: null, folder: '/a/checkpoint' });
  expect(task.graph.edgeCount).toBeGreaterThan(0);
  await task.dispose();
});

it('has edges for each span, of prompts of several lengths', async () => {
  const spoken = parsePromptFile(
    JSON.stringify({
      prompts: Array.from({ length: 6 }, (_, i) => {
        const before = i % 2 === 0 ? [[7, 7]] : [[7, 7], [8, 8]]; // biome-ignore format: a line
        const side = (own: number[]) => [...before, own];
        return { clean: side([1 + i, 0.5]), corrupt: side([0.5, 1 - i]), answers: [0], wrong_answers: [1] };
      }),
    }),
    'micro.json',
  );
  const spans = {
    names: ['before', 'end'],
    of: ({ clean }: Prompt) => clean.map((_, i) => (i < clean.length - 1 ? 'before' : 'end')),
  };
  const [task, alone] = [await open({ data: spoken, spans }), await open()];
  expect(task.graph.edgeCount).toBe(26);
  const [bySpan, whole] = [await task.score(gradient), await alone.score(gradient)];
  // what stands before does nothing in this model; without it the prompts are those of the other task
  const flat = flattenScores(task.graph, bySpan.scores);
  expect([...flat.slice(0, 13)]).toEqual(Array(13).fill(0));
  const expected = flattenScores(alone.graph, whole.scores);
  for (const [edge, score] of flat.slice(13).entries()) expect(score).toBeCloseTo(expected[edge]!, 4);
  const measured = await task.measure(task.circuit(bySpan.scores, 5), [difference]);
  const same = await alone.measure(alone.circuit(whole.scores, 5), [difference]);
  expect(measured[0]!.value).toBeCloseTo(same[0]!.value!, 4);
  const both = open({ data: spoken, spans, graph: { positions: 'each' } });
  await expect(both).rejects.toMatchObject({
    code: 'conflicting-options',
    fields: { options: ['spans', 'positions'] },
  });
  await expect(open({ data: spoken, graph: { positions: 'each' } })).rejects.toMatchObject({ code: 'mixed-lengths' });
  await task.dispose();
  await alone.dispose();
});

it('knows the options of an algorithm by name and type', async () => {
  const typed = definePruneAlgo({
    name: 'typed',
    doc: 'gradients, multiplied',
    options: { times: { type: 'int', default: 1, doc: 'factor' } },
    score: (context, { times }) => gradient.score(context, { times }),
  });
  const task = await open();
  await task.score(typed, { times: 2 });
  // @ts-expect-error a number
  await expect(task.score(typed, { times: 'two' })).rejects.toMatchObject({ code: 'invalid-option' });
  // @ts-expect-error there is no such option
  await expect(task.score(typed, { time: 2 })).rejects.toMatchObject({ code: 'unknown-name' });
  await task.dispose();
});

describe('prompts that do not fit', () => {
  const uneven = {
    clean: [[1, 0]],
    corrupt: [
      [1, 0],
      [0, 1],
    ],
    answers: [0],
    wrongAnswers: [1],
  };
  const data = { ...file, prompts: [uneven, ...file.prompts] };

  it('are refused, or left out with a warning, and others take their place', async () => {
    await expect(open({ data })).rejects.toMatchObject({ code: 'invalid-prompt', fields: { prompt: 0 } });
    const warnings: string[] = [];
    const task = await open({ data, skipUnfit: true, limit: 4, onWarning: (line) => warnings.push(line) });
    const { train, test } = task.prompts;
    const places = [...train, ...test].flatMap(({ prompts }) => prompts.map(({ index }) => index));
    expect(places.sort()).toEqual([1, 2, 3, 4]);
    expect(warnings).toEqual([
      expect.stringMatching(/^1 prompt does not fit and is left out, .*micro\.json: prompt 0/),
    ]);
    await task.dispose();
  });

  it('are not looked at behind the limit', async () => {
    const task = await open({ data: { ...file, prompts: [...file.prompts, uneven] }, limit: 6 });
    expect(task.prompts.counts.train + task.prompts.counts.test).toBe(6);
    await task.dispose();
  });
});

describe('an opened task', () => {
  it('scores, chooses and measures as a run of the same settings does', async () => {
    const task = await open({ test: 'same' });
    const { scores } = await task.score(gradient);
    const run = await discover({
      model: task.model,
      prompts: tokenizePrompts(file, null, { bos: false }).prompts,
      algo: gradient,
      algoOptions: { times: 1 },
      metrics: [{ metric: difference, options: {} }],
      objective: 'logit-diff',
      sizes: { by: 'list', counts: [1, 3, 5] },
      keep: 3,
      ablation: 'resample',
      ablateFrom: 'corrupt',
      patchType: 'tree',
      reverse: false,
      length: null,
      limit: null,
      train: null,
      test: 'same',
      batchSize: 32,
      seed: 0,
    });
    expect(scores).toEqual(run.scores);
    expect(task.circuit(scores, 3)).toEqual(run.circuit);
    const curve = await task.curve(scores, [5, 1, 3], [difference]);
    expect(curve.map(({ edges, measured: [one] }) => [edges, one!.value, one!.standardError])).toEqual(
      run.measurements[0]!.points.map(({ edges, value, standardError }) => [edges, value, standardError]),
    );
    const [one] = await task.measure(task.circuit(scores, 3), [difference]);
    expect(one).toEqual(curve[1]!.measured[0]);
    expect([one!.model, one!.empty]).toEqual([run.measurements[0]!.model, run.measurements[0]!.empty]);
    await task.dispose();
  });

  it('keeps the scores of single prompts, whose mean the scores are', async () => {
    const keeping = definePruneAlgo({
      name: 'keeping',
      doc: 'the gradient at mask 0',
      options: {},
      byPrompt: true,
      async score(context) {
        const { batches, graph, model, objective, patch } = context;
        const total = new ScoreAccumulator(graph, context);
        for (const batch of batches) total.add(await model.maskGradient(batch, { input: 'clean', patch, objective }));
        return total.result();
      },
    });
    const task = await open();
    const { scores, byPrompt, prompts } = await task.scorePrompts(keeping);
    expect(scores).toEqual((await task.score(keeping)).scores);
    expect(prompts).toEqual(task.prompts.train.flatMap((batch) => batch.prompts));
    expect(byPrompt.prompts).toBe(prompts.length);
    const { tensors } = byPrompt.read(0, byPrompt.prompts);
    for (const [module, { data }] of Object.entries(scores)) {
      data.forEach((score, i) => {
        const own = prompts.map((_, p) => tensors[module]!.data[p * data.length + i]!);
        expect(score).toBeCloseTo(own.reduce((sum, x) => sum + x, 0) / own.length, 6);
      });
    }
    await expect(task.scorePrompts(gradient)).rejects.toMatchObject({
      code: 'conflicting-options',
      fields: { options: ['algo', 'perPrompt'], algo: 'gradient' },
    });
    await task.dispose();
  });

  it('passes options on and refuses unknown ones', async () => {
    const task = await open();
    const [once, twice] = [await task.score(gradient), await task.score(gradient, { times: 2 })];
    const [first] = task.strongest(once.scores, 1);
    expect(task.strongest(twice.scores, 1)[0]).toEqual({ ...first, score: 2 * first!.score });
    await expect(task.score(gradient, { time: 2 })).rejects.toMatchObject({ code: 'unknown-name' });
    await task.dispose();
  });

  it('patches nothing with no edges, everything with all, and the call’s ablation over the task’s', async () => {
    const task = await open();
    const all = Array.from({ length: task.graph.edgeCount }, (_, edge) => edge);
    const valueUnder = async (edges: readonly (string | number)[], ablation?: 'zero'): Promise<number> => {
      const outputs = await task.patch(edges, ablation ? { ablation } : {});
      return (await task.measure(outputs, [difference]))[0]!.value;
    };
    const [{ model, empty } = { model: 0, empty: 0 }] = await task.measure(task.circuitOf([]), [difference]);
    expect(await valueUnder([])).toBeCloseTo(model, 10);
    expect(await valueUnder(all)).toBeCloseTo(empty, 10);
    expect(await valueUnder(all, 'zero')).toBe(0);
    expect(await valueUnder(['B0.0->Resid End'])).toBe(await valueUnder(task.circuitOf(['B0.0->Resid End']).edges));
    await expect(task.patch(['A9.9->Resid End'])).rejects.toThrow(/A9.9/);
    await task.dispose();
  });

  it('takes the defaults of a task, which the caller’s settings override', async () => {
    const data = defineTask({ name: 't', doc: '', model: 'micro', data: 'nowhere.json', train: 2, batchSize: 1 });
    const generator = { count: 6, seed: 0, generate: () => file };
    const tokenizer = { encode: () => [0], decode: () => '', bosId: null };
    const task = await open({ data: { ...data, data: generator }, tokenizer });
    expect(task.prompts.train.map(({ prompts }) => prompts.length)).toEqual([1, 1]);
    const other = await open({ data: { ...data, data: generator }, tokenizer, limit: 4, batchSize: 32 });
    expect(other.prompts.counts).toMatchObject({ train: 2, test: 2 });
    expect(other.prompts.train).toHaveLength(1);
    await expect(open({ data })).rejects.toMatchObject({ code: 'file-not-found', fields: { path: 'nowhere.json' } });
    await expect(open({ data: { ...data, data: generator } })).rejects.toMatchObject({ code: 'no-tokenizer' });
    for (const opened of [task, other]) await opened.dispose();
  });

  it('disposes a backend that it made and leaves one that it was given', async () => {
    const backend = interpreterBackend();
    let disposed = 0;
    const counted = { ...backend, compile: backend.compile.bind(backend), dispose: async () => void disposed++ };
    await (await open({ backend: counted })).dispose();
    expect(disposed).toBe(0);
    await (await open({ backend: async () => counted })).dispose();
    expect(disposed).toBe(1);
    await expect(open({ backend: async () => counted, graph: { kvInputs: 'kv-head' } })).rejects.toThrow();
  });

  it('refuses circuits of another graph, what scripts misspell, and work after dispose', async () => {
    const [task, joint] = [await open(), await open({ graph: { splitQkv: false, positions: 'each' } })];
    await expect(task.measure(joint.circuitOf([0]), [difference])).rejects.toMatchObject({ code: 'graph-mismatch' });
    await expect(task.patch([0], { ablation: 'mean' as never })).rejects.toMatchObject({
      code: 'invalid-option',
      fields: { option: 'ablation', got: 'mean' },
    });
    await expect(task.patch('B0.0->Resid End' as never)).rejects.toMatchObject({ code: 'invalid-option' });
    await expect(task.measure(task.circuitOf([0]), ['kl' as never])).rejects.toMatchObject({ code: 'invalid-option' });
    await expect(task.score('eap' as never)).rejects.toMatchObject({ code: 'invalid-option' });
    const { scores } = await task.score(gradient);
    expect(() => task.strongest(scores, -1)).toThrow(expect.objectContaining({ code: 'invalid-option' }));
    expect(() => task.circuit(scores, 3, 'best' as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }));
    await expect(open({ ablaton: 'zero' } as never)).rejects.toMatchObject({ code: 'unknown-name' });
    await expect(open({ graph: { splitQKV: false } as never })).rejects.toMatchObject({ code: 'unknown-name' });
    await expect(open({ objective: 'logitdiff' as never })).rejects.toMatchObject({ code: 'invalid-option' });
    await expect(open({ backend: undefined as never })).rejects.toMatchObject({ code: 'missing-option' });
    const number = { ...difference, measure: () => 3 as never };
    await expect(task.measure(task.circuitOf([0]), [number])).rejects.toMatchObject({ code: 'plugin-failed' });
    for (const opened of [task, joint]) await opened.dispose();
    await expect(task.score(gradient)).rejects.toMatchObject({ code: 'already-disposed' });
    await expect(task.patch([0])).rejects.toMatchObject({ code: 'already-disposed' });
  });

  it('patches what the other side wrote, also in a reversed task', async () => {
    const reversed = await open({ reverse: true });
    const all = Array.from({ length: reversed.graph.edgeCount }, (_, edge) => edge);
    const [none] = await reversed.measure(await reversed.patch([]), [difference]);
    const [whole] = await reversed.measure(await reversed.patch(all), [difference]);
    expect(none!.value).toBeCloseTo(none!.model, 10);
    expect(whole!.value).toBeCloseTo(whole!.empty, 10);
    expect(none!.value).not.toBeCloseTo(whole!.value, 3);
    await reversed.dispose();
  });

  it('takes token positions where the prompts that are chosen have one length', async () => {
    const mixed = parsePromptFile(
      JSON.stringify({
        prompts: [1, 2, 2, 2, 2].map((length) => ({
          clean: Array.from({ length }, () => [1, 0.5]),
          corrupt: Array.from({ length }, () => [0.5, 2]),
          answers: [0],
          wrong_answers: [1],
        })),
      }),
      'mixed.json',
    );
    const graph = { positions: 'each' } as const;
    const task = await open({ data: mixed, length: 2, graph });
    expect(task.graph.options.positions).toBe(2);
    await task.dispose();
    await expect(open({ data: mixed, graph })).rejects.toMatchObject({ code: 'mixed-lengths' });
  });
});
