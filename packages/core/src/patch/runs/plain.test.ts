import { describe, expect, it } from 'vitest';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../../graph/build.js';
import { inputOf } from '../../prompts/prompts.js';
import { countingBackend } from '../../testing/counting-backend.js';
import { TINY, tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { createPatchableModel } from '../engine.js';
import { filledMask } from '../exec/feeds.js';
import type { EdgeMeasure } from '../requests/patchable-model.js';

const model = tinyTransformer();
const BATCH = tinyPrompts(3);
async function open(positions: number | null = null, microBatchTokens?: number) {
  const graph = buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, positions });
  const { backend, runs } = countingBackend();
  const request = { model, graph, backend, ...(microBatchTokens ? { microBatchTokens } : {}) };
  return { patchable: await createPatchableModel(request), runs, graph };
}

describe('a plain run', () => {
  it('gives logits of the last position, or of every one, whatever the micro-batch', async () => {
    const [whole, cut] = [await open(), await open(null, 3)];
    const input = inputOf(BATCH, 'clean');
    const all = await whole.patchable.run(input, 'all');
    const last = await cut.patchable.run(input);
    expect([all.shape, last.shape]).toEqual([
      [3, 3, TINY.vocabulary],
      [3, TINY.vocabulary],
    ]);
    for (const [i, x] of last.data.entries()) {
      const prompt = Math.floor(i / TINY.vocabulary);
      expect(all.data[(3 * prompt + 2) * TINY.vocabulary + (i % TINY.vocabulary)]).toBeCloseTo(x, 6);
    }
    expect([whole.runs, cut.runs]).toEqual([['plain-all'], ['plain-last', 'plain-last', 'plain-last']]);
  });

  it('is refused for prompts longer than the model has positions', async () => {
    const { patchable } = await open();
    await expect(patchable.run(inputOf(tinyPrompts(1, TINY.positions + 1), 'clean'))).rejects.toMatchObject({
      code: 'prompt-too-long',
      fields: { length: TINY.positions + 1, limit: TINY.positions },
    });
  });
});

describe('plain runs of a side', () => {
  const mask = filledMask(buildGraph(model.spec.layout), 0.5);
  const corrupt = { kind: 'resample', from: 'corrupt' } as const;

  it('give the logits of plain runs, and spare the patched runs of each batch their pass 1', async () => {
    const { patchable, runs } = await open(null, 6); // one batch of 3 prompts of 3 tokens in two pieces
    const batches = [BATCH, tinyPrompts(2)];
    const logits = await patchable.runSide(batches, 'corrupt');
    expect(runs).toEqual(['capture', 'capture', 'capture']);
    for (const [i, batch] of batches.entries()) {
      const plain = await patchable.run(inputOf(batch, 'corrupt'));
      expect(logits[i]!.shape).toEqual(plain.shape);
      plain.data.forEach((x, k) => expect(logits[i]!.data[k]).toBeCloseTo(x, 6));
    }
    runs.length = 0;
    for (const batch of batches) await patchable.patchedRun(batch, { input: 'clean', patch: corrupt, mask });
    expect(runs.filter((name) => name === 'capture')).toEqual([]);
    const { patchable: fresh } = await open(null, 6);
    const [kept, own] = await Promise.all(
      [patchable, fresh].map((one) => one.patchedRun(BATCH, { input: 'clean', patch: corrupt, mask })),
    );
    expect(kept).toEqual(own);
  });

  it('are only that where what the sources of all batches write cannot be kept', async () => {
    const { backend, runs } = countingBackend();
    const graph = buildGraph(model.spec.layout);
    const patchable = await createPatchableModel({ model, graph, backend, keepBytes: 0 });
    await patchable.runSide([BATCH], 'corrupt');
    expect(runs).toEqual(['plain-last']);
    const stopped = AbortSignal.abort(new Error('stopped'));
    await expect(patchable.runSide([BATCH], 'corrupt', stopped)).rejects.toThrow('stopped');
  });

  it('are what they would be among all batches, whichever process has which of them', async () => {
    const { backend, runs } = countingBackend();
    const graph = buildGraph(model.spec.layout);
    const written = graph.sources.length * 3 * 3 * TINY.dModel * 4; // float32 [sources, prompts, pos, dModel]
    const patchable = await createPatchableModel({ model, graph, backend, keepBytes: 1.5 * written });
    await patchable.runSide([BATCH], 'corrupt', undefined, [BATCH, BATCH]);
    expect(runs).toEqual(['plain-last']);
    await patchable.runSide([BATCH], 'corrupt');
    expect(runs.slice(1)).toEqual(['capture']);
  });
});

describe('what sources output', () => {
  it('adds up to the residual that is unembedded: zeros under zero ablation, the mean of prompts under its mean', async () => {
    const { patchable, graph } = await open(null, 3);
    const own = await patchable.sourceOutputs(BATCH, 'clean'); // [sources, prompts, pos, dModel]
    expect(own.shape).toEqual([graph.sources.length, 3, 3, TINY.dModel]);
    const zero = await patchable.sourceOutputs(BATCH, { kind: 'zero' });
    expect(zero.data.every((x) => x === 0)).toBe(true);
    const mean = await patchable.sourceOutputs(BATCH, { kind: 'batch-mean', from: 'clean' });
    const slab = 3 * TINY.dModel;
    for (let s = 0; s < graph.sources.length; s++) {
      for (let k = 0; k < slab; k++) {
        const sum = [0, 1, 2].reduce((total, prompt) => total + own.data[(3 * s + prompt) * slab + k]!, 0);
        for (const prompt of [0, 1, 2]) expect(mean.data[(3 * s + prompt) * slab + k]).toBeCloseTo(sum / 3, 5);
      }
    }
  });
});

describe('a measure of edges', () => {
  /** The mean of what a source wrote. */
  const mean: EdgeMeasure = {
    name: 'mean-written',
    of: (b, _read, written) => b.mean(b.concat([...written], 0), 3), // [sources, batch, pos]
  };
  it.each([null, 3])('is read off a plain run for each edge and prompt, positions %s', async (positions) => {
    const { patchable, graph, runs } = await open(positions, 3);
    const { tensors } = await patchable.measureEdges(BATCH, 'corrupt', mean);
    expect(runs).toEqual(['measure-mean-written', 'measure-mean-written', 'measure-mean-written']);
    const { data } = await patchable.sourceOutputs(BATCH, 'corrupt');
    const at = (source: number, prompt: number, position: number): number => {
      const start = ((3 * source + prompt) * 3 + position) * TINY.dModel;
      return data.subarray(start, start + TINY.dModel).reduce((a, b) => a + b) / TINY.dModel;
    };
    for (const { module, heads, sources } of graph.destinationBlocks) {
      const width = sources.stop - sources.start;
      const found = tensors[module]!;
      expect(found.shape).toEqual([3, ...(positions ? [positions] : []), ...(heads ? [heads] : []), width]);
      for (const [i, x] of found.data.entries()) {
        const source = sources.start + (i % width);
        const place = Math.floor(i / (width * (heads ?? 1))); // [prompts, position?]
        const [prompt, position] = positions ? [Math.floor(place / 3), place % 3] : [place, null];
        const expected =
          position === null
            ? [0, 1, 2].reduce((sum, p) => sum + at(source, prompt, p) / 3, 0)
            : at(source, prompt, position);
        expect(Math.abs(x - expected)).toBeLessThan(1e-5);
      }
    }
  });

  it('may see the other side, too: what sources write there, and what is read', async () => {
    const { patchable, graph } = await open(3, 3);
    const change: EdgeMeasure = {
      name: 'mean-change',
      twoSided: true,
      of(b, read, written, other) {
        const moved = b.mean(b.sub(b.concat([...other!.written], 0), b.concat([...written], 0)), 3); // [sources, batch, pos]
        const stream = b.mean(b.sub(other!.read, read), 2); // [batch, pos]
        return b.add(moved, stream);
      },
    };
    const { tensors } = await patchable.measureEdges(BATCH, 'clean', change);
    const [clean, corrupt] = await Promise.all(
      (['clean', 'corrupt'] as const).map(async (side) => (await patchable.sourceOutputs(BATCH, side)).data),
    );
    const reads = await Promise.all(
      (['clean', 'corrupt'] as const).map(
        async (side) => (await patchable.readValues(BATCH, side, ['end.read']))['end.read']!.data,
      ),
    );
    const meanAt = (data: Float32Array, row: number) =>
      data.subarray(row * TINY.dModel, (row + 1) * TINY.dModel).reduce((a, x) => a + x, 0) / TINY.dModel;
    const end = graph.destinationBlocks.at(-1)!;
    const width = end.sources.stop - end.sources.start;
    tensors[end.module]!.data.forEach((x, i) => {
      const place = Math.floor(i / width); // [prompts, position]
      const row = (end.sources.start + (i % width)) * 9 + place; // [sources, prompts, position]
      const expected =
        meanAt(corrupt!, row) - meanAt(clean!, row) + meanAt(reads[1]!, place) - meanAt(reads[0]!, place);
      expect(x).toBeCloseTo(expected, 5);
    });
  });
});
