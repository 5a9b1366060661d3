import assert from 'node:assert/strict';
import { interpreterBackend } from '@auto-circuit/core';
import {
  allEdges,
  flattenScores,
  type GraphOptions,
  type Mask,
  type MemoryWeight,
  type ModelObject,
  memoryWeights,
  objectiveOnLogits,
  type PruneAlgoContext,
  type PruneScores,
} from '@auto-circuit/core/plugin';
import { createSpanModel } from '@auto-circuit/core/run';
import {
  type DisposableContext,
  microModel,
  pruneAlgoContext,
  tinyPrompts,
  tinyTransformer,
} from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { atpStar } from './atp-star.js';
import { type AttentionValues, headEffects } from './qk-correction.js';

/** A model with some weights changed. */
function changed(model: ModelObject, change: (name: string, data: Float32Array) => Float32Array): ModelObject {
  const weights = model.weights.names.map((name): [string, MemoryWeight] => {
    const { shape } = model.weights.entry(name);
    return [name, { shape, data: change(name, Float32Array.from(model.weights.read(name))) }];
  });
  return { ...model, weights: memoryWeights(Object.fromEntries(weights)) };
}
/** Queries and keys so many times as large. */
const sharper = (model: ModelObject, times: number): ModelObject =>
  changed(model, (name, data) => (/attn\.[qk]\./.test(name) ? data.map((x) => times * x) : data));

/** Heads whose patterns the logits are linear in, in their last layer: what a query does to the loss has no other curve. */
const linear = (varied: Parameters<typeof tinyTransformer>[0] = {}): ModelObject =>
  tinyTransformer({ mlp: false, norm: null, ...varied });

async function tiny(model: ModelObject, graph: Partial<GraphOptions> = {}, prompts = 4): Promise<DisposableContext> {
  const { context, dispose } = await pruneAlgoContext({ model, graph, batches: [1] });
  return { context: { ...context, batches: [tinyPrompts(prompts)] }, dispose };
}
const scored = async (context: PruneAlgoContext): Promise<PruneScores> =>
  (await atpStar.score(context, { gradDrop: false })).scores;

/** Mean gradients at mask 0: plain edge attribution patching. */
async function plain({ model, graph, batches, patch, objective }: PruneAlgoContext): Promise<PruneScores> {
  const { tensors } = await model.maskGradient(batches[0]!, { input: 'clean', patch, objective });
  const means = Object.entries(tensors).map(([module, { data, shape }]) => {
    const each = data.length / shape[0]!;
    const mean = new Float64Array(each);
    for (const [i, x] of data.entries()) mean[i % each]! += x / shape[0]!;
    return [module, { dtype: 'float', shape: shape.slice(1), data: mean }];
  });
  assert.equal(means.length, graph.destinationBlocks.length);
  return Object.fromEntries(means) as PruneScores;
}

/** Of each row (head, by position) of a module: what its edges' scores add up to, and what patching all of them does to the loss. */
async function totals(
  { model, batches, patch, objective }: PruneAlgoContext,
  scores: PruneScores,
  module: string,
): Promise<{ added: number; exact: number }[]> {
  const [batch] = batches;
  const mean = async (row: number | null): Promise<number> => {
    const tensors = Object.fromEntries(
      Object.entries(scores).map(([name, { shape }]) => {
        const data = new Float32Array(shape.reduce((n, d) => n * d, 1));
        if (name === module && row !== null) data.fill(1, row * shape.at(-1)!, (row + 1) * shape.at(-1)!);
        return [name, { dtype: 'float', shape, data }];
      }),
    );
    const mask = { perItem: false, tensors } as Mask;
    const logits = await model.patchedRun(batch!, { input: 'clean', patch, mask });
    const losses = objectiveOnLogits(objective, logits, batch!);
    return losses.reduce((sum, x) => sum + x, 0) / losses.length;
  };
  const { shape } = scores[module]!;
  const data = Float64Array.from(scores[module]!.data);
  const sources = shape.at(-1)!;
  const before = await mean(null);
  const rows = Array.from({ length: data.length / sources }, (_, row) => row);
  return Promise.all(
    rows.map(async (row) => ({
      added: data.subarray(row * sources, (row + 1) * sources).reduce((sum, x) => sum + x, 0),
      exact: (await mean(row)) - before,
    })),
  );
}

const GRAPHS: Readonly<Record<string, readonly [ModelObject, Partial<GraphOptions>]>> = {
  'edges between heads': [linear(), {}],
  'edges for each token position': [linear(), { positions: 3 }],
  'grouped queries, by query head': [linear({ heads: 4, kvHeads: 2 }), { kvInputs: 'query-head' }],
  'grouped queries, by KV head': [linear({ heads: 4, kvHeads: 2 }), { kvInputs: 'kv-head' }],
};

describe('what patching a whole query or key does', () => {
  for (const [name, [model, graph]] of Object.entries(GRAPHS)) {
    it(`is what its edges add up to, where logits are linear in patterns: ${name}`, async () => {
      const { context, dispose } = await tiny(sharper(model, 3), graph);
      const scores = await scored(context);
      const eap = await plain(context);
      for (const { module } of context.graph.destinationBlocks.filter(
        ({ site, input }) => site === 'L1.attn' && (input === 'q' || input === 'k'),
      )) {
        const [own, theirs] = [await totals(context, scores, module), await totals(context, eap, module)];
        const largest = Math.max(...own.map(({ exact }) => Math.abs(exact)));
        assert.ok(largest > 1e-3, `${module} does nothing`);
        // float32 scores, values and logits of some ten sums each
        for (const { added, exact } of own) assert.ok(Math.abs(added - exact) < 1e-5 * Math.max(1, largest), module);
        const apart = Math.max(...theirs.map(({ added, exact }) => Math.abs(added - exact)));
        assert.ok(apart > 0.05 * largest, `${module}: eap is as near`);
      }
      await dispose();
    });
  }

  it('is nearer than by eap through MLPs and norms, too, where attention is saturated', async () => {
    const { context, dispose } = await tiny(sharper(tinyTransformer(), 4));
    const [own, theirs] = [await scored(context), await plain(context)];
    const off = async (scores: PruneScores): Promise<number> => {
      let sum = 0;
      for (const { module, input } of context.graph.destinationBlocks)
        if (input === 'q' || input === 'k')
          for (const { added, exact } of await totals(context, scores, module)) sum += Math.abs(added - exact);
      return sum;
    };
    assert.ok((await off(own)) < (await off(theirs)) / 2, `${await off(own)} against ${await off(theirs)}`);
    await dispose();
  });

  it('is that of eap to first order: ten times nearer inputs, a hundred times less apart', async () => {
    const [clean, corrupt] = [tinyPrompts(4).prompts[0]!.clean as number[], [3, 4, 5]];
    const apart = async (step: number): Promise<number> => {
      // what the corrupt tokens are embedded as lies so far from the clean ones
      const near = changed(tinyTransformer(), (name, data) => {
        if (name !== 'embed') return data;
        const row = (i: number): number[] => [...data.subarray(5 * i, 5 * i + 5)];
        const [from, to] = [clean.map(row), corrupt.map(row)];
        for (const [i, token] of [7, 8, 9].entries())
          data.set(
            to[i]!.map((x, d) => from[i]![d]! + step * (x - from[i]![d]!)),
            5 * token,
          );
        return data;
      });
      const { context, dispose } = await tiny(near, {}, 1);
      const prompt = { ...context.batches[0]!.prompts[0]!, clean, corrupt: [7, 8, 9] };
      const on = { ...context, batches: [{ length: 3, prompts: [prompt] }] };
      const [own, eap] = [await scored(on), await plain(on)].map((scores) => flattenScores(context.graph, scores));
      await dispose();
      return Math.max(...own!.map((x, edge) => Math.abs(x - eap![edge]!)));
    };
    const [far, near] = [await apart(0.1), await apart(0.01)];
    assert.ok(far > 1e-6, `${far}`);
    assert.ok(near / far > 0.005 && near / far < 0.02, `${near / far}`);
  });

  it('leaves all other edges as eap has them', async () => {
    const { context, dispose } = await tiny(tinyTransformer());
    const [own, eap] = [await scored(context), await plain(context)];
    for (const { module, input } of context.graph.destinationBlocks) {
      if (input === 'q' || input === 'k') continue;
      for (const [i, x] of own[module]!.data.entries()) assert.ok(Math.abs(x - eap[module]!.data[i]!) < 1e-6);
    }
    await dispose();
  });

  it('is what the edges of a span add up to', async () => {
    const { context, dispose } = await tiny(sharper(linear(), 3), { positions: 2 });
    const prompts = tinyPrompts(3).prompts.map((prompt, i) => ({ ...prompt, spans: [0, i === 1 ? 1 : 0, 1] }));
    const model = await createSpanModel({
      model: sharper(linear(), 3),
      graph: context.graph,
      backend: interpreterBackend(),
    });
    const on = { ...context, model, batches: [{ length: 3, prompts }] };
    const scores = await scored(on);
    for (const module of ['blocks.1.hook_q_input', 'blocks.1.hook_k_input']) {
      const own = await totals(on, scores, module);
      const largest = Math.max(...own.map(({ exact }) => Math.abs(exact)));
      assert.ok(largest > 1e-3, `${module} does nothing`);
      for (const { added, exact } of own) assert.ok(Math.abs(added - exact) < 1e-5 * Math.max(1, largest), module);
    }
    await model.dispose();
    await dispose();
  });

  it('does not depend on how prompts are cut into batches', async () => {
    const { context, dispose } = await tiny(tinyTransformer());
    const { length, prompts } = context.batches[0]!;
    const cut = [
      { length, prompts: prompts.slice(0, 1) },
      { length, prompts: prompts.slice(1) },
    ];
    const [whole, parts] = [await scored(context), await scored({ ...context, batches: cut })].map((scores) =>
      flattenScores(context.graph, scores),
    );
    for (const [edge, x] of whole!.entries()) assert.ok(Math.abs(x - parts![edge]!) < 1e-6);
    await dispose();
  });
});

describe('GradDrop', () => {
  it('comes to what one has by hand: effects that cancel through a layer are found', async () => {
    // y = (1 + w₁)(1 + w₀) x with w₀ = ½ and w₁ = −1: all that comes before layer 1 cancels in the gradient
    const model = microModel([[[0.5, 0.5]], [[-1, -1]]]);
    const { context, dispose } = await pruneAlgoContext({ model, batches: [1] });
    const prompt = { index: 0, clean: [[2, 1]], corrupt: [[0, 0]], answers: [0], wrongAnswers: [1] };
    const on = { ...context, batches: [{ length: 1, prompts: [prompt] }] };
    const flat = async (gradDrop: boolean) => [
      ...flattenScores(context.graph, (await atpStar.score(on, { gradDrop })).scores),
    ];
    // patching x changes the loss by 2 − 1 for each unit of gradient. Start->B0.0, Start->B1.0, B0.0->B1.0, then into the end
    expect(await flat(false)).toEqual([0, -1, -0.5, 1, 0.5, -1.5]);
    expect(await flat(true)).toEqual([0.5, 1, 0.5, 1, 0.5, 1.5]);
    await dispose();
  });

  it('is the mean of absolute gradients without each layer, where nothing is to be corrected', async () => {
    const { context, dispose } = await tiny(tinyTransformer({ layers: 3 }));
    const { graph, model, batches, patch, objective } = context;
    const { scores } = await atpStar.score(context, { gradDrop: true });
    const sums = new Float64Array(graph.edgeCount); // over layers, of means over prompts
    for (const layer of [0, 1, 2]) {
      const backward = ['attn', 'mlp'].map((kind) => ({ kind: 'stop', role: `L${layer}.${kind}.write` }) as const);
      const { tensors } = await model.maskGradient(batches[0]!, { input: 'clean', patch, objective, backward });
      const means = Object.entries(tensors).map(([module, { data, shape }]) => {
        const each = data.length / shape[0]!;
        const mean = new Float64Array(each);
        for (const [i, x] of data.entries()) mean[i % each]! += Math.abs(x) / shape[0]!;
        return [module, { dtype: 'float', shape: shape.slice(1), data: mean }];
      });
      for (const [edge, x] of flattenScores(graph, Object.fromEntries(means) as PruneScores).entries())
        sums[edge]! += x;
    }
    const flat = flattenScores(graph, scores);
    let compared = 0;
    for (const edge of allEdges(graph)) {
      const { input, at } = graph.destinationBlocks[edge.destination.block]!;
      if (input === 'q' || input === 'k') continue;
      const expected = sums[edge.number]! / (at.kind === 'end' ? 3 : 2);
      assert.ok(Math.abs(flat[edge.number]! - expected) < 1e-5 * Math.max(1, expected), edge.name);
      compared++;
    }
    expect(compared).toBeGreaterThan(30);
    await dispose();
  });
});

describe('headEffects', () => {
  const numbers = (shape: number[], data: number[]) =>
    ({ dtype: 'float', shape, data: Float32Array.from(data) }) as const;
  /** One prompt, one head, one number for each query and key; two positions. */
  const side = (q: number[], k: number[]): AttentionValues => {
    const scores = q.flatMap((x) => k.map((y) => x * y));
    const second = 1 / (1 + Math.exp(scores[2]! - scores[3]!));
    return {
      q: numbers([1, 1, 1, 2, 1], q),
      k: numbers([1, 1, 1, 2, 1], k),
      scores: numbers([1, 1, 1, 2, 2], scores),
      pattern: numbers([1, 1, 1, 2, 2], [1, 0, 1 - second, second]),
    };
  };
  const gradient = numbers([1, 1, 1, 2, 2], [5, 7, 0, 1]);
  const ln3 = Math.log(3);
  const APART = { count: 2, of: [[0, 1]] };

  it('comes to what one has by hand', () => {
    // the second query sees both keys with scores 0 and 0; with its other query, ln 3 more for the second: 1/4 and 3/4
    const effects = headEffects('L0.attn', side([1, 0], [0, 1]), side([1, ln3], [0, 1]), gradient, APART);
    assert.deepEqual(
      [...effects.q].map((x) => x.toFixed(6)),
      ['0.000000', '0.250000'],
    );
    assert.deepEqual([...effects.k], [0, 0]);
  });
  it('takes one other key at a time by position, and all of them else', () => {
    const [clean, corrupt] = [side([0, 1], [0, 0]), side([0, 1], [-ln3, ln3])];
    const apart = headEffects('L0.attn', clean, corrupt, gradient, APART);
    assert.deepEqual(
      [...apart.k].map((x) => x.toFixed(6)),
      ['0.250000', '0.250000'],
    );
    const together = headEffects('L0.attn', clean, corrupt, gradient, { count: 1, of: [[0, 0]] });
    assert.equal(together.k[0]!.toFixed(6), '0.400000'); // 1/10 and 9/10
  });
  it('refuses scores that are no multiples of query · key, and patterns that are no softmax of them', () => {
    const [clean, corrupt] = [side([1, 0], [0, 1]), side([1, ln3], [2, 1])];
    const bent = { ...corrupt, scores: numbers([1, 1, 1, 2, 2], [2, 1, 1, 0.1]) };
    const blurred = { ...clean, pattern: numbers([1, 1, 1, 2, 2], [1, 0, 0.4, 0.6]) };
    const refused = { code: 'unsupported-model', fields: { key: 'L0.attn.scores' } };
    assert.throws(() => headEffects('L0.attn', clean, bent, gradient, APART), refused);
    assert.throws(() => headEffects('L0.attn', blurred, corrupt, gradient, APART), refused);
  });
});

describe('what does not fit', () => {
  it('is refused: a graph without edges into queries, another ablation', async () => {
    const joint = await tiny(tinyTransformer(), { splitQkv: false });
    await assert.rejects(scored(joint.context), { code: 'unsupported-graph' });
    await joint.dispose();
    const { context, dispose } = await tiny(tinyTransformer());
    for (const patch of [{ kind: 'zero' }, { kind: 'resample', from: 'clean' }] as const)
      await assert.rejects(scored({ ...context, patch }), { code: 'conflicting-options' });
    await dispose();
  });
});
