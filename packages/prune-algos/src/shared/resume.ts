/** @file Long work that can be stopped: progress, Ctrl-C and checkpoints, in one place for all algorithms of this package. */
import {
  AutoCircuitError,
  type CheckpointData,
  type PruneAlgoContext,
  type PruneResult,
  type PruneScores,
} from '@auto-circuit/core/plugin';

/** Saving costs time too: a killed run loses at most this much work. */
const SECONDS_BETWEEN_SAVES = 10;

export interface ResumableWork {
  /** Where the work that was saved had come to; null at the start. */
  readonly saved: CheckpointData | null;
  /**
   * After each step: reports progress, saves `state()` now and then, and when the run is aborted saves it and throws
   * the abort's reason.
   */
  step(done: number): Promise<void>;
}

/**
 * @param key says which work this is; a checkpoint of other work (another algorithm, other options or prompts) is refused
 * @param state what to save; `step` is called when it is whole
 */
export async function resumableWork(
  { checkpoint, progress, signal }: Pick<PruneAlgoContext, 'checkpoint' | 'progress' | 'signal'>,
  { key, total, unit, state }: { key: readonly unknown[]; total: number; unit: string; state: () => CheckpointData },
): Promise<ResumableWork> {
  signal?.throwIfAborted();
  const name = JSON.stringify(key);
  const loaded = (await checkpoint?.load()) ?? null;
  if (loaded && loaded.state.work !== name) {
    throw new AutoCircuitError({
      where: `${key[0]}`,
      what: 'the partial work in the run folder is of other work',
      expected: name,
      got: `${loaded.state.work}`,
      fix: 'start again with --overwrite',
    });
  }
  let lastSave = performance.now();
  const save = async (): Promise<void> => {
    const { state: numbers, arrays } = state();
    await checkpoint?.save({ state: { ...numbers, work: name }, arrays });
    lastSave = performance.now();
  };
  return {
    saved: loaded,
    async step(done) {
      progress.report(done, total, unit);
      const due = performance.now() - lastSave > SECONDS_BETWEEN_SAVES * 1000;
      if (due || (signal?.aborted && done < total)) await save();
      if (done < total) signal?.throwIfAborted();
    },
  };
}

/** What tells one set of prompts from another in a checkpoint's key: prompts and length of each batch, and their indices. */
export const batchesKey = ({ batches }: Pick<PruneAlgoContext, 'batches'>): unknown[] =>
  batches.map(({ prompts, length }) => [length, prompts.length, prompts[0]?.index ?? null]);

/** Training of masks, step by step, with all of its state in a checkpoint. */
interface Training {
  readonly steps: number;
  readonly done: number;
  readonly curves: NonNullable<PruneResult['curves']>;
  step(): Promise<void>;
  scores(): PruneScores;
  toCheckpoint(): CheckpointData;
  restore(data: CheckpointData): void;
}

/** Trains to the end, from where a stopped run had come to. `name` and `options` are the algorithm's. */
export async function trainResumably(
  context: PruneAlgoContext,
  name: string,
  options: unknown,
  training: Training,
): Promise<PruneResult> {
  const work = await resumableWork(context, {
    key: [name, options, context.seed, context.graph.edgeCount, batchesKey(context)],
    total: training.steps,
    unit: 'steps',
    state: () => training.toCheckpoint(),
  });
  if (work.saved) training.restore(work.saved);
  while (training.done < training.steps) {
    await training.step();
    await work.step(training.done);
  }
  return { scores: training.scores(), curves: { ...training.curves } };
}
