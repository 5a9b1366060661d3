/** @file Activation magnitude: a baseline that gives every edge the size of its source. */
import {
  AutoCircuitError,
  definePruneAlgo,
  edgeEnds,
  type Graph,
  type PromptBatch,
  type PruneAlgoContext,
  unflattenScores,
} from '@auto-circuit/core/plugin';

/**
 * A source's mean over n numbers that is at most this share of their root mean square is 0 but for rounding. Centred weights
 * leave float32 rounding, 6e-8 of the terms, and terms of many numbers partly cancel; numbers that are not centred but
 * independent leave 1/√n, more than this for n up to 10^10.
 */
const ROUNDING = 1e-5;

/** Most numbers of source outputs asked for at once (64 MiB as float32). */
const MOST_NUMBERS = 2 ** 24;

/**
 * Score of an edge = |mean of its source's output| over prompts, positions and dModel of a batch of clean prompts, averaged
 * over batches by their prompts (AutoCircuit's activation magnitude: signed activations are averaged first), in the unit of
 * the residual stream. All positions of a graph with token positions get the same score. Where a model is opened with
 * centred writing weights, every source but the start has mean 0 over dModel, and the scores are rounding noise.
 *
 * A baseline: what an algorithm finds should beat it.
 */
export const activationMagnitude = definePruneAlgo({
  name: 'activation-magnitude',
  doc: 'baseline: the absolute mean activation of the source of each edge',
  formula: 'score(u→v) = |mean of a_u over prompts, positions and dModel|',
  use: 'As a baseline. Use it on unprocessed weights: where writes are centred, every mean is 0 up to rounding.',
  signed: false,
  options: {},
  async score(context) {
    const { batches, graph, progress, signal } = context;
    const prompts = batches.reduce((n, batch) => n + batch.prompts.length, 0);
    if (prompts === 0) {
      throw new AutoCircuitError({
        code: 'no-prompts',
        where: 'activation-magnitude',
        what: 'there are no prompts',
        kind: 'internal',
      });
    }
    const magnitudes = new Float64Array(graph.sources.length); // [sources]
    const squares = new Float64Array(graph.sources.length); // [sources], sums over all numbers
    let numbers = 0;
    let done = 0;
    for (const batch of batches) {
      const sums = new Float64Array(graph.sources.length); // [sources], signed
      for (const piece of pieces(graph, batch)) {
        signal?.throwIfAborted();
        await addSums(context, piece, sums, squares);
        done += piece.prompts.length;
        progress.report(done, prompts, 'prompts');
      }
      const count = batch.prompts.length * batch.length * graph.layout.dModel;
      numbers += count;
      for (const [s, sum] of sums.entries()) magnitudes[s]! += (Math.abs(sum / count) * batch.prompts.length) / prompts;
    }
    const writers = graph.sources.slice(1);
    const centred = writers.every(
      ({ index }) => magnitudes[index]! <= ROUNDING * Math.sqrt(squares[index]! / Math.max(1, numbers)),
    );
    if (centred && writers.length > 0) context.warn?.(CENTRED);
    const bySource = Float32Array.from(
      { length: graph.edgeCount },
      (_, n) => magnitudes[edgeEnds(graph, n).source.index]!,
    );
    return { scores: unflattenScores(graph, bySource) };
  },
});

const CENTRED =
  'activation-magnitude: every source but the start writes numbers whose mean is 0, since the model’s weights were centred, so their scores are only rounding noise; use the weights unprocessed';

/** Adds each source's outputs on the clean side, and their squares, over prompts, positions and dModel; one prompt after the other. */
async function addSums(
  { model }: PruneAlgoContext,
  piece: PromptBatch,
  sums: Float64Array,
  squares: Float64Array,
): Promise<void> {
  const { data, shape } = await model.sourceOutputs(piece, 'clean'); // [sources, prompts, pos, dModel]
  const [sources, prompts, pos, dModel] = shape as [number, number, number, number];
  const slab = pos * dModel;
  for (let s = 0; s < sources; s++) {
    for (let i = s * prompts * slab; i < (s + 1) * prompts * slab; i++) {
      sums[s]! += data[i]!;
      squares[s]! += data[i]! ** 2;
    }
  }
}

/** The batch in pieces of few enough prompts; a plain run of a prompt does not depend on its neighbours. */
function pieces(graph: Graph, { prompts, length }: PromptBatch): PromptBatch[] {
  const perPrompt = graph.sources.length * length * graph.layout.dModel;
  const most = Math.max(1, Math.floor(MOST_NUMBERS / perPrompt));
  return Array.from({ length: Math.ceil(prompts.length / most) }, (_, i) => ({
    prompts: prompts.slice(i * most, (i + 1) * most),
    length,
  }));
}
