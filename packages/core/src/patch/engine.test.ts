import { describe, expect, it } from 'vitest';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph } from '../graph/build.js';
import { maskFromEdges } from '../graph/circuit.js';
import { allEdges, edgesByName } from '../graph/edges.js';
import { scoreIndex } from '../graph/score-index.js';
import type { Graph, GraphOptions, Mask } from '../graph/types.js';
import type { Prompt, PromptBatch, Side } from '../prompts/types.js';
import { microModel } from '../testing/micro-model.js';
import { createPatchableModel } from './engine.js';
import type { PatchDescription } from './requests/ablations.js';
import type { PatchableModel } from './requests/patchable-model.js';

const OPTIONS: GraphOptions = { factorized: true, splitQkv: true, positions: null, kvInputs: 'query-head' };
const prompt = (index: number, clean: number[][], corrupt: number[][]): Prompt => ({
  index,
  clean,
  corrupt,
  answers: [0],
  wrongAnswers: [1],
});
const BATCH: PromptBatch = {
  length: 3,
  prompts: [
    prompt(
      0,
      [
        [0.1, -0.2],
        [0.3, 0.4],
        [-0.5, 0.6],
      ],
      [
        [0.2, 0.1],
        [-0.3, 0.5],
        [0.7, -0.1],
      ],
    ),
    prompt(
      1,
      [
        [0.4, 0.3],
        [0.2, -0.1],
        [0.9, 0.2],
      ],
      [
        [-0.2, 0.6],
        [0.1, 0.1],
        [0.3, 0.8],
      ],
    ),
  ],
};
const FROM_CORRUPT: PatchDescription = { kind: 'resample', from: 'corrupt' };

async function micro(
  options: Partial<GraphOptions> = {},
  microBatchTokens?: number,
): Promise<{ model: PatchableModel; graph: Graph }> {
  const model = microModel();
  const graph = buildGraph(model.spec.layout, { ...OPTIONS, ...options });
  const backend = interpreterBackend({ precision: 'float64' });
  return {
    graph,
    model: await createPatchableModel({ model, graph, backend, ...(microBatchTokens ? { microBatchTokens } : {}) }),
  };
}

/** The definition, written out: what every head reads is the residual plus mask · (patch − current) of each upstream source. */
function byHand(item: number, side: Side, mask: (source: string, destination: string) => number): number[] {
  const W = [
    [1, 2],
    [3, 4],
  ];
  const other: Side = side === 'clean' ? 'corrupt' : 'clean';
  const run = (
    x: number[],
    patch: Record<string, number[]> | null,
  ): { outs: Record<string, number[]>; end: number[] } => {
    const outs: Record<string, number[]> = { 'Resid Start': x };
    const read = (destination: string): number[] =>
      x.map((_, d) =>
        Object.entries(outs).reduce(
          (sum, [source, out]) =>
            sum + out[d]! + (patch ? mask(source, destination) * (patch[source]![d]! - out[d]!) : 0),
          0,
        ),
      );
    for (let l = 0; l < 2; l++) {
      const reads = [0, 1].map((h) => read(`B${l}.${h}`));
      reads.forEach((r, h) => {
        outs[`B${l}.${h}`] = r.map((v, d) => v * W[h]![d]!);
      });
    }
    return { outs, end: read('Resid End') };
  };
  const at = (s: Side): number[] => (BATCH.prompts[item]![s] as number[][])[2]!;
  return run(at(side), run(at(other), null).outs).end;
}

describe('patchedRun', () => {
  it('equals the definition for every single edge, on both sides', async () => {
    const { model, graph } = await micro();
    for (const input of ['clean', 'corrupt'] as const) {
      const patch: PatchDescription = { kind: 'resample', from: input === 'clean' ? 'corrupt' : 'clean' };
      for (const edge of allEdges(graph)) {
        const mask = maskFromEdges(graph, [edge.number], { inside: 0.7, outside: 0 });
        const { data } = await model.patchedRun(BATCH, { input, patch, mask });
        const expected = [0, 1].flatMap((item) =>
          byHand(item, input, (s, d) => (`${s}->${d}` === edge.name ? 0.7 : 0)),
        );
        expected.forEach((y, i) => expect(data[i]).toBeCloseTo(y, 5));
      }
    }
  });

  it('patches everything to the other run under a full mask, and nothing under an empty one', async () => {
    const { model, graph } = await micro();
    const all = maskFromEdges(graph, [], { inside: 0, outside: 1 });
    const none = maskFromEdges(graph, [], { inside: 0, outside: 0 });
    const corrupt = [0, 1].flatMap((item) => byHand(item, 'corrupt', () => 0));
    const clean = [0, 1].flatMap((item) => byHand(item, 'clean', () => 0));
    [...(await model.patchedRun(BATCH, { input: 'clean', patch: FROM_CORRUPT, mask: all })).data].forEach((y, i) =>
      expect(y).toBeCloseTo(corrupt[i]!, 5),
    );
    [...(await model.patchedRun(BATCH, { input: 'clean', patch: FROM_CORRUPT, mask: none })).data].forEach((y, i) =>
      expect(y).toBeCloseTo(clean[i]!, 5),
    );
  });

  it('does not depend on the micro-batch', async () => {
    const whole = await micro({}, 100);
    const cut = await micro({}, 3);
    const mask = maskFromEdges(whole.graph, [1, 4, 9], { inside: 0.3, outside: 0.9 });
    for (const patch of [
      FROM_CORRUPT,
      { kind: 'zero' },
      { kind: 'batch-mean', from: 'corrupt' },
      { kind: 'batch-position-mean', from: 'clean' },
    ] as const) {
      const a = await whole.model.patchedRun(BATCH, { input: 'clean', patch, mask });
      const b = await cut.model.patchedRun(BATCH, { input: 'clean', patch, mask });
      expect([...b.data]).toEqual([...a.data]);
    }
  });

  it('takes a mask for each item', async () => {
    const { model, graph } = await micro();
    const masks = [
      maskFromEdges(graph, [2, 5], { inside: 1, outside: 0 }),
      maskFromEdges(graph, [8], { inside: 0.5, outside: 0.25 }),
    ];
    const both: Mask = {
      perItem: true,
      tensors: Object.fromEntries(
        graph.destinationBlocks.map(({ module }) => {
          const [a, b] = masks.map((m) => m.tensors[module]!);
          return [
            module,
            { dtype: 'float' as const, shape: [2, ...a!.shape], data: Float64Array.from([...a!.data, ...b!.data]) },
          ];
        }),
      ),
    };
    const { data } = await model.patchedRun(BATCH, { input: 'clean', patch: FROM_CORRUPT, mask: both });
    for (const item of [0, 1]) {
      const alone = await model.patchedRun(BATCH, { input: 'clean', patch: FROM_CORRUPT, mask: masks[item]! });
      for (const k of [0, 1]) expect(data[item * 2 + k]).toBeCloseTo(alone.data[item * 2 + k]!, 5);
    }
  });
});

describe('maskGradient', () => {
  const objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' } as const;
  // float32 activations between the passes: a step of 1e-2 keeps rounding (1e-7/1e-2) and curvature (quartic, 1e-4) below 1e-3
  const STEP = 1e-2;
  for (const options of [{}, { positions: 3 }, { factorized: false }] as const) {
    for (const value of [0, 0.4]) {
      it(`is the derivative of the loss, ${JSON.stringify(options)} at mask ${value}`, async () => {
        const { model, graph } = await micro(options);
        const { tensors } = await model.maskGradient(BATCH, {
          input: 'clean',
          patch: FROM_CORRUPT,
          at: { kind: 'mask', mask: value },
          objective,
        });
        const { block, offset, blockSize } = scoreIndex(graph);
        const losses = async (number: number, v: number): Promise<number[]> => {
          const mask = maskFromEdges(graph, [number], { inside: v, outside: value });
          const { data } = await model.patchedRun(BATCH, { input: 'clean', patch: FROM_CORRUPT, mask });
          return [0, 1].map((i) => -(data[i * 2]! - data[i * 2 + 1]!));
        };
        for (let number = 0; number < graph.edgeCount; number++) {
          const up = await losses(number, value + STEP);
          const down = await losses(number, value - STEP);
          const place = number % graph.edgesPerPosition;
          const position = Math.floor(number / graph.edgesPerPosition);
          const b = block[place]!;
          const tensor = tensors[graph.destinationBlocks[b]!.module]!;
          const perItem = tensor.data.length / 2;
          for (const item of [0, 1]) {
            const score = tensor.data[item * perItem + position * blockSize[b]! + offset[place]!]!;
            expect(score).toBeCloseTo((up[item]! - down[item]!) / (2 * STEP), 3);
          }
        }
      });
    }
  }

  it.each([{}, { positions: 3 }])('takes a mask for each item, and gives the losses with it, %o', async (options) => {
    const { model, graph } = await micro(options);
    const masks = [0, 1].map((item) => maskFromEdges(graph, [2 + item, 5], { inside: 0.75, outside: 0.25 * item }));
    const tensors = Object.fromEntries(
      Object.entries(masks[0]!.tensors).map(([module, { shape, data }]) => {
        const both = Float64Array.from([...data, ...masks[1]!.tensors[module]!.data]);
        return [module, { dtype: 'float' as const, shape: [2, ...shape], data: both }];
      }),
    );
    const request = { input: 'clean', patch: FROM_CORRUPT, objective, losses: true } as const;
    const both = await model.maskGradient(BATCH, {
      ...request,
      at: { kind: 'mask', mask: { perItem: true, tensors } },
    });
    for (const item of [0, 1]) {
      const alone = await model.maskGradient(BATCH, { ...request, at: { kind: 'mask', mask: masks[item]! } });
      const { data } = await model.patchedRun(BATCH, { input: 'clean', patch: FROM_CORRUPT, mask: masks[item]! });
      expect(alone.losses![item]).toBeCloseTo(data[item * 2 + 1]! - data[item * 2]!, 5); // logits are float32
      expect(both.losses![item]).toBe(alone.losses![item]);
      for (const [module, tensor] of Object.entries(alone.tensors)) {
        const size = tensor.data.length / 2;
        const rows = (x: Float32Array): number[] => [...x.subarray(item * size, (item + 1) * size)];
        rows(both.tensors[module]!.data).forEach((x, i) => expect(x).toBeCloseTo(rows(tensor.data)[i]!, 6));
      }
    }
  });

  it('sums over the path of inputs to the whole difference where the model is linear', async () => {
    // The micro model is linear in its input, so the gradient is the same at every alpha.
    const { model } = await micro();
    const at = async (alpha?: number) =>
      (
        await model.maskGradient(BATCH, {
          input: 'clean',
          patch: FROM_CORRUPT,
          objective,
          ...(alpha === undefined ? {} : { at: { kind: 'input', alpha } as const }),
        })
      ).tensors;
    const plain = await at();
    const half = await at(0.5);
    for (const [module, { data }] of Object.entries(plain))
      data.forEach((x, i) => expect(half[module]!.data[i]).toBeCloseTo(x, 5));
  });
});

describe('sourceOutputs and means', () => {
  it('means over the data set are means of what sources output', async () => {
    const { model, graph } = await micro();
    const outputs = await model.sourceOutputs(BATCH, 'corrupt');
    const mean = await model.meanOf([BATCH], 'corrupt');
    const patched = await model.sourceOutputs(BATCH, mean);
    const slab = 3 * 2;
    for (let s = 0; s < graph.sources.length; s++) {
      for (let k = 0; k < slab; k++) {
        const expected = (outputs.data[s * 2 * slab + k]! + outputs.data[(s * 2 + 1) * slab + k]!) / 2;
        expect(patched.data[s * 2 * slab + k]).toBeCloseTo(expected, 6);
        expect(patched.data[(s * 2 + 1) * slab + k]).toBeCloseTo(expected, 6);
      }
    }
  });

  it('an edge name without a position means every position', async () => {
    const { model, graph } = await micro({ positions: 3 });
    const shared = await micro();
    const mask = maskFromEdges(graph, edgesByName(graph, 'B0.1->Resid End'), { inside: 1, outside: 0 });
    const same = maskFromEdges(shared.graph, edgesByName(shared.graph, 'B0.1->Resid End'), { inside: 1, outside: 0 });
    const a = await model.patchedRun(BATCH, { input: 'clean', patch: FROM_CORRUPT, mask });
    const b = await shared.model.patchedRun(BATCH, { input: 'clean', patch: FROM_CORRUPT, mask: same });
    a.data.forEach((y, i) => expect(y).toBeCloseTo(b.data[i]!, 6));
  });
});
