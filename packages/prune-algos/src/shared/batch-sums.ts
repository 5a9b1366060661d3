/** @file Sums over the prompts of batches: of all of them, of a share of them, or put together from shares. */
import {
  type CheckpointData,
  CheckpointReader,
  type DividedWork,
  type Graph,
  type PromptBatch,
  PromptPart,
  type PromptScores,
  type PruneAlgoContext,
  type PruneResult,
  ScoreAccumulator,
  unflattenScores,
  type WorkPart,
  type WorkShare,
} from '@auto-circuit/core/plugin';

/** Scores as means over prompts, with their standard errors. */
export interface PromptMeans extends PruneResult {
  /** Means over prompts of what `sums` held. */
  readonly means?: Float64Array;
}

/** Units of work where scores are means over prompts: whole batches. */
export const batchUnits = ({ batches }: Pick<DividedWork, 'batches'>): number => batches.length;

/** What batches are added to. */
export interface BatchSums {
  /** @param ofBatch other numbers, summed over the batch's prompts; none or always as many */
  add(scores: PromptScores, ofBatch: Float64Array): void;
  /** The means; of a share, which is kept, only zeros. */
  result(): Promise<PromptMeans>;
  toCheckpoint(): CheckpointData;
  /** @param width how many other numbers a batch has. @throws AutoCircuitError `wrong-checkpoint` */
  restore(reader: CheckpointReader, batchesDone: number, width: number): void;
}

/** For all batches, or for the share of the context. */
export const startOf = (context: Pick<PruneAlgoContext, 'batches' | 'byPrompt' | 'graph' | 'share'>): BatchSums =>
  context.share ? sumsOfShare(context.graph, context.batches, context.share) : sumsOfAll(context);

function sumsOfAll(context: Pick<PruneAlgoContext, 'batches' | 'byPrompt' | 'graph'>): BatchSums {
  const { graph, batches } = context;
  let total = new ScoreAccumulator(graph, context);
  let sums: Float64Array = new Float64Array(0);
  return {
    add(scores, ofBatch) {
      total.add(scores);
      sums = added(sums, ofBatch, 1);
    },
    result: async () => meansOf(total, sums),
    toCheckpoint() {
      const { state, arrays } = total.toCheckpoint();
      return { state, arrays: { ...arrays, means: sums.slice() } };
    },
    restore(reader, batchesDone, width) {
      total = ScoreAccumulator.fromCheckpoint(graph, reader, promptsIn(batches, 0, batchesDone), context);
      sums = reader.array('means', { length: batchesDone === 0 ? 0 : width }).slice();
    },
  };
}

/** The other numbers stay batch by batch, so that they can be added in the order of all batches. */
function sumsOfShare(graph: Graph, batches: readonly PromptBatch[], share: WorkShare): BatchSums {
  const { start, stop } = share;
  const part = new PromptPart(graph, promptsIn(batches, 0, start), promptsIn(batches, start, stop));
  const means: number[] = []; // [batches, width]
  const toCheckpoint = (): CheckpointData => {
    const { state, arrays } = part.toCheckpoint();
    return { state, arrays: { ...arrays, means: Float64Array.from(means) } };
  };
  return {
    add(scores, ofBatch) {
      part.add(scores);
      for (const x of ofBatch) means.push(x);
    },
    async result() {
      await share.keep(toCheckpoint());
      return { scores: unflattenScores(graph, new Float32Array(graph.edgeCount)) };
    },
    toCheckpoint,
    restore(reader, batchesDone, width) {
      part.restore(reader, promptsIn(batches, start, batchesDone));
      means.length = 0;
      for (const x of reader.array('means', { length: (batchesDone - start) * width })) means.push(x);
    },
  };
}

/**
 * The means over all prompts from what shares kept.
 * @throws AutoCircuitError `wrong-checkpoint` where parts do not follow each other, or one is damaged or of other work
 */
export async function meansOfParts(
  { graph, batches, signal }: Pick<PruneAlgoContext, 'batches' | 'graph' | 'signal'>,
  parts: AsyncIterable<WorkPart>,
  width: number,
): Promise<PromptMeans> {
  const total = new ScoreAccumulator(graph);
  let sums: Float64Array = new Float64Array(0);
  let done = 0;
  for await (const { start, stop, data } of parts) {
    signal?.throwIfAborted();
    const reader = new CheckpointReader('run', data);
    total.addPart(reader, promptsIn(batches, start, stop));
    const means = reader.array('means', { length: (stop - start) * width }); // [batches, width]
    reader.finish();
    done = stop;
    for (let at = 0; at < means.length; at += width) sums = added(sums, means.subarray(at, at + width), 1);
  }
  if (done !== batches.length)
    throw new CheckpointReader('run', { state: {}, arrays: {} }).refused(
      'parts',
      `${batches.length} batches`,
      `${done}`,
    );
  return meansOf(total, sums);
}

const meansOf = (total: ScoreAccumulator, sums: Float64Array): PromptMeans => {
  const result = total.result();
  return sums.length === 0 ? result : { ...result, means: sums.map((sum) => sum / total.prompts) };
};

const promptsIn = (batches: readonly PromptBatch[], start: number, stop: number): number =>
  batches.slice(start, stop).reduce((sum, { prompts }) => sum + prompts.length, 0);

/** sums + more / count, in place where there is something. */
export function added(sums: Float64Array, more: Float64Array | undefined, count: number): Float64Array {
  if (!more || more.length === 0) return sums;
  const into = sums.length === 0 ? new Float64Array(more.length) : sums;
  for (let i = 0; i < into.length; i++) into[i]! += more[i]! / count;
  return into;
}
