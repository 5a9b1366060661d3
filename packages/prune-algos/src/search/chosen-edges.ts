/** @file Which edges an algorithm runs that takes them one by one: all, or those that are named. */
import { AutoCircuitError, type Graph } from '@auto-circuit/core/plugin';
import { edgeList } from '../shared/edge-list.js';

/** How many of the named edges are meant. */
export const TOP_OPTION = {
  type: 'int',
  doc: 'use only the first N of `edges`; 0: all of them',
  default: 0,
  min: 0,
} as const;

/** Options of algorithms that run edge by edge. */
export const CHOSEN_EDGES = {
  edges: {
    type: 'string',
    doc: 'only these edges: names separated by commas; all others score 0. Empty: every edge',
    default: '',
  },
  top: TOP_OPTION,
} as const;

/**
 * Canonical numbers of the first `top` (0: all) edges that are named, in their order; none where none is named.
 * @throws AutoCircuitError `missing-option` where `top` is to choose among none, `unknown-edge`
 */
export function namedEdges(where: string, graph: Graph, named: string, top: number): number[] {
  const edges = [...new Set(edgeList(graph, named))];
  if (top === 0 || edges.length > 0) return edges.slice(0, top === 0 ? edges.length : top);
  throw new AutoCircuitError({
    code: 'missing-option',
    fields: { option: 'edges' },
    where,
    what: '`top` chooses among named edges, and none are named',
    expected: 'names of edges, the most important first',
    fix: 'name the edges, or leave `top` out',
  });
}

/**
 * Canonical numbers of the edges to run, ascending; all of them where none is named.
 * @throws AutoCircuitError `missing-option` where `top` is to choose among none, `unknown-edge`
 */
export function chosenEdges(where: string, graph: Graph, named: string, top: number): readonly number[] {
  const edges = namedEdges(where, graph, named, top);
  if (named.trim() === '') return Array.from({ length: graph.edgeCount }, (_, number) => number);
  return edges.sort((a, b) => a - b);
}
