/** @file Hands cells to workers until none is left: one at a time to each, dead workers replaced, their cells tried again. */
import type { CellOrder, CellOutcome, CellProgressReport } from './run-cell.js';
import type { CellWorker } from './worker-process.js';

/** A cell whose worker dies is tried this many times. */
const MOST_TRIES = 3;

/** What happens to cells, by the slot of the worker that has them. */
export interface CellEvents {
  readonly onStart: (slot: number, order: CellOrder) => void;
  readonly onProgress: (slot: number, ...report: Parameters<CellProgressReport>) => void;
  /** A worker died; its cell is tried again. */
  readonly onRetry: (slot: number, order: CellOrder, reason: string) => void;
  readonly onEnd: (slot: number, order: CellOrder, outcome: CellOutcome) => Promise<void>;
}

/**
 * Runs all cells. After an abort, workers end their cells after this step, and no new ones are begun.
 * @param makeWorker called for each slot, and again when its worker died
 */
export async function runCells(
  orders: readonly CellOrder[],
  slots: number,
  makeWorker: () => Promise<CellWorker>,
  events: CellEvents,
  interrupt: AbortSignal,
): Promise<void> {
  const broken = new AbortController(); // a mistake in one slot ends the others, too
  const signal = AbortSignal.any([interrupt, broken.signal]);
  const waiting = [...orders];
  const openKeys = new Map<number, string>();

  /** Rather of the task that the slot has open, or of one that no other slot has. */
  const next = (slot: number): CellOrder | undefined => {
    const own = openKeys.get(slot);
    const others = new Set([...openKeys].filter(([other]) => other !== slot).map(([, key]) => key));
    const same = waiting.findIndex(({ cell }) => cell.openKey === own);
    const free = waiting.findIndex(({ cell }) => !others.has(cell.openKey));
    const [order] = waiting.splice(same >= 0 ? same : Math.max(0, free), 1);
    if (order) openKeys.set(slot, order.cell.openKey);
    return order;
  };

  const work = async (slot: number): Promise<void> => {
    let worker: CellWorker | null = null;
    const stop = (): void => worker?.stop();
    signal.addEventListener('abort', stop);
    try {
      for (let order = next(slot); order && !signal.aborted; order = next(slot)) {
        events.onStart(slot, order);
        let outcome: CellOutcome | null = null;
        for (let tries = 1; !outcome; tries++) {
          worker ??= await makeWorker();
          if (signal.aborted) worker.stop();
          const result = await worker.run(order, (...report) => events.onProgress(slot, ...report));
          if (result.kind !== 'died') {
            outcome = result;
            break;
          }
          worker = null;
          const reason = `its worker process was ended ${result.how}`;
          if (signal.aborted) outcome = { kind: 'interrupted' };
          else if (tries === MOST_TRIES) outcome = { kind: 'failed', error: `${reason}, ${tries} times` };
          else events.onRetry(slot, order, reason);
        }
        await events.onEnd(slot, order, outcome);
      }
    } catch (error) {
      broken.abort();
      throw error;
    } finally {
      openKeys.delete(slot);
      signal.removeEventListener('abort', stop);
      await worker?.close();
    }
  };
  const slotsWork = Array.from({ length: Math.min(slots, orders.length) }, (_, slot) => work(slot));
  const failed = (await Promise.allSettled(slotsWork)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
