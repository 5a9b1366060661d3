/** @file ACDC and exact patching from where an edge leads, several edges at a time, against one dense run for each edge: 50 random tasks. */
import {
  buildGraph,
  createPatchableModel,
  DEFAULT_GRAPH_OPTIONS,
  flattenScores,
  interpreterBackend,
  type ModelObject,
  type PatchableModel,
  type PromptBatch,
} from '@auto-circuit/core';
import { type PruneAlgoContext, seededRandom } from '@auto-circuit/core/plugin';
import { randomGpt2, randomLlama, randomNeox } from '@auto-circuit/models';
import { acdcSearch, exact } from '@auto-circuit/prune-algos';
import { describe, expect, it } from 'vitest';

const SHAPE = {
  layers: 2,
  heads: 2,
  dModel: 8,
  dHead: 4,
  dMlp: 12,
  vocabulary: 9,
  positions: 6,
  epsilon: 1e-5,
} as const;
const FAMILIES: readonly ((seed: number) => ModelObject)[] = [
  (seed) => randomGpt2({ ...SHAPE, activation: 'gelu_new', mlp: true }, { scale: 12, seed }),
  (seed) => randomLlama({ ...SHAPE, heads: 4, kvHeads: 2, dHead: 2, activation: 'silu' }, { scale: 12, seed }),
  (seed) => randomNeox({ ...SHAPE, dRotary: 2, activation: 'gelu', parallel: true }, { scale: 12, seed }),
  (seed) => randomNeox({ ...SHAPE, dRotary: 4, activation: 'gelu', parallel: false }, { scale: 12, seed }),
];
const TAUS = [1e-3, 1e-2, 1e-1];

function batchOf(seed: number): PromptBatch {
  const random = seededRandom(seed, 'fast-searches');
  const tokens = (): number[] => Array.from({ length: 4 }, () => random.below(SHAPE.vocabulary));
  const prompts = Array.from({ length: 2 }, (_, index) => ({
    index,
    clean: tokens(),
    corrupt: tokens(),
    answers: [random.below(4)],
    wrongAnswers: [4 + random.below(4)],
  }));
  return { prompts, length: 4 };
}

async function withModel<T>(
  model: ModelObject,
  positions: number | null,
  way: 'dense' | undefined,
  use: (model: PatchableModel) => Promise<T>,
): Promise<T> {
  const graph = buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, positions });
  const backend = interpreterBackend({ precision: 'float64' });
  const patchable = await createPatchableModel({ model, graph, backend, ...(way ? { way } : {}) });
  try {
    return await use(patchable);
  } finally {
    await patchable.dispose();
  }
}

const contextOf = (model: PatchableModel, batch: PromptBatch): PruneAlgoContext => ({
  model,
  graph: model.graph,
  batches: [batch],
  objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' },
  patch: { kind: 'resample', from: 'corrupt' },
  seed: 0,
  progress: { report: () => undefined },
});

describe('searches that start where an edge leads', () => {
  for (let task = 0; task < 50; task++) {
    it(`find what one run for each edge finds: task ${task}`, async () => {
      const model = FAMILIES[task % FAMILIES.length]!(task);
      const batch = batchOf(task);
      const positions = Math.floor(task / FAMILIES.length) % 3 === 2 ? batch.length : null;
      const faithfulness = task % 2 === 0 ? 'kl' : 'mse';
      const settings = { faithfulness, prompts: 'first-batch', taus: TAUS } as const;
      const plain = await withModel(model, positions, 'dense', async (dense) => ({
        acdc: await acdcSearch(contextOf(dense, batch), settings),
        exact: flattenScores(dense.graph, (await exact.score(contextOf(dense, batch), {})).scores),
      }));
      const fast = await withModel(model, positions, undefined, async (selected) => {
        return {
          acdc: await acdcSearch(contextOf(selected, batch), settings),
          exact: flattenScores(selected.graph, (await exact.score(contextOf(selected, batch), {})).scores),
        };
      });
      expect(fast.acdc.perTau.map(({ removed }) => removed)).toEqual(plain.acdc.perTau.map(({ removed }) => removed));
      const size = plain.exact.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
      // activations pass between programs as float32
      for (const [edge, score] of plain.exact.entries())
        expect(Math.abs(fast.exact[edge]! - score)).toBeLessThan(1e-5 * size);
    });
  }
});
