/** @file Points along SVG paths and boxes of nodes, read from the markup itself: whether a line runs under a box. For tests. */

/** A rectangle of a node, and the key of the node. */
export interface NodeBox {
  readonly key: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** The rectangles of the nodes in the markup of a drawing: boxes, and letters of inputs. */
export function nodeBoxes(markup: string): NodeBox[] {
  return markup
    .split('<g class="node ')
    .slice(1)
    .flatMap((node) => {
      const key = Number(/data-key="(\d+)"/.exec(node)![1]);
      return [...node.matchAll(/<rect x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)" height="([\d.]+)"/g)].map(
        (found) => {
          const [x, y, width, height] = found.slice(1).map(Number) as [number, number, number, number];
          return { key, left: x, right: x + width, top: y, bottom: y + height };
        },
      );
    });
}

/** Points along a path of M, L and Q, `each` apart at most. */
export function pathPoints(d: string, each = 2): [number, number][] {
  const points: [number, number][] = [];
  let [x, y] = [0, 0];
  for (const [, command, numbers] of d.matchAll(/([MLQ])([^MLQ]*)/g)) {
    const n = numbers!.trim().split(/[ ,]+/).map(Number);
    const [ex, ey] = [n.at(-2)!, n.at(-1)!];
    if (command === 'M') points.push([ex, ey]);
    else {
      const [cx, cy] = command === 'Q' ? [n[0]!, n[1]!] : [(x + ex) / 2, (y + ey) / 2];
      const steps = Math.ceil((Math.hypot(cx - x, cy - y) + Math.hypot(ex - cx, ey - cy)) / each) || 1;
      for (let k = 1; k <= steps; k++) {
        const t = k / steps;
        const [a, b, c] = [(1 - t) ** 2, 2 * (1 - t) * t, t ** 2];
        points.push([a * x + b * cx + c * ex, a * y + b * cy + c * ey]);
      }
    }
    [x, y] = [ex, ey];
  }
  return points;
}

/** The first box that one of the points lies in, by more than a hair; null where all are clear. */
export function boxOver(points: readonly (readonly [number, number])[], boxes: readonly NodeBox[]): NodeBox | null {
  for (const [x, y] of points) {
    const over = boxes.find(
      ({ left, right, top, bottom }) => x > left + 0.1 && x < right - 0.1 && y > top + 0.1 && y < bottom - 0.1,
    );
    if (over) return over;
  }
  return null;
}
