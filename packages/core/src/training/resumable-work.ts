/** @file Long work that can be stopped and taken up again: progress, Ctrl-C and checkpoints in one place. */
import { AutoCircuitError } from '../errors/error.js';
import type { CheckpointData } from '../plugin/checkpoint.js';
import type { PruneAlgoContext } from '../plugin/prune-algo.js';

/** Saving takes time, too: a run that is killed loses at most this much work. */
const SECONDS_BETWEEN_SAVES = 10;

/** Where progress is reported, partial work is saved, and an abort comes from: a `PruneAlgoContext` has all three. */
export type WorkHooks = Pick<PruneAlgoContext, 'checkpoint' | 'progress' | 'signal'>;

/** Which work it is, how long, and what to save of it. */
export interface WorkDescription {
  /** Who works, for errors: the name of the algorithm. */
  readonly where: string;
  /** Says as JSON which work this is (algorithm, options, prompts): a checkpoint with another key is refused. */
  readonly key: unknown;
  /** Steps in all, and what a step is called in progress lines. */
  readonly total: number;
  readonly unit: string;
  /** What to save; called between steps only. */
  readonly state: () => CheckpointData;
  /** Whether the work is saved once more when it is done. Default: no, since the result is what counts then. */
  readonly keepFinished?: boolean;
}

/** Work under way. */
export interface ResumableWork {
  /** What was saved of this work; null at the start. */
  readonly saved: CheckpointData | null;
  /**
   * To be called after each step: reports progress and saves `state()` if the last save is some seconds ago. When the run
   * has been aborted it saves, and throws the abort's reason.
   */
  step(done: number): Promise<void>;
}

/**
 * Begins work, or takes it up where it was stopped.
 * @throws AutoCircuitError `wrong-checkpoint` when what was saved is other work
 */
export async function resumableWork(
  { checkpoint, progress, signal }: WorkHooks,
  { where, key, total, unit, state, keepFinished = false }: WorkDescription,
): Promise<ResumableWork> {
  signal?.throwIfAborted();
  const work = JSON.stringify(key);
  const saved = (await checkpoint?.load()) ?? null;
  if (saved && saved.state.work !== work) {
    throw new AutoCircuitError({
      code: 'wrong-checkpoint',
      fields: { name: 'work', expected: work, got: saved.state.work },
      where,
      what: 'the saved partial work belongs to other work',
      expected: work,
      got: `${saved.state.work}`,
      fix: 'start again without it',
    });
  }
  let lastSave = performance.now();
  const save = async (final = false): Promise<void> => {
    const { state: numbers, arrays } = state();
    await checkpoint?.save({ state: { ...numbers, work }, arrays }, { final });
    lastSave = performance.now();
  };
  return {
    saved,
    async step(done) {
      progress.report(done, total, unit);
      const due = performance.now() - lastSave > SECONDS_BETWEEN_SAVES * 1000;
      const last = done >= total;
      if (last && keepFinished) await save(true);
      else if (due || (!last && signal?.aborted)) await save();
      if (!last) signal?.throwIfAborted();
    },
  };
}
