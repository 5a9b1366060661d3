/** @file Which edge the pointer is on: the nearest of sampled points on the curves. */
import type { CurvePoints } from '../drawing/edge-curves.js';

const SAMPLES = 20;

/** Points along curves; `edges[i]` owns the i-th run of `SAMPLES` points. */
export interface SampledCurves {
  readonly edges: readonly number[];
  /** x and y by turns: [edges, SAMPLES, 2] */
  readonly points: Float32Array;
}

/** Samples the curves of some edges. */
export function sampleCurves(edges: readonly number[], curveOf: (edge: number) => CurvePoints): SampledCurves {
  const points = new Float32Array(edges.length * SAMPLES * 2);
  edges.forEach((edge, i) => {
    const [x0, y0, x1, y1, x2, y2, x3, y3] = curveOf(edge);
    for (let k = 0; k < SAMPLES; k++) {
      const t = k / (SAMPLES - 1);
      const [a, b, c, d] = [(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t ** 2, t ** 3];
      points[(i * SAMPLES + k) * 2] = a * x0 + b * x1 + c * x2 + d * x3;
      points[(i * SAMPLES + k) * 2 + 1] = a * y0 + b * y1 + c * y2 + d * y3;
    }
  });
  return { edges, points };
}

/** The edge nearest to a point, at most `within` away; of equally near ones the more important. */
export function edgeNear({ edges, points }: SampledCurves, x: number, y: number, within: number): number | null {
  let best: number | null = null;
  let least = within * within;
  for (let i = 0; i < edges.length; i++) {
    for (let k = 0; k < SAMPLES - 1; k++) {
      const at = (i * SAMPLES + k) * 2;
      const distance = toSegment(x, y, points[at]!, points[at + 1]!, points[at + 2]!, points[at + 3]!);
      if (distance < least) [least, best] = [distance, edges[i]!];
    }
  }
  return best;
}

/** Squared distance of a point to a line segment. */
function toSegment(x: number, y: number, ax: number, ay: number, bx: number, by: number): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length));
  return (x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2;
}
