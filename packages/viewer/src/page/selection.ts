/** @file Which of the shown edges stand out: those of a node, or those that a search finds. */
import { type CircuitData, edgeName, fromNode, toNode } from '../drawing/circuit-data.js';

export interface Selection {
  /** Index of a node. */
  readonly node: number | null;
  readonly query: string;
}

/** The edges that stand out; null where nothing is selected and all look the same. */
export function selectedEdges(
  data: CircuitData,
  shown: readonly number[],
  { node, query }: Selection,
): number[] | null {
  const wanted = normal(query);
  if (node === null && wanted === '') return null;
  return shown.filter((edge) => {
    if (node !== null && fromNode(data, edge) !== node && toNode(data, edge) !== node) return false;
    return wanted === '' || matches(data, edge, wanted);
  });
}

/** A whole name of a node finds that node only (`A1.1` not `A1.11`); else any part of the edge's name does. */
function matches(data: CircuitData, edge: number, wanted: string): boolean {
  const ends = [data.nodes[fromNode(data, edge)]!.name, data.nodes[toNode(data, edge)]!.name].map(normal);
  if (namesOf(data).has(wanted)) return ends.includes(wanted);
  return normal(edgeName(data, edge)).includes(wanted);
}

/** Case, spaces and the kind of arrow do not matter. */
const normal = (text: string): string => text.toLowerCase().replaceAll(/[→➔]/g, '->').replaceAll(/\s+/g, '');

const known = new WeakMap<CircuitData, ReadonlySet<string>>();
function namesOf(data: CircuitData): ReadonlySet<string> {
  const names = known.get(data) ?? new Set(data.nodes.map(({ name }) => normal(name)));
  known.set(data, names);
  return names;
}
