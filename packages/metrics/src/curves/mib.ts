/** @file The two numbers of the MIB benchmark (Mueller et al. 2025, https://arxiv.org/abs/2504.13151) for a curve of circuits: CPR and CMD. */
import { AutoCircuitError } from '@auto-circuit/core/plugin';

/** The shares of all edges at which MIB measures circuits. */
export const MIB_FRACTIONS: readonly number[] = Object.freeze([
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1,
]);

/** Faithfulness f of the circuit that keeps this share of the edges, as asked for (ties do not move it). */
export interface FaithfulnessPoint {
  readonly fraction: number;
  readonly faithfulness: number;
}
/** The two areas of MIB; both are shares, since fractions go from 0 to 1. */
export interface MibScores {
  /** Integrated circuit performance ratio, ∫ f dk: higher is better. */
  readonly cpr: number;
  /** Integrated circuit–model distance, ∫ |1 − f| dk: lower is better. */
  readonly cmd: number;
}

/** The number of edges (or of scored nodes) at each of MIB's fractions: rounded down, as its code does. */
export const mibEdgeCounts = (edgeCount: number): number[] =>
  MIB_FRACTIONS.map((fraction) => Math.trunc(fraction * edgeCount));

/**
 * CPR and CMD by trapezoids over the fractions given, from the smallest to the largest.
 * @throws AutoCircuitError `invalid-curve` for fewer than two points, equal fractions, or numbers that are not finite
 */
export function mibScores(points: readonly FaithfulnessPoint[]): MibScores {
  const ordered = [...points].sort((a, b) => a.fraction - b.fraction);
  const usable = ordered.every(
    ({ fraction, faithfulness }, i) =>
      fraction >= 0 && fraction <= 1 && Number.isFinite(faithfulness) && fraction !== ordered[i - 1]?.fraction,
  );
  if (!usable || ordered.length < 2) {
    throw new AutoCircuitError({
      code: 'invalid-curve',
      fields: { metric: 'mib' },
      where: 'mib',
      what: 'the points have no area under them',
      expected: 'two points or more, fractions from 0 to 1 that differ, each with a finite faithfulness',
      got: JSON.stringify(points.map(({ fraction, faithfulness }) => [fraction, faithfulness])),
    });
  }
  let cpr = 0;
  let cmd = 0;
  for (let i = 1; i < ordered.length; i++) {
    const [a, b] = [ordered[i - 1]!, ordered[i]!];
    const width = b.fraction - a.fraction;
    cpr += (width * (a.faithfulness + b.faithfulness)) / 2;
    cmd += (width * (Math.abs(1 - a.faithfulness) + Math.abs(1 - b.faithfulness))) / 2;
  }
  return Object.freeze({ cpr, cmd });
}
