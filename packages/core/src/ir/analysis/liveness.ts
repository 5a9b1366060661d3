/**
 * @file Liveness: which values the outputs of a program need, and after which value each is needed no more.
 *
 * @example
 * const live = programLiveness(program);
 * for (const { id } of program.values) if (live.isNeeded(id)) { …; free(live.endingAt(id)); }
 */
import type { Program } from '../program/program.js';

/** What the outputs of a program need, and for how long. */
export interface Liveness {
  /** Whether an output depends on the value. */
  isNeeded(id: number): boolean;
  /** The id of the last needed value that reads it: `Infinity` for an output, undefined where nothing needed reads it. */
  lastUse(id: number): number | undefined;
  /** What needs memory no longer once this value is computed, ascending: those that it is the last to read. */
  endingAt(id: number): readonly number[];
}

/** What liveness is asked of: a program, or what a backend makes of one. */
export interface LivenessQuestion {
  /** Ids are 0 … count − 1, and every operand has a smaller id than its reader. */
  readonly count: number;
  readonly outputs: readonly number[];
  /** What a value reads; it is asked of needed values only, once each. */
  operandsOf(id: number): readonly number[];
  /**
   * The value whose memory a value lies in: an earlier one for a window onto it, and itself otherwise (the default).
   * `lastUse` and `endingAt` are then about memory: one value ends when the last of its windows has been read.
   */
  storageOf?(id: number): number;
}

/** Goes once from the outputs back to the leaves: time and memory linear in the program. */
export function liveness({ count, outputs, operandsOf, storageOf = (id) => id }: LivenessQuestion): Liveness {
  const needed = new Uint8Array(count);
  const last = new Map<number, number>();
  const ending = new Map<number, number[]>();
  for (const id of outputs) {
    needed[id] = 1;
    last.set(storageOf(id), Number.POSITIVE_INFINITY);
  }
  for (let id = count - 1; id >= 0; id--) {
    if (!needed[id]) continue;
    const ends = new Set<number>();
    for (const operand of operandsOf(id)) {
      needed[operand] = 1;
      const storage = storageOf(operand);
      // Readers come by from the last to the first: the first that is seen is the last use.
      if (last.has(storage)) continue;
      last.set(storage, id);
      ends.add(storage);
    }
    if (ends.size > 0)
      ending.set(
        id,
        [...ends].sort((a, b) => a - b),
      );
  }
  return {
    isNeeded: (id) => needed[id] === 1,
    lastUse: (id) => last.get(id),
    endingAt: (id) => ending.get(id) ?? NOTHING,
  };
}
const NOTHING: readonly number[] = Object.freeze([]);

/** Of the values of a program as they stand. */
export const programLiveness = ({ values, outputs }: Program): Liveness =>
  liveness({
    count: values.length,
    outputs: outputs.map(({ id }) => id),
    operandsOf: (id) => values[id]!.inputs,
  });

/** How many operands and outputs each value is, readers that no output needs included. */
export function countReaders({ values, outputs }: Program): number[] {
  const readers = values.map(() => 0);
  for (const { inputs } of values) for (const id of inputs) readers[id]!++;
  for (const { id } of outputs) readers[id]!++;
  return readers;
}
