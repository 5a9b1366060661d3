/** @file The ROC of InterpBench in the MIB benchmark (Mueller et al. 2025, https://arxiv.org/abs/2504.13151): rates of greedy circuits of ten sizes against a known one. */
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { MIB_FRACTIONS } from './mib.js';

/** How a circuit compares with a known one, edge by edge; all are shares. */
export interface CircuitRates {
  /** Known edges that the circuit has, of all known edges. */
  readonly truePositiveRate: number;
  /** Other edges that the circuit has, of all others. */
  readonly falsePositiveRate: number;
  /** Known edges among those of the circuit; 0 for an empty one. */
  readonly precision: number;
}

/** The number of edges at each of MIB's fractions where it grows circuits for ROC: rounded up, as its code does there. */
export const mibRocCounts = (edgeCount: number): number[] =>
  MIB_FRACTIONS.map((fraction) => Math.ceil(fraction * edgeCount));

/**
 * @param known canonical numbers of the known circuit's edges
 * @param circuit canonical numbers of the edges of the circuit that is compared with it, each once
 * @throws AutoCircuitError `invalid-curve` where the known circuit has no edges, or all of them
 */
export function circuitRates(known: ReadonlySet<number>, circuit: readonly number[], edgeCount: number): CircuitRates {
  if (known.size === 0 || known.size >= edgeCount) {
    throw new AutoCircuitError({
      code: 'invalid-curve',
      fields: { metric: 'mib-roc' },
      where: 'mib',
      what: 'a known circuit without edges, or with all of them, has no ROC',
      expected: `1 to ${edgeCount - 1} edges`,
      got: `${known.size}`,
    });
  }
  const hits = circuit.filter((edge) => known.has(edge)).length;
  return Object.freeze({
    truePositiveRate: hits / known.size,
    falsePositiveRate: (circuit.length - hits) / (edgeCount - known.size),
    precision: circuit.length === 0 ? 0 : hits / circuit.length,
  });
}

/**
 * The area under the true positive rates over the false positive rates, by trapezoids in the order given, divided by the last
 * false positive rate. As in MIB's code, nothing is added at (0, 0): what lies left of the smallest circuit does not count.
 * @throws AutoCircuitError `invalid-curve` for fewer than two points, or a last false positive rate of 0
 */
export function mibRocArea(points: readonly CircuitRates[]): number {
  const last = points.at(-1)?.falsePositiveRate ?? 0;
  if (points.length < 2 || !(last > 0)) {
    throw new AutoCircuitError({
      code: 'invalid-curve',
      fields: { metric: 'mib-roc' },
      where: 'mib',
      what: 'the circuits have no ROC',
      expected: 'two circuits or more, the last with an edge outside the known one',
      got: `${points.length} circuits, a last false positive rate of ${last}`,
    });
  }
  let area = 0;
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1]!, points[i]!];
    area += ((b.falsePositiveRate - a.falsePositiveRate) / last) * ((a.truePositiveRate + b.truePositiveRate) / 2);
  }
  return area;
}
