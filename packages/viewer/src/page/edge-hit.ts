/** @file Which edge the pointer is on: the nearest line. */

/**
 * The edge nearest to a point, at most `within` away; of equally near ones the first.
 * @param lines points along each edge, x and y by turns
 */
export function edgeNear(
  lines: ReadonlyMap<number, readonly number[]>,
  x: number,
  y: number,
  within: number,
): number | null {
  let best: number | null = null;
  let least = within * within;
  for (const [edge, points] of lines) {
    for (let at = 0; at + 3 < points.length; at += 2) {
      const distance = toSegment(x, y, points[at]!, points[at + 1]!, points[at + 2]!, points[at + 3]!);
      if (distance < least) [least, best] = [distance, edge];
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
