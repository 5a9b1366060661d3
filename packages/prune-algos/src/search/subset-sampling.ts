/** @file Subset sampling: the effect of each edge on top of random sets of others, and a bound on what was missed. */
import {
  AutoCircuitError,
  CheckpointReader,
  definePruneAlgo,
  edgeAt,
  type Graph,
  type Mask,
  maskFromEdges,
  objectiveByBatch,
  objectiveOnLogits,
  type PruneAlgoContext,
  type ResultFigure,
  resumableWork,
  unflattenScores,
} from '@auto-circuit/core/plugin';
import { batchesKey } from '../shared/batches-key.js';
import { PAPERS } from '../shared/papers.js';
import { namedEdges, TOP_OPTION } from './chosen-edges.js';
import { drawnSubset, largestEffect, type SubsetDraw, type SubsetEffect, subsetEffects } from './subset-statistics.js';

/**
 * Subset sampling, and the diagnostic of AtP* that is made of it (Kramár et al. 2024, https://arxiv.org/abs/2403.00745), on
 * edges: random sets S of edges are patched, each edge in each set with a `probability` of its own, and score(u→v) = mean loss of
 * the sets with the edge − mean loss of those without it. Where effects add up that is what `exact` finds. Elsewhere it is the
 * effect on top of other edges; with a low probability there are few others.
 *
 * `edges` (names, or a run, and the first `top` of them) are never patched and score 0: those that `exact` has measured already.
 * Then the figure says how large an effect any of the others can have: a bound that holds for all of them at once with the
 * `confidence` asked for, by Welch's t (`subset-statistics.ts`). It is a bound on this average effect, not on that of an edge by
 * itself, as in the paper.
 *
 * Takes a run for each sample and batch. In the unit of M, the run's objective.
 */
export const subsetSampling = definePruneAlgo({
  name: 'subset-sampling',
  doc: 'the effect of each edge on top of random sets of other edges, with a bound on the largest that was missed',
  formula:
    'score(u→v) = mean of M over random sets of patched edges with u→v − mean over those without; bound = max over edges of |score| + t · standard error',
  use: 'To bound what a cheaper algorithm missed: give it that run’s strongest edges (edges, top), check these with exact, and no other edge has a larger effect than the bound. As a score of its own it takes hundreds of runs and is noisy.',
  papers: [PAPERS.atpStar],
  gradients: false,
  options: {
    samples: { type: 'int', doc: 'number of sets of edges, a run over all prompts each', default: 256, min: 4 },
    probability: {
      type: 'number',
      doc: 'how likely an edge is patched in a set; low: effects nearly by themselves, but seldom seen',
      default: 0.1,
      min: 0.001,
      max: 0.999,
    },
    edges: {
      type: 'string',
      doc: 'edges that are not in question, by name with commas between; they are never patched',
      default: '',
    },
    top: TOP_OPTION,
    confidence: {
      type: 'number',
      doc: 'how sure the bound on the largest effect is',
      default: 0.95,
      min: 0.51,
      max: 0.9999,
    },
  },
  async score(context, { samples, probability, edges: named, top, confidence }) {
    const { graph, seed } = context;
    const known = knownEdges(graph, named, top);
    const edges = Array.from({ length: graph.edgeCount }, (_, edge) => edge).filter((edge) => !known.has(edge));
    const draw: SubsetDraw = { seed, edges, probability };
    const key = ['subset-sampling', samples, probability, [...known].sort((a, b) => a - b).join(), seed];
    const losses = await lossesOfSubsets(context, draw, samples, key);
    const effects = subsetEffects(draw, losses);
    refuseUnseen(graph, edges, effects, samples);
    const flat = new Float64Array(graph.edgeCount);
    for (const [i, edge] of edges.entries()) flat[edge] = effects[i]!.effect;
    return {
      scores: unflattenScores(graph, Float32Array.from(flat)),
      figures: [boundFigure(graph, edges, effects, samples, confidence)],
    };
  },
});

/** Edges that are not in question. @throws AutoCircuitError `missing-option`, `invalid-option` where nothing is in question */
function knownEdges(graph: Graph, named: string, top: number): Set<number> {
  const known = new Set(namedEdges('subset-sampling', graph, named, top));
  if (known.size < graph.edgeCount) return known;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: 'edges', got: known.size },
    where: 'subset-sampling',
    what: 'every edge of the graph is named, so that none is in question',
    expected: `fewer than ${graph.edgeCount} edges`,
    got: `${known.size}`,
    fix: 'name the edges that are known only, or fewer of them with `top`',
  });
}

/** Sets that are handed over together: a resumed run begins with such a group, so that it adds up the same numbers. */
const TOGETHER = 8;

/** The mean loss over prompts of each set, [samples]. */
async function lossesOfSubsets(
  context: PruneAlgoContext,
  draw: SubsetDraw,
  samples: number,
  key: readonly unknown[],
): Promise<Float64Array> {
  const { batches, graph, model, objective, patch, signal } = context;
  const objectives = objectiveByBatch(objective, batches);
  const prompts = batches.reduce((n, batch) => n + batch.prompts.length, 0);
  const losses = new Float64Array(samples);
  let done = 0;
  const work = await resumableWork(context, {
    where: 'subset-sampling',
    key: [...key, graph.edgeCount, batchesKey(context)],
    total: samples,
    unit: 'sets of edges',
    state: () => ({ state: { done }, arrays: { losses: losses.slice(0, done) } }),
  });
  if (work.saved) {
    const reader = new CheckpointReader('subset-sampling', work.saved);
    done = reader.count('done', samples);
    if (done % TOGETHER > 0 && done < samples) throw reader.refused('done', `a multiple of ${TOGETHER}`, `${done}`);
    losses.set(reader.array('losses', { length: done }));
    reader.finish();
  }
  const cleanLogits = [];
  for (const batch of batches) {
    signal?.throwIfAborted();
    const nothing = maskFromEdges(graph, [], { inside: 1, outside: 0 });
    cleanLogits.push(await model.patchedRun(batch, { input: 'clean', patch, mask: nothing })); // [prompts, outputs]
  }
  for (let start = done; start < samples; start = done) {
    const stop = Math.min(samples, start + TOGETHER);
    const masks = Array.from(
      { length: stop - start },
      (_, i): Mask => maskFromEdges(graph, drawnSubset(draw, start + i), { inside: 1, outside: 0 }),
    );
    for (const [b, batch] of batches.entries()) {
      signal?.throwIfAborted();
      const runs = await model.patchedRuns(batch, { input: 'clean', patch, masks });
      for (const [i, logits] of runs.entries()) {
        const own = objectiveOnLogits(objectives[b]!, logits, batch, { cleanLogits: cleanLogits[b]! });
        losses[start + i]! += own.reduce((sum, loss) => sum + loss, 0) / prompts;
      }
    }
    for (let i = start; i < stop; i++) if (!Number.isFinite(losses[i]!)) throw notFinite(i);
    done = stop;
    await work.step(done);
  }
  return losses;
}

const notFinite = (sample: number): AutoCircuitError =>
  new AutoCircuitError({
    code: 'not-finite',
    fields: { sample },
    where: 'subset-sampling',
    what: `the loss with random set ${sample} of edges patched is not a finite number`,
    fix: 'take an objective that is finite on broken outputs (logit-diff), or a lower probability',
  });

/** @throws AutoCircuitError `invalid-option` where an edge was in too few sets, or in nearly all, to be compared */
function refuseUnseen(graph: Graph, edges: readonly number[], effects: readonly SubsetEffect[], samples: number): void {
  const unseen = effects.findIndex(({ standardError }) => !Number.isFinite(standardError));
  if (unseen < 0) return;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: 'samples', got: samples },
    where: 'subset-sampling',
    what: `"${edgeAt(graph, edges[unseen]!).name}" was in fewer than two sets, or left out of fewer than two`,
    expected: 'so many samples that every edge is in some sets and out of others',
    got: `${samples}`,
    fix: 'take more samples, or a probability nearer to ½',
  });
}

function boundFigure(
  graph: Graph,
  edges: readonly number[],
  effects: readonly SubsetEffect[],
  samples: number,
  confidence: number,
): ResultFigure {
  const { edge, bound } = largestEffect(edges, effects, confidence);
  const strongest = effects.reduce(
    (most, { effect }, i) => (Math.abs(effect) > Math.abs(effects[most]!.effect) ? i : most),
    0,
  );
  return {
    kind: 'table',
    title: 'Largest effect that may have been missed',
    doc: `No edge in question has a larger effect than the bound, with a confidence of ${confidence}: its mean effect on top of random sets of the others. In the unit of the objective.`,
    columns: ['edges in question', 'sets', 'bound', 'edge at the bound', 'largest estimate', 'of edge'],
    rows: [
      [
        edges.length,
        samples,
        bound,
        edge === null ? null : edgeAt(graph, edge).name,
        effects[strongest]!.effect,
        edgeAt(graph, edges[strongest]!).name,
      ],
    ],
  };
}
