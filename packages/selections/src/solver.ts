/** @file HiGHS (Huangfu and Hall 2018, doi 10.1007/s12532-017-0130-5), as WebAssembly: loaded when it is first needed. */
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import type { Highs } from 'highs';
import type { CircuitProgram, SparseRows } from './program.js';

let loaded: Highs | null = null;

/** Loads the solver; once is enough. */
export async function loadSolver(): Promise<void> {
  // Its types are those of the CommonJS build, of which the loader is the `default`; that of the module is the loader itself.
  const { default: load } = (await import('highs')) as unknown as { readonly default: typeof import('highs').default };
  loaded ??= await load();
}

/** A circuit that was found, and how sure it is that none is better. */
export interface SolvedCircuit {
  /** Canonical numbers. */
  readonly edges: readonly number[];
  /** By how much the best total may be above that of these edges, as a share of it. */
  readonly gap: number;
}
/** Limits of the search. */
export interface SearchLimits {
  readonly seconds: number;
  /** The share of the total that is not worth the search. */
  readonly gap: number;
}

/**
 * The connected circuit of exactly `size` edges with the largest total, to within what a float holds beside the largest weight (1e-6 of it).
 * @param weights by edge, finite, the largest of size 1: [edges]
 * @throws AutoCircuitError `not-solved` where the time did not do, or no circuit of this size is connected
 */
export function solvedCircuit(
  program: CircuitProgram,
  weights: Float64Array,
  size: number,
  { seconds, gap }: SearchLimits,
): SolvedCircuit {
  const highs = loaded;
  if (!highs) {
    throw new AutoCircuitError({
      code: 'not-solved',
      fields: { edges: size },
      where: 'ilp',
      what: 'the solver is not loaded yet',
      fix: 'await ilp.prepare() before circuits are chosen',
    });
  }
  const { columns, edges } = program;
  const rows = joined(program.nodes, program.ofEdges(weights.keys()));
  const rowLower = new Float64Array(rows.rows).fill(-highs.infinity);
  const rowUpper = new Float64Array(rows.rows);
  rowLower[0] = rowUpper[0] = size;
  const colCost = new Float64Array(columns);
  colCost.set(weights);
  return highs.withModel(
    {
      numCols: columns,
      numRows: rows.rows,
      sense: highs.constants.objectiveSense.maximize,
      colCost,
      colLower: new Float64Array(columns),
      colUpper: new Float64Array(columns).fill(1),
      rowLower,
      rowUpper,
      matrix: { format: 'csr', numRows: rows.rows, numCols: columns, ...rows },
      integrality: Int32Array.from({ length: columns }, (_, i) => (i < edges ? 1 : 0)),
    },
    (model) => {
      model.options.set({ output_flag: false, mip_rel_gap: gap, mip_abs_gap: 0, time_limit: seconds });
      const { modelStatus } = model.run();
      const { optimal, infeasible } = highs.constants.modelStatus;
      if (modelStatus === infeasible) throw noSuchCircuit(size);
      const found = Number(model.info.get('mip_gap'));
      if (modelStatus !== optimal) throw notSolved(size, edges, seconds, found);
      const { colValue } = model.getSolution();
      const kept = Array.from({ length: edges }, (_, edge) => edge).filter((edge) => colValue[edge]! > 0.5);
      return { edges: kept, gap: found };
    },
  );
}

/** Two sets of rows over the same variables, one after the other. */
function joined(first: SparseRows, second: SparseRows): SparseRows {
  const offset = first.indices.length;
  return {
    rows: first.rows + second.rows,
    starts: Int32Array.from([...first.starts, ...second.starts.subarray(1).map((start) => start + offset)]),
    indices: Int32Array.from([...first.indices, ...second.indices]),
    values: Float64Array.from([...first.values, ...second.values]),
  };
}

const noSuchCircuit = (size: number): AutoCircuitError =>
  new AutoCircuitError({
    code: 'not-solved',
    fields: { edges: size },
    where: 'ilp',
    what: `no circuit of exactly ${size} edges has each of them on a path from the input to the output`,
    fix: 'ask for another size, or choose circuits in another way',
  });

const notSolved = (size: number, edges: number, seconds: number, gap: number): AutoCircuitError =>
  new AutoCircuitError({
    code: 'not-solved',
    fields: { edges: size, seconds, ...(Number.isFinite(gap) ? { gap } : {}) },
    where: 'ilp',
    what: `the best circuit of ${size} of ${edges} edges was not found, or not shown to be the best, in ${seconds} s`,
    got: Number.isFinite(gap) ? `one that is within ${(100 * gap).toPrecision(2)} % of the best` : 'none',
    fix: `give it more time, ilp(seconds=${10 * seconds}); stop short of the best, ilp(gap=0.02); or choose circuits in another way: greedy ones lead to the output, too`,
  });
