/** @file Circuit probing: subnetwork probing at several sizes; the score of an edge says in how small a circuit it still is. */
import {
  AutoCircuitError,
  type CheckpointData,
  CheckpointReader,
  definePruneAlgo,
  type Graph,
  type PruneAlgoContext,
  type PruneResult,
  resumableWork,
  topEdges,
  unflattenScores,
} from '@auto-circuit/core/plugin';
import { batchesKey } from '../shared/batches-key.js';
import { numberList } from '../shared/number-list.js';
import { PAPERS } from '../shared/papers.js';
import { LEARNED_MASK_OPTIONS, SIZE_WEIGHT, trainingSettings, USUAL_INIT } from './learned-mask-options.js';
import { MaskTraining, type MaskTrainingSettings } from './mask-training.js';
import { warmStart } from './warm-start.js';

const WHERE = 'circuit-probing';
/** Prefix, in checkpoints, of the arrays of the current training. */
const TRAINING = 'training/';

/**
 * Circuit probing (AutoCircuit): a mask is trained for
 * each size, as in subnetwork probing, and its top edges are the circuit of that size (with all that tie with the last).
 * Score = the number of sizes from the smallest whose circuit holds the edge up to the largest, 0 for none.
 *
 * Use it in place of subnetwork probing where the sizes of the circuits to compare are known.
 */
export const circuitProbing = definePruneAlgo({
  name: 'circuit-probing',
  doc: 'masks trained for circuits of several sizes; score: how small the smallest circuit is that holds the edge',
  formula: 'score(u→v) = the number of sizes from the smallest whose trained circuit holds the edge',
  use: 'Like subnetwork-probing, when you want to compare circuits of several sizes that you know beforehand.',
  papers: [PAPERS.subnetworks],
  signed: false,
  options: {
    ...LEARNED_MASK_OPTIONS,
    lambda: { type: 'number', doc: 'weight of the size of the circuit', default: SIZE_WEIGHT, min: 0 },
    sizes: {
      type: 'string',
      doc: 'numbers of edges, or (below 1) shares of all edges, separated by commas',
      default: '0.01,0.1',
    },
    init: {
      type: 'number',
      doc: 'every parameter at the start; above 0 the circuits start small, below 0 large',
      default: -USUAL_INIT,
    },
  },
  async score(context, options) {
    const { lambda, init } = options;
    const sizes = sizesOf(context.graph, options.sizes);
    const warm = await warmStart('circuit-probing', context.graph, options);
    return circuitProbingScores(context, {
      key: ['circuit-probing', options, context.seed],
      sizes,
      settings: (size) =>
        trainingSettings('circuit-probing', `circuit-probing/${size}`, context, options, {
          lambda,
          init,
          size,
          warmStart: warm,
        }),
    });
  },
});

/** Sizes, and the training for each. */
export interface CircuitProbingRequest {
  /** What sets this work apart from other work in a checkpoint. */
  readonly key: readonly unknown[];
  readonly sizes: readonly number[];
  readonly settings: (size: number) => MaskTrainingSettings;
}

/** Circuit probing with settings of the caller's. */
export async function circuitProbingScores(
  context: PruneAlgoContext,
  { key, sizes, settings }: CircuitProbingRequest,
): Promise<PruneResult> {
  const { model, batches, graph, signal } = context;
  signal?.throwIfAborted();
  // The largest first, so that smaller circuits overwrite.
  const ordered = [...new Set(sizes)].sort((a, b) => b - a);
  const trainingOf = (at: number): Promise<MaskTraining> => MaskTraining.create(model, batches, settings(ordered[at]!));
  const curves: Record<string, readonly number[]> = {};
  const ranks = new Float64Array(graph.edgeCount); // canonical
  let at = 0;
  let training = await trainingOf(at);
  const work = await resumableWork(context, {
    where: WHERE,
    key: [...key, ordered, graph.edgeCount, batchesKey(context)],
    total: ordered.length * training.steps,
    unit: 'steps',
    state(): CheckpointData {
      const { state, arrays } = training.toCheckpoint();
      const current = Object.entries(arrays).map(([name, array]) => [`${TRAINING}${name}`, array] as const);
      const finished = Object.entries(curves).map(([name, y]) => [`curve/${name}`, Float64Array.from(y)] as const);
      return {
        state: { ...state, at },
        arrays: { ranks: ranks.slice(), ...Object.fromEntries([...finished, ...current]) },
      };
    },
  });
  if (work.saved) {
    const reader = new CheckpointReader(WHERE, work.saved);
    at = reader.count('at', ordered.length - 1);
    ranks.set(reader.array('ranks', { length: graph.edgeCount, least: 0, most: at, whole: true }));
    for (const size of ordered.slice(0, at)) {
      for (const name of Object.keys(training.curves)) {
        const rule = { length: training.steps, values: 'any' } as const;
        curves[`${name}/${size}`] = [...reader.array(`curve/${name}/${size}`, rule)];
      }
    }
    if (at > 0) training = await trainingOf(at);
    training.restore(reader.within(TRAINING));
    reader.finish();
  }
  for (;;) {
    while (training.done < training.steps) {
      await training.step();
      await work.step(at * training.steps + training.done);
    }
    const size = ordered[at]!;
    for (const edge of topEdges(graph, training.scores(), size).edges) ranks[edge] = at + 1;
    for (const [name, y] of Object.entries(training.curves)) curves[`${name}/${size}`] = [...y];
    if (++at === ordered.length) break;
    training = await trainingOf(at);
  }
  return { scores: unflattenScores(graph, Float32Array.from(ranks)), curves };
}

/** @throws AutoCircuitError `invalid-option` for sizes that the graph does not have, or none */
function sizesOf(graph: Graph, text: string): number[] {
  const given = numberList(WHERE, 'sizes', text, {
    expected: `shares below 1 or whole numbers up to ${graph.edgeCount}`,
    fits: (size) => size > 0 && (size < 1 || (Number.isInteger(size) && size <= graph.edgeCount)),
  });
  if (given.length > 0) {
    return given.map((size) => (size < 1 ? Math.max(1, Math.trunc(size * graph.edgeCount)) : size));
  }
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: 'sizes', got: text },
    where: WHERE,
    what: 'option "sizes" is empty',
    expected: 'at least one size',
    got: '""',
  });
}
