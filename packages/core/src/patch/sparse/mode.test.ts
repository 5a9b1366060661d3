import { describe, expect, it } from 'vitest';
import { interpreterBackend } from '../../backend/interpreter/interpreter.js';
import { maskFromEdges } from '../../graph/circuit.js';
import { edgeEnds } from '../../graph/edges.js';
import { blocksBySite } from '../../graph/site-blocks.js';
import type { Graph, GraphOptions, Mask } from '../../graph/types.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import { seededRandom } from '../../numeric/seeded-random.js';
import type { Tensor } from '../../tensor/tensor.js';
import { graphOf, largestDifference, patchedLogits } from '../../testing/patched-logits.js';
import { type TinyShape, tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { createPatchableModel } from '../engine.js';
import { scopeOf } from '../programs/programs.js';
import { sparsePoints } from './mode.js';

const MODELS: Readonly<Record<string, Partial<TinyShape>>> = {
  serial: { layers: 3 },
  'one stacked projection': { stacked: true, layers: 3 },
  'grouped KV heads': { heads: 4, kvHeads: 2 },
  'attention and MLP in parallel': { parallel: true, norm: 'rmsNorm' },
  'attention only, no norm': { mlp: false, norm: null, layers: 3 },
};
const GRAPHS: Readonly<Record<string, Partial<GraphOptions>>> = {
  split: {},
  joint: { splitQkv: false },
  positions: { positions: 3 },
};
const cases = Object.entries(MODELS).flatMap(([model, shape]) =>
  Object.entries(GRAPHS).map(([graph, options]) => ({ title: `${model}, ${graph}`, shape, options })),
);
/** What one run writes reaches the other as float32, 6e-8 of its size; a few dozen such sources are summed. */
const TOLERANCE = 1e-5;
const BATCH = tinyPrompts(2, 3);

/** Some of the edges, patched among others that are not, or kept among others that are patched. */
function masksOf(graph: Graph): Mask[] {
  const random = seededRandom(4, 'sparse-mode');
  const some = (share: number): number[] =>
    Array.from({ length: graph.edgeCount }, (_, edge) => edge).filter(() => random.uniform() < share);
  return [
    maskFromEdges(graph, some(0.05), { inside: 1, outside: 0 }),
    maskFromEdges(graph, some(0.3), { inside: 0.25, outside: 0 }),
    maskFromEdges(graph, some(0.1), { inside: 0, outside: 1 }),
    maskFromEdges(graph, [], { inside: 0, outside: 1 }),
  ];
}
const open = (shape: Partial<TinyShape>, graph: Graph, base: 'noising' | 'denoising') =>
  createPatchableModel({
    model: tinyTransformer(shape),
    graph,
    backend: interpreterBackend({ precision: 'float64' }),
    way: base,
  });

describe.each(['noising', 'denoising'] as const)('base %s gives what the formula gives', (base) => {
  it.each(cases)('$title', async ({ shape, options }) => {
    const model = tinyTransformer(shape);
    const graph = graphOf(model, options);
    const patchable = await open(shape, graph, base);
    const masks = masksOf(graph);
    const expected = (mask: Mask, patch: 'corrupt' | 'zero'): Float64Array =>
      patchedLogits({ model, graph, batch: BATCH, mask, patch });
    for (const mask of masks) {
      const corrupt = await patchable.patchedRun(BATCH, {
        input: 'clean',
        patch: { kind: 'resample', from: 'corrupt' },
        mask,
      });
      expect(largestDifference(corrupt.data, expected(mask, 'corrupt'))).toBeLessThan(TOLERANCE);
      const zero = await patchable.patchedRun(BATCH, { input: 'clean', patch: { kind: 'zero' }, mask });
      expect(largestDifference(zero.data, expected(mask, 'zero'))).toBeLessThan(TOLERANCE);
    }
    const together = await patchable.patchedRuns(BATCH, {
      input: 'clean',
      patch: { kind: 'resample', from: 'corrupt' },
      masks,
    });
    for (const [i, { data }] of together.entries())
      expect(largestDifference(data, expected(masks[i]!, 'corrupt')), `mask ${i} together`).toBeLessThan(TOLERANCE);
    await patchable.dispose();
  });

  it.each(cases)('variants at one site: $title', async ({ shape, options }) => {
    const model = tinyTransformer(shape);
    const graph = graphOf(model, options);
    const patchable = await open(shape, graph, base);
    const random = seededRandom(8, 'variants');
    const blockOf = (edge: number) => graph.destinationBlocks[edgeEnds(graph, edge).destination.block]!;
    const edges = Array.from({ length: graph.edgeCount }, (_, edge) => edge);
    for (const [site, [first]] of blocksBySite(graph)) {
      const patched = edges.filter(
        (edge) => blockOf(edge).sources.stop >= first!.sources.stop && random.uniform() < 0.2,
      );
      const here = edges.filter((edge) => blockOf(edge).site === site);
      const variants = [here.slice(0, 1), here.slice(1, 3), here.slice(-1)].filter((variant) => variant.length > 0);
      const mask = maskFromEdges(graph, patched, { inside: 1, outside: 0 });
      const patch = { kind: 'resample', from: 'corrupt' } as const;
      const runs: Tensor<Float32Array>[] = [];
      for await (const { logits } of patchable.patchedVariants(BATCH, { input: 'clean', patch, mask, variants }))
        runs.push(...logits);
      expect(runs).toHaveLength(variants.length);
      for (const [i, { data }] of runs.entries()) {
        const whole = maskFromEdges(graph, [...new Set([...patched, ...variants[i]!])], { inside: 1, outside: 0 });
        const expected = patchedLogits({ model, graph, batch: BATCH, mask: whole });
        expect(largestDifference(data, expected), `${site}, variant ${i}`).toBeLessThan(TOLERANCE);
      }
    }
    await patchable.dispose();
  });
});

describe('a trace that reads heads through into', () => {
  it.each(['noising', 'denoising'] as const)(
    'is refused by base %s, since single heads could not be left out',
    (base) => {
      const model = tinyTransformer();
      const graph = graphOf(model);
      const b = new ProgramBuilder('test');
      const points = sparsePoints({
        ...scopeOf({ model, graph }, b),
        base,
        entry: null,
        together: false,
        patchOf: () => null,
      });
      const residual = points.outOf('start', b.input('residual', 'float', ['batch', 'pos', 5]));
      expect(() => points.into('L0.attn', residual)).toThrow(
        expect.objectContaining({ code: 'internal', fields: { site: 'L0.attn' } }),
      );
    },
  );
});
