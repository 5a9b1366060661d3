import { describe, expect, it } from 'vitest';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import type { Mask } from '../graph/types.js';
import type { ModelObject } from '../model/model.js';
import { createPatchableModel } from '../patch/engine.js';
import { filledMask } from '../patch/exec/feeds.js';
import { answersRead, type OutputPositions, positionsRead } from '../prompts/output-positions.js';
import { parsePromptFile, promptFileText } from '../prompts/prompt-file.js';
import { tokenizePrompts } from '../prompts/tokenize.js';
import type { Prompt, PromptBatch } from '../prompts/types.js';
import { floatTensor } from '../tensor/tensor.js';
import { errorOf } from '../testing/errors.js';
import { microModel } from '../testing/micro-model.js';
import type { Objective } from './objective.js';
import { objectiveOnLogits } from './on-logits.js';
import { meanOverAnswers, outputRows } from './output-rows.js';

const sides = (answers: number[], wrongAnswers: number[]) => ({ index: 0, answers, wrongAnswers });
const reading = (outputs: OutputPositions): ModelObject => {
  const model = microModel([
    [
      [0.5, -0.25],
      [0.125, 0.5],
    ],
    [
      [-0.5, 0.25],
      [0.25, 0.375],
    ],
  ]);
  return { ...model, spec: { ...model.spec, outputs } };
};
const COUNTS: Readonly<Record<OutputPositions, number>> = { last: 1, 'not-first': 2, all: 3 };

function batchFor(outputs: OutputPositions): PromptBatch {
  const count = COUNTS[outputs];
  const prompt = (index: number): Prompt => ({
    ...sides([index % 2], [1 - (index % 2)]),
    index,
    clean: [0, 1, 2].map((p) => [0.3 * p - 0.2 * index, 0.5 - 0.4 * p + 0.1 * index]),
    corrupt: [0, 1, 2].map((p) => [0.1 - 0.2 * p, 0.3 * index + 0.2 * p]),
    ...(outputs === 'last'
      ? {}
      : { byPosition: Array.from({ length: count }, (_, p) => sides([(p + index) % 2], [(p + index + 1) % 2])) }),
    targets: Array.from({ length: count }, (_, p) => [p - index, 0.5]),
  });
  return { prompts: [0, 1, 2].map(prompt), length: 3 };
}

const OBJECTIVES: readonly Objective[] = [
  { kind: 'answers', tokenFunction: 'prob', value: 'diff' },
  { kind: 'answers', tokenFunction: 'logit', value: 'value' },
  { kind: 'mse', tokenFunction: 'logit' },
  { kind: 'mse', tokenFunction: 'logprob' },
  { kind: 'kl' },
];

describe.each(['last', 'not-first', 'all'] as const)('outputs read at %s', (outputs) => {
  const model = reading(outputs);
  const graph = buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, positions: 3 });
  const batch = batchFor(outputs);
  const patch = { kind: 'resample', from: 'corrupt' } as const;
  const patchable = createPatchableModel({ model, graph, backend: interpreterBackend(), microBatchTokens: 6 });

  it('are those positions of all outputs', async () => {
    const engine = await patchable;
    const input = floatTensor(
      Float32Array.from(batch.prompts.flatMap(({ clean }) => clean.flat() as number[])),
      [3, 3, 2],
    );
    const all = await engine.run(input, 'all'); // [prompts, 3, 2]
    const first = 3 - COUNTS[outputs];
    const wanted = Array.from(all.data).filter((_, i) => Math.floor(i / 2) % 3 >= first);
    const read = await engine.run(input);
    expect([...read.data]).toEqual(wanted);
    expect(read.shape).toEqual(outputs === 'last' ? [3, 2] : [3, COUNTS[outputs], 2]);
    const patched = await engine.patchedRun(batch, { input: 'clean', patch, mask: filledMask(graph, 0) });
    expect(patched.shape).toEqual(read.shape);
    patched.data.forEach((x, i) => expect(x).toBeCloseTo(wanted[i]!, 6));
  });

  it.each(OBJECTIVES)(
    'give the losses of the host, and their slopes: $kind $tokenFunction $value',
    async (objective) => {
      const engine = await patchable;
      const cleanLogits = await engine.patchedRun(batch, { input: 'clean', patch, mask: filledMask(graph, 0) });
      const lossAt = async (mask: Mask): Promise<Float64Array> =>
        objectiveOnLogits(objective, await engine.patchedRun(batch, { input: 'clean', patch, mask }), batch, {
          cleanLogits,
        });
      const mask = filledMask(graph, 0.25);
      const { tensors, losses } = await engine.maskGradient(batch, {
        input: 'clean',
        patch,
        at: { kind: 'mask', mask },
        objective,
        losses: true,
      });
      const host = await lossAt(mask);
      host.forEach((loss, i) => expect(losses![i]).toBeCloseTo(loss, 5));
      const step = 1 / 64;
      for (const [module, { data, shape }] of Object.entries(tensors)) {
        const width = data.length / shape[0]!;
        const at = Math.floor(width / 2);
        const moved = (by: number): Mask => {
          const own = mask.tensors[module]!;
          return {
            ...mask,
            tensors: { ...mask.tensors, [module]: { ...own, data: own.data.map((x, i) => (i === at ? x + by : x)) } },
          };
        };
        const [above, below] = [await lossAt(moved(step)), await lossAt(moved(-step))];
        // Central differences: third derivatives of order 1, times step²/6 = 4·10⁻⁵; float32 outputs, divided by the step: 10⁻⁵.
        for (let p = 0; p < 3; p++) {
          expect(data[p * width + at]).toBeCloseTo((above[p]! - below[p]!) / (2 * step), 3);
        }
      }
    },
  );
});

describe('answers by position', () => {
  const file = (prompt: object): string =>
    JSON.stringify({ prompts: [{ clean: [3, 0, 1], corrupt: [3, 1, 1], ...prompt }] });
  const read = (prompt: object) =>
    tokenizePrompts(parsePromptFile(file(prompt), 'p.json'), null, { bos: false }).prompts[0]!;

  it('are read from lists of lists, and written again', () => {
    const prompt = read({ answers: [[1], [0, 2]], wrong_answers: [[0], [1]], targets: [[0.5], [1]] });
    expect(prompt).toMatchObject({ answers: [0, 2], wrongAnswers: [1], targets: [[0.5], [1]] });
    expect(prompt.byPosition).toEqual([sides([1], [0]), sides([0, 2], [1])]);
    const text = file({ answers: [[1], [0, 2]], wrong_answers: [[0], [1]], targets: [[0.5], [1]] });
    const parsed = parsePromptFile(text, 'p.json');
    expect(parsePromptFile(promptFileText(parsed), 'p.json')).toEqual(parsed);
    const numbers = parsePromptFile(file({ targets: [[0.5], [1]] }), 'p.json');
    expect(parsePromptFile(promptFileText(numbers), 'p.json')).toEqual(numbers);
  });

  it('may be missing where there are targets, and nowhere else', () => {
    expect(read({ targets: [[0.5], [1]] })).toMatchObject({ answers: [], targets: [[0.5], [1]] });
    expect(errorOf(() => read({ answers: [[1], []] }))).toMatchObject({
      code: 'invalid-prompt',
      fields: { prompt: 0 },
    });
    for (const wrong_answers of [[[1]], [1]]) {
      expect(errorOf(() => read({ answers: [[1], [0]], wrong_answers }))).toMatchObject({ code: 'invalid-prompt' });
    }
  });

  it('must be as many as the positions that are read; one position is the last', () => {
    const prompt = read({ answers: [[1], [0]] });
    expect(answersRead(prompt, 2).map(({ answers }) => answers)).toEqual([[1], [0]]);
    expect(answersRead(prompt, 1).map(({ answers }) => answers)).toEqual([[0]]);
    expect(errorOf(() => answersRead(prompt, 3))).toMatchObject({ code: 'invalid-prompt', fields: { positions: 3 } });
    expect(() => answersRead(read({ answers: [1] }), 2)).toThrow(/expected answers for 2 positions, got 1/);
    expect(errorOf(() => positionsRead('not-first', 1))).toMatchObject({
      code: 'unfit-prompts',
      fields: { length: 1, outputs: 'not-first' },
    });
  });

  it('are taken with their rows, and averaged', () => {
    const prompt = { ...read({ answers: [[1], [0]] }), index: 0 };
    const batch: PromptBatch = { prompts: [prompt], length: 3 };
    const [rows] = outputRows({ batch, logits: Float32Array.of(1, 2, 30, 40) }, 2);
    expect(meanOverAnswers(rows!, prompt, (row, { answers }) => row[answers[0]!]!)).toBe((2 + 30) / 2);
    expect(errorOf(() => outputRows({ batch, logits: Float32Array.of(1, 2, 3) }, 2))).toMatchObject({
      code: 'wrong-shape',
    });
  });
});
