/** @file Of a circuit too large to be read edge by edge: how much of its importance runs from which layer to which. */
import { edgeEnds, flattenScores } from '@auto-circuit/core/plugin';
import type { ReportInput } from '@auto-circuit/core/run';
import { matrixSvg } from '../charts/matrix.js';

/** A map with a column for each layer that edges leave and a row for each that they enter, in percent of the circuit's importance. */
export function layerMap({ graph, scores, circuit }: ReportInput): string {
  const flat = flattenScores(graph, scores);
  const sums = new Map<string, number>();
  const from = new Set<string>();
  const to = new Set<string>();
  let total = 0;
  for (const number of circuit.edges) {
    const size = Math.abs(flat[number]!);
    if (!Number.isFinite(size)) continue;
    const { source, destination } = edgeEnds(graph, number);
    const [a, b] = [layerName(source.name), layerName(destination.name)];
    from.add(a);
    to.add(b);
    sums.set(`${a} ${b}`, (sums.get(`${a} ${b}`) ?? 0) + size);
    total += size;
  }
  if (total === 0) return '';
  const columns = [...from].sort(byLayer);
  const rows = [...to].sort(byLayer).reverse();
  const values = rows.map((b) =>
    columns.map((a) => {
      const sum = sums.get(`${a} ${b}`);
      return sum === undefined ? null : (100 * sum) / total;
    }),
  );
  return matrixSvg(
    { title: 'Importance of the kept circuit, from layer (columns) to layer (rows)', unit: '% of its total' },
    rows,
    columns,
    values,
  );
}

/** The layer of a node; the input and the output are none. */
const layerName = (node: string): string => /^Resid (Start|End)/.exec(node)?.[1] ?? /\d+/.exec(node)?.[0] ?? node;
const order = (name: string): number =>
  name === 'Start' ? -1 : name === 'End' ? Number.POSITIVE_INFINITY : Number(name);
const byLayer = (a: string, b: string): number => order(a) - order(b);
