/** @file The area under a curve of circuits: (number of edges, value), with the edges on a logarithmic axis. */
import { AutoCircuitError } from '@auto-circuit/core/plugin';

const WHERE = 'area under the curve';

/** One measured circuit of a curve. */
export interface CurvePoint {
  /** Edges in the circuit, ties included. */
  readonly edges: number;
  readonly value: number;
}
/** How values are read before the area is taken. */
export interface AreaOptions {
  /** Takes log10 of the value, with smaller values raised to this number first; without it values are as they are. */
  readonly logFloor?: number;
}

/**
 * ∫ value d log10(edges) by trapezoids over the points from 1 edge up, by rising edges; in units of the value times decades of
 * edges. No baseline is subtracted, and a falling curve has the area it has. Points of 0 edges have no place on the axis and
 * are left out.
 *
 * @throws AutoCircuitError `invalid-curve` for fewer than two points from 1 edge up, two values at one number of edges, or a
 * value that is no finite number; `invalid-option` for a floor that is not above 0
 */
export function areaUnderCurve(points: readonly CurvePoint[], { logFloor }: AreaOptions = {}): number {
  if (logFloor !== undefined && !(logFloor > 0 && Number.isFinite(logFloor))) {
    throw new AutoCircuitError({
      code: 'invalid-option',
      fields: { option: 'logFloor', got: logFloor },
      where: WHERE,
      what: 'the floor of a logarithmic value axis is not usable',
      expected: 'a number above 0',
      got: `${logFloor}`,
    });
  }
  const height = (value: number): number => (logFloor === undefined ? value : Math.log10(Math.max(value, logFloor)));
  const used = points.filter(({ edges }) => edges >= 1).sort((a, b) => a.edges - b.edges);
  if (used.length < 2) throw unusable('the curve', 'two points from 1 edge up', `${used.length}`);
  let area = 0;
  for (const [i, point] of used.entries()) {
    if (!Number.isFinite(point.value)) {
      throw unusable(`the value at ${point.edges} edges`, 'a finite number', `${point.value}`);
    }
    const before = used[i - 1];
    if (!before) continue;
    if (before.edges === point.edges && before.value !== point.value) {
      throw unusable(`the value at ${point.edges} edges`, 'one value', `${before.value} and ${point.value}`);
    }
    const width = Math.log10(point.edges / before.edges);
    area += (width * (height(before.value) + height(point.value))) / 2;
  }
  return area;
}

const unusable = (what: string, expected: string, got: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'invalid-curve',
    fields: { metric: 'area-under-curve' },
    where: WHERE,
    what: `${what} is not usable`,
    expected,
    got,
  });
