/** @file Who runs the circuits that are measured: this process, or several that share the test prompts. */
import { createHash } from 'node:crypto';
import type { BatchOutputs } from '../plugin/metric.js';
import {
  type CircuitRun,
  circuitValues,
  outputsFrom,
  type ReferenceLogits,
  referenceLogits,
  referencesFrom,
} from './outputs-of-circuits.js';
import type { CircuitReading, References } from './run-circuits.js';

/** Test batches [start, stop). */
export type BatchRange = readonly [start: number, stop: number];
/** What runs on some batches gave, by name: logits, or what was read of them. */
export type OutputArrays = Readonly<Record<string, Float32Array>>;

/** How processes share the runs of a measurement: each does some batches, and all see what came of the others. */
export interface MeasuringShares {
  /** Ranges that together are all test batches, in order. */
  readonly ranges: readonly BatchRange[];
  /**
   * What came of every range, in order.
   * @param name of the runs: the same runs have the same name in every process
   * @param make does them on a range, where nobody else does
   */
  gather(name: string, make: (range: BatchRange) => Promise<OutputArrays>): Promise<readonly OutputArrays[]>;
}

/** Runs circuits on all batches. */
export interface CircuitRuns {
  references(): Promise<References>;
  /** The outputs of each circuit (canonical edge numbers). @param reading what is read of them; null: logits */
  circuits(circuits: readonly (readonly number[])[], reading: CircuitReading | null): Promise<BatchOutputs[][]>;
}

/** Circuits run here, or shared among processes: the same numbers, bit for bit. */
export function circuitRuns(run: CircuitRun, shares: MeasuringShares | null): CircuitRuns {
  return shares ? sharedRuns(run, shares) : ownRuns(run);
}

const ownRuns = (run: CircuitRun): CircuitRuns => ({
  async references() {
    return referencesFrom(run.batches, await referenceLogits(run), run.settings);
  },
  async circuits(circuits, reading) {
    return outputsFrom(run.batches, await circuitValues(run, circuits, reading), reading);
  },
});

function sharedRuns(run: CircuitRun, { ranges, gather }: MeasuringShares): CircuitRuns {
  const { batches, settings } = run;
  const on = ([start, stop]: BatchRange): CircuitRun => ({ ...run, all: batches, batches: batches.slice(start, stop) });
  return {
    async references() {
      const parts = await gather('references', async (range) => packedReferences(await referenceLogits(on(range))));
      return referencesFrom(batches, unpackedReferences(parts, ranges), settings);
    },
    async circuits(circuits, reading) {
      const parts = await gather(`circuits-${hashOf(circuits)}`, async (range) => {
        const values = await circuitValues(on(range), circuits, reading, range[0]);
        return Object.fromEntries(values.flatMap((ofBatch, b) => ofBatch.map((data, i) => [`${b}/${i}`, data])));
      });
      const values = parts.flatMap((part, r) =>
        batchesIn(ranges[r]!).map((b) => circuits.map((_, i) => part[`${b}/${i}`]!)),
      );
      return outputsFrom(batches, values, reading);
    },
  };
}

/** The batches of a range, counted from its first. */
const batchesIn = ([start, stop]: BatchRange): number[] => Array.from({ length: stop - start }, (_, b) => b);

const SIDES = ['clean', 'corrupt', 'patched'] as const;

const packedReferences = (logits: ReferenceLogits): OutputArrays =>
  Object.fromEntries(SIDES.flatMap((side) => (logits[side] ?? []).map((data, b) => [`${side}/${b}`, data])));

function unpackedReferences(parts: readonly OutputArrays[], ranges: readonly BatchRange[]): ReferenceLogits {
  const of = (side: (typeof SIDES)[number]): Float32Array[] =>
    parts.flatMap((part, r) => batchesIn(ranges[r]!).map((b) => part[`${side}/${b}`]!));
  return { clean: of('clean'), corrupt: of('corrupt'), patched: 'patched/0' in parts[0]! ? of('patched') : null };
}

/** Tells circuits apart by their edges: a part that was made of others has another name. */
function hashOf(circuits: readonly (readonly number[])[]): string {
  const hash = createHash('sha256');
  for (const edges of circuits) hash.update(`${edges.length}:`).update(Int32Array.from(edges));
  return hash.digest('hex').slice(0, 24);
}
