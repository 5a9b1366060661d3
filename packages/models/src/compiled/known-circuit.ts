/**
 * @file The exact circuit of a compiled program, by its construction: a node reads the variables of its operation and
 * nothing else, and every variable has one writer, so an edge is in exactly when its source writes what its destination
 * reads. Everything else that a source writes meets weights of 0 in the destination.
 */
import { AutoCircuitError, edgesByName, type Graph } from '@auto-circuit/core/plugin';
import type { CompiledProgram } from './compile.js';
import type { Operation, Variable } from './plan.js';

/**
 * Against which ablation the circuit is the exact one:
 * - `zero`: every edge whose value is used;
 * - `resample`: of those, the ones whose value can differ between two prompts of one length. Positions, lengths and what is
 *   computed of them are the same in the other prompt, so patching them changes nothing.
 */
export type KnownUnder = 'zero' | 'resample';

/** An edge of a known circuit. */
export interface KnownEdge {
  readonly source: string;
  /** With separate Q, K and V. */
  readonly destination: string;
  /** Why it is in: the variable that the destination reads. */
  readonly carries: string;
  /** Where the variable is anything but 0. */
  readonly at: Variable['at'];
  readonly under: readonly KnownUnder[];
}

/** The edges of the circuit in the order of computation. */
export function knownEdges({ plan }: CompiledProgram): KnownEdge[] {
  const edge = (destination: string, variable: Variable): KnownEdge => ({
    source: variable.writer,
    destination,
    carries: variable.name,
    at: variable.at,
    under: variable.varies ? ['zero', 'resample'] : ['zero'],
  });
  const edges = plan.operations.flatMap((op) =>
    readsOf(op).map(([destination, variable]) => edge(destination, variable)),
  );
  return [...edges, edge('Resid End', plan.output)];
}

function readsOf(op: Operation): [destination: string, variable: Variable][] {
  if (op.kind === 'mlp') return op.reads.map((variable) => [op.node, variable]);
  const { selector, value, node } = op;
  const looking: [string, Variable][] = selector
    ? [
        [`${node}.Q`, selector.queries],
        [`${node}.K`, selector.keys],
      ]
    : [];
  return [...looking, [`${node}.V`, value]];
}

/**
 * Canonical numbers of the circuit's edges, ascending. With token positions, an edge is in at the positions where what it
 * carries is not 0: at all tokens, or at BOS.
 * @throws AutoCircuitError for the residual graph, which has no such edges
 */
export function circuitOfProgram(program: CompiledProgram, graph: Graph, under: KnownUnder): number[] {
  const { factorized, splitQkv, positions } = graph.options;
  if (!factorized) {
    throw new AutoCircuitError({
      code: 'unsupported-graph',
      where: 'compiled',
      what: 'the known circuit has edges between heads and MLPs, which the residual graph does not have',
      fix: 'use a factorized graph',
    });
  }
  const numbers = knownEdges(program)
    .filter((edge) => edge.under.includes(under))
    .flatMap(({ source, destination, at }) => {
      const name = `${source}->${splitQkv ? destination : destination.replace(/\.[QKV]$/, '')}`;
      const [first, last] = at === 'bos' ? [0, 0] : [1, (positions ?? 1) - 1];
      if (positions === null) return edgesByName(graph, name);
      return Array.from({ length: last - first + 1 }, (_, i) => edgesByName(graph, `${name}@${first + i}`)).flat();
    });
  return [...new Set(numbers)].sort((a, b) => a - b);
}
