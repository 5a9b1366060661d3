/** @file The selection `ilp`: of all circuits of n edges in which every edge lies on a path from input to output, the one of largest total. */
import {
  arxivPaper,
  defineSelection,
  type Graph,
  importances,
  type SelectionDefinition,
} from '@auto-circuit/core/plugin';
import { type CircuitProgram, circuitProgram } from './program.js';
import { loadSolver, type SolvedCircuit, solvedCircuit } from './solver.js';

/** The constraints of a graph do not depend on scores. */
const programs = new WeakMap<Graph, CircuitProgram>();
function programOf(graph: Graph): CircuitProgram {
  const program = programs.get(graph) ?? circuitProgram(graph);
  programs.set(graph, program);
  return program;
}

/**
 * Exactly n edges of the largest total importance, each of them on a path from the input to the output: what `top` takes where that is
 * connected, and what greedy growth only approximates. Found by integer programming, and shown to be the best. Nikankin et al.
 * 2025 (https://arxiv.org/abs/2510.25786) choose circuits so for MIB; the program here is our own.
 *
 * The solver is loaded by `prepare`, which the command line calls; a script calls it once. A circuit is solved anew for every size, in
 * well under a second for 262 edges and in seconds for 3,600; 32,000 edges do not fit in a minute.
 */
export const ilp: SelectionDefinition = defineSelection({
  name: 'ilp',
  doc: 'exactly n: the largest total |score| with every edge on a path from input to output, exact by integer programming',
  formula: 'max Σ x_e · importance(e), Σ x_e = n, every kept edge on a path of kept edges from input to output',
  use: 'Where a connected circuit is wanted and greedy growth may miss the best. For graphs of up to some thousand edges.',
  papers: [arxivPaper('2510.25786', 'Nikankin et al.', 2025, 'BlackboxNLP-2025 MIB Shared Task: Improving Circuit Faithfulness via Better Edge Selection')], // biome-ignore format: one line
  options: {
    seconds: { type: 'number', doc: 'the longest that one size may take', default: 60, min: 0.1 },
    gap: {
      type: 'number',
      doc: 'how far below the best total a circuit may be, as a share of it; 0: it is shown to be the best',
      default: 0,
      min: 0,
      max: 1,
    },
  },
  prepare: loadSolver,
  select({ graph, scores, rankBy }, limits) {
    const weights = weightsOf(importances(graph, scores, rankBy));
    const solved = new Map<number, SolvedCircuit>();
    const of = (n: number): SolvedCircuit => {
      const known = solved.get(n);
      if (known) return known;
      const circuit = trivial(graph, n) ?? solvedCircuit(programOf(graph), weights, n, limits);
      solved.set(n, circuit);
      return circuit;
    };
    return { count: (n) => of(n).edges.length, edges: (n) => of(n).edges, gap: (n) => of(n).gap };
  },
});

/** Nothing, or everything: the whole model is a circuit, whatever its scores. */
function trivial({ edgeCount }: Graph, n: number): SolvedCircuit | null {
  if (n === 0) return { edges: [], gap: 0 };
  return n === edgeCount ? { edges: Array.from({ length: edgeCount }, (_, edge) => edge), gap: 0 } : null;
}

/** Importances beside the largest finite one; an infinite one outweighs all others together. */
function weightsOf(importance: Float64Array): Float64Array {
  const largest = importance.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0) || 1;
  return importance.map((x) => (Number.isFinite(x) ? x / largest : Math.sign(x) * (importance.length + 1)));
}
