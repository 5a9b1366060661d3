import { describe, expect, it } from 'vitest';
import { interpreterBackend } from '../../backend/interpreter/interpreter.js';
import { maskFromEdges } from '../../graph/circuit.js';
import { edgeEnds } from '../../graph/edges.js';
import { blocksBySite } from '../../graph/site-blocks.js';
import type { Graph, GraphOptions, Mask } from '../../graph/types.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import { seededRandom } from '../../numeric/seeded-random.js';
import type { FloatArray, Tensor } from '../../tensor/tensor.js';
import { graphOf, largestDifference, patchedLogits } from '../../testing/patched-logits.js';
import { TINY_VARIANTS, type TinyShape, tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { createPatchableModel } from '../engine.js';
import { scopeOf } from '../programs/programs.js';
import { sparsePoints } from './mode.js';

const GRAPHS: Readonly<Record<string, Partial<GraphOptions>>> = {
  split: {},
  joint: { splitQkv: false },
  positions: { positions: 3 },
};
const cases = Object.entries(TINY_VARIANTS).flatMap(([model, shape]) =>
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

const CORRUPT = { input: 'clean', patch: { kind: 'resample', from: 'corrupt' } } as const;
const BASES = ['noising', 'denoising'] as const;

describe('both bases give what the formula gives', () => {
  it.each(cases)('$title', async ({ shape, options }) => {
    const model = tinyTransformer(shape);
    const graph = graphOf(model, options);
    const masks = masksOf(graph);
    const expected = (patch: 'corrupt' | 'zero') =>
      masks.map((mask) => patchedLogits({ model, graph, batch: BATCH, mask, patch }));
    const [corrupt, zero] = [expected('corrupt'), expected('zero')];
    for (const base of BASES) {
      const patchable = await open(shape, graph, base);
      const near = (got: FloatArray, logits: Float64Array, what: string): void =>
        expect(largestDifference(got, logits), `${base}, ${what}`).toBeLessThan(TOLERANCE);
      for (const [i, mask] of masks.entries()) {
        near((await patchable.patchedRun(BATCH, { ...CORRUPT, mask })).data, corrupt[i]!, `mask ${i}`);
        const ofZeros = await patchable.patchedRun(BATCH, { input: 'clean', patch: { kind: 'zero' }, mask });
        near(ofZeros.data, zero[i]!, `mask ${i}, zeros`);
      }
      const together = await patchable.patchedRuns(BATCH, { ...CORRUPT, masks });
      for (const [i, { data }] of together.entries()) near(data, corrupt[i]!, `mask ${i} together`);
      await patchable.dispose();
    }
  });

  it.each(cases)('variants at one site: $title', async ({ shape, options }) => {
    const model = tinyTransformer(shape);
    const graph = graphOf(model, options);
    const random = seededRandom(8, 'variants');
    const blockOf = (edge: number) => graph.destinationBlocks[edgeEnds(graph, edge).destination.block]!;
    const edges = Array.from({ length: graph.edgeCount }, (_, edge) => edge);
    const patchables = await Promise.all(BASES.map((base) => open(shape, graph, base)));
    for (const [site, [first]] of blocksBySite(graph)) {
      const downstream = edges.filter((edge) => blockOf(edge).sources.stop >= first!.sources.stop);
      const patched = downstream.filter(() => random.uniform() < 0.2);
      const here = edges.filter((edge) => blockOf(edge).site === site);
      const variants = [here.slice(0, 1), here.slice(-2)];
      const mask = maskFromEdges(graph, patched, { inside: 1, outside: 0 });
      const expected = variants.map((variant) => {
        const whole = maskFromEdges(graph, [...new Set([...patched, ...variant])], { inside: 1, outside: 0 });
        return patchedLogits({ model, graph, batch: BATCH, mask: whole });
      });
      for (const [b, patchable] of patchables.entries()) {
        const runs: Tensor<Float32Array>[] = [];
        for await (const { logits } of patchable.patchedVariants(BATCH, { ...CORRUPT, mask, variants }))
          runs.push(...logits);
        expect(runs).toHaveLength(variants.length);
        for (const [i, { data }] of runs.entries())
          expect(largestDifference(data, expected[i]!), `${BASES[b]}, ${site}, variant ${i}`).toBeLessThan(TOLERANCE);
      }
    }
    for (const patchable of patchables) await patchable.dispose();
  });
});

describe('a trace that reads heads through into', () => {
  it.each(BASES)('is refused by base %s, since single heads could not be left out', (base) => {
    const model = tinyTransformer();
    const graph = graphOf(model);
    const b = new ProgramBuilder('test');
    const points = sparsePoints({
      ...scopeOf({ model, graph }, b),
      base,
      entry: null,
      together: false,
      headsTogether: false,
      patchOf: () => null,
    });
    const residual = points.outOf('start', b.input('residual', 'float', ['batch', 'pos', 5]));
    expect(() => points.into('L0.attn', residual)).toThrow(
      expect.objectContaining({ code: 'internal', fields: { site: 'L0.attn' } }),
    );
  });
});
