/**
 * @file The choice of a circuit as an integer program: a variable for each edge, 1 where it is kept, and constraints that leave no
 * kept edge without a path from the input and a path to the output.
 *
 * The graph has no cycles, so a path is a matter of neighbours: an edge lies on one where something kept leads on from its destination
 * and something kept leads to its source, all the way. Of every node (at each position) there are two variables: whether it may be read
 * (something kept arrives at it), and whether it may be written to (something kept leads on from it). They need not be whole: they are bounded
 * by sums of kept edges, which are.
 */
import { attentionOf, edgeEnds, type Graph, innerLinks, reachOf } from '@auto-circuit/core/plugin';

/** Bounds of sums of variables: row by row, Σ coefficients · variables ≤ 0, as a sparse matrix. */
export interface SparseRows {
  readonly rows: number;
  /** Where each row starts: [rows + 1] */
  readonly starts: Int32Array;
  /** The variable of each coefficient, and the coefficient. */
  readonly indices: Int32Array;
  readonly values: Float64Array;
}

/** The program of a graph. All variables lie between 0 and 1; those of edges are whole. */
export interface CircuitProgram {
  /** Variables: edges by canonical number, then those of nodes. */
  readonly columns: number;
  readonly edges: number;
  /** What bounds the variables of nodes. The first row is no bound of them, but the number of edges. */
  readonly nodes: SparseRows;
  /** What bounds an edge: that something kept leads on from its destination, and something kept leads to its source. */
  ofEdges(edges: Iterable<number>): SparseRows;
}

/** Rows of a sparse matrix, as they are appended. */
class Rows {
  readonly #starts = [0];
  readonly #indices: number[] = [];
  readonly #values: number[] = [];

  /** Σ of these variables. */
  sum(variables: Iterable<number>): void {
    for (const variable of variables) this.#put(variable, 1);
    this.#starts.push(this.#indices.length);
  }
  /** variable − Σ bounds */
  atMost(variable: number, bounds: Iterable<number>): void {
    this.#put(variable, 1);
    for (const bound of bounds) this.#put(bound, -1);
    this.#starts.push(this.#indices.length);
  }
  #put(variable: number, coefficient: number): void {
    this.#indices.push(variable);
    this.#values.push(coefficient);
  }
  get matrix(): SparseRows {
    return {
      rows: this.#starts.length - 1,
      starts: Int32Array.from(this.#starts),
      indices: Int32Array.from(this.#indices),
      values: Float64Array.from(this.#values),
    };
  }
}

/** The program of a graph. */
export function circuitProgram(graph: Graph): CircuitProgram {
  const { edgeCount } = graph;
  const positions = graph.options.positions ?? 1;
  const links = innerLinks(graph);
  const reach = reachOf(graph, attentionOf(graph));
  const end = graph.destinations.length - 1;
  let columns = edgeCount;
  /** The first of the variables of these nodes; node by node, position by position. */
  const variables = (nodes: readonly unknown[]): number => {
    const first = columns;
    columns += nodes.length * positions;
    return first;
  };
  // of destinations: something kept leads on from it, arrives at it; of sources: its output is kept somewhere, something kept leads to it
  const [goesOn, arrived] = [variables(graph.destinations), variables(graph.destinations)];
  const [kept, fed] = [variables(graph.sources), variables(graph.sources)];
  const bounds = Array.from({ length: columns - edgeCount }, (): number[] => []); // by variable
  const boundsOf = (variable: number): number[] => bounds[variable - edgeCount]!;
  for (const [destination, own] of links.entries()) {
    for (let position = 0; position < positions; position++) {
      const here = destination * positions + position;
      for (const link of own) {
        for (const to of reach(link, position)) {
          const there = link.source.index * positions + to;
          boundsOf(goesOn + here).push(kept + there);
          boundsOf(fed + there).push(arrived + here);
        }
      }
    }
  }
  const ends = Array.from({ length: edgeCount }, (_, edge) => {
    const { source, destination, position } = edgeEnds(graph, edge);
    const [from, to] = [source.index, destination.index].map((node) => node * positions + (position ?? 0));
    boundsOf(kept + from!).push(edge);
    boundsOf(arrived + to!).push(edge);
    return { source: source.index, destination: destination.index, from: from!, to: to! };
  });
  const nodes = new Rows();
  nodes.sum(ends.keys());
  for (const [i, list] of bounds.entries()) nodes.atMost(edgeCount + i, list);
  // A source that depends on no destination, as `Resid Start`, is the input's own.
  const isFed = new Set(links.flatMap((own) => own.map(({ source }) => source.index)));
  const ofEdges = (edges: Iterable<number>): SparseRows => {
    const rows = new Rows();
    for (const edge of edges) {
      const { source, destination, from, to } = ends[edge]!;
      if (destination !== end) rows.atMost(edge, [goesOn + to]);
      if (isFed.has(source)) rows.atMost(edge, [fed + from]);
    }
    return rows.matrix;
  };
  return { columns, edges: edgeCount, nodes: nodes.matrix, ofEdges };
}
