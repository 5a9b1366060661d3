/** @file Every way to run masks gives what the dense program gives: for all ablations, for few and for most edges patched, and for variants. */

import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph } from '../graph/build.js';
import { maskFromEdges } from '../graph/circuit.js';
import { edgeEnds } from '../graph/edges.js';
import { blocksAt, blocksBySite } from '../graph/site-blocks.js';
import type { Graph, GraphOptions, Mask } from '../graph/types.js';
import type { ModelObject } from '../model/model.js';
import { seededRandom } from '../numeric/seeded-random.js';
import { createPatchableModel } from '../patch/engine.js';
import { edgeSumGroupOf, edgeSumGroups } from '../patch/modes/edge-sum-groups.js';
import type { PatchDescription } from '../patch/requests/ablations.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import { SparseRuns } from '../patch/sparse/index.js';
import type { PromptBatch } from '../prompts/types.js';
import type { FloatArray } from '../tensor/tensor.js';
import { require } from './contract.js';

/** Activations pass between programs as float32, and are summed over a few dozen sources. */
const TOLERANCE = 1e-4;
type Way = 'dense' | 'noising' | 'denoising';

export async function sparseRunsEqualDense(
  model: ModelObject,
  options: GraphOptions,
  batch: PromptBatch,
): Promise<void> {
  const graph = buildGraph(model.spec.layout, options);
  if (!SparseRuns.fits(graph)) return;
  const open = (way: Way): Promise<PatchableModel> =>
    createPatchableModel({ model, graph, backend: interpreterBackend({ precision: 'float64' }), way });
  const models = { dense: await open('dense'), noising: await open('noising'), denoising: await open('denoising') };
  try {
    const masks = masksOf(graph);
    for (const [kind, patchFor] of Object.entries(PATCHES)) {
      for (const [name, mask] of kind === 'resample' ? masks : masks.slice(2, 5)) {
        const runs = new Map<Way, FloatArray>();
        for (const way of ['dense', 'noising', 'denoising'] as const) {
          const patch = await patchFor(models[way], batch);
          runs.set(way, (await models[way].patchedRun(batch, { input: 'clean', patch, mask })).data);
        }
        same(runs, name);
      }
    }
    for (const [kind, patchFor] of Object.entries(PATCHES)) {
      const all = new Map<Way, FloatArray>();
      for (const way of ['dense', 'denoising'] as const) {
        const patch = await patchFor(models[way], batch);
        const logits = await models[way].patchedRuns(batch, {
          input: 'clean',
          patch,
          masks: masks.map(([, mask]) => mask),
        });
        all.set(way, Float64Array.from(logits.flatMap(({ data }) => [...data])));
      }
      same(all, `masks together, ${kind}`);
    }
    for (const [name, mask, variants] of variantsOf(graph)) {
      const patch = { kind: 'resample', from: 'corrupt' } as const;
      const all = new Map<Way, FloatArray>();
      for (const way of ['dense', 'noising', 'denoising'] as const) {
        const data: number[] = [];
        for await (const { logits } of models[way].patchedVariants(batch, { input: 'clean', patch, mask, variants }))
          data.push(...logits.flatMap((one) => [...one.data]));
        all.set(way, Float64Array.from(data));
      }
      same(all, name);
    }
  } finally {
    for (const patchable of Object.values(models)) await patchable.dispose();
  }
}

function same(runs: ReadonlyMap<Way, FloatArray>, name: string): void {
  const dense = Float64Array.from(runs.get('dense')!);
  const size = dense.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  for (const [way, numbers] of runs) {
    const data = Float64Array.from(numbers);
    require(data.length === dense.length, `${name}, ${way}: ${dense.length} numbers, not ${data.length}`);
    data.forEach((x, i) => {
      require(Math.abs(x - dense[i]!) <= TOLERANCE * size, `${name}: ${way} gives ${x}, dense ${dense[i]} at ${i}`);
    });
  }
}

const PATCHES: Readonly<Record<string, (model: PatchableModel, batch: PromptBatch) => Promise<PatchDescription>>> = {
  resample: async () => ({ kind: 'resample', from: 'corrupt' }),
  zero: async () => ({ kind: 'zero' }),
  'batch-mean': async () => ({ kind: 'batch-mean', from: 'corrupt' }),
  'batch-position-mean': async () => ({ kind: 'batch-position-mean', from: 'clean' }),
  mean: (model, batch) => model.meanOf([batch], 'both'),
};

function masksOf(graph: Graph): (readonly [string, Mask])[] {
  const random = seededRandom(11, 'selected-runs');
  const some = (share: number): number[] =>
    Array.from({ length: graph.edgeCount }, (_, edge) => edge).filter(() => random.uniform() < share);
  const patched = (edges: readonly number[]): Mask => maskFromEdges(graph, edges, { inside: 1, outside: 0 });
  const kept = (edges: readonly number[]): Mask => maskFromEdges(graph, edges, { inside: 0, outside: 1 });
  const blend = patched(some(0.3));
  for (const { data } of Object.values(blend.tensors)) data.forEach((x, i) => (data[i] = x * random.uniform()));
  return [
    ['nothing patched', patched([])],
    ['a few edges patched', patched(some(0.05))],
    ['a third blended', blend],
    ['half patched', patched(some(0.5))],
    ['a tenth kept', kept(some(0.1))],
    ['one edge kept', kept([graph.edgeCount - 1])],
    ['everything patched', kept([])],
  ];
}

/** For every site: some edges patched from it on, or from the site that mixes for it on, and candidates into it. */
function variantsOf(graph: Graph): (readonly [string, Mask, number[][]])[] {
  const random = seededRandom(12, 'selected-runs');
  const stopOf = (edge: number): number =>
    graph.destinationBlocks[edgeEnds(graph, edge).destination.block]!.sources.stop;
  const siteOf = (edge: number): string => graph.destinationBlocks[edgeEnds(graph, edge).destination.block]!.site;
  const edges = Array.from({ length: graph.edgeCount }, (_, edge) => edge);
  const sites = blocksBySite(graph);
  const groups = edgeSumGroups(graph, sites.keys());
  return [...sites].flatMap(([site, blocks]) => {
    const here = edges.filter((edge) => siteOf(edge) === site);
    const { leader } = edgeSumGroupOf(groups, site);
    const starts = [
      ['it', blocks[0]!.sources.stop, 0.1],
      ['it', blocks[0]!.sources.stop, 0.9],
      [leader, blocksAt(graph, leader)[0]!.sources.stop, 0.3],
    ] as const;
    return starts.map(([start, stop, share]) => {
      const patched = edges.filter((edge) => stopOf(edge) >= stop && random.uniform() < share);
      const variants = Array.from({ length: 3 }, (_, i) => here.filter((_edge, j) => j % 3 === i).slice(0, 2));
      const used = variants.filter((variant) => variant.length > 0);
      const mask = maskFromEdges(graph, patched, { inside: 1, outside: 0 });
      return [`variants into ${site}, ${share} patched from ${start} on`, mask, used] as const;
    });
  });
}
