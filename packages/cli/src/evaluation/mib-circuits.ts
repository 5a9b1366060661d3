/** @file Which circuits `--protocol mib` measures: ten shares of the edges or nodes, with what is disconnected pruned. */
import type { Circuit, Graph, PruneScores } from '@auto-circuit/core';
import type { NodeScores, RankBy, Selecting } from '@auto-circuit/core/plugin';
import { AutoCircuitError } from '@auto-circuit/core/startup';

/** Scores that circuits are chosen by. */
export interface MibScored {
  readonly scores: PruneScores;
  readonly standardErrors?: PruneScores | undefined;
  readonly nodes: NodeScores | null;
}
/** How they are chosen. */
export interface MibChoice {
  readonly level: 'edge' | 'node';
  readonly select: Selecting;
  readonly rankBy: RankBy;
}
/** One of the ten circuits. */
export interface MibCircuit {
  readonly fraction: number;
  /** How many edges or nodes were asked for. */
  readonly asked: number;
  /** Pruned: its edges lie on paths from the input to the output. */
  readonly circuit: Circuit;
}

/** The ten circuits, smallest first. @throws AutoCircuitError for nodes without scores */
export async function mibCircuits(graph: Graph, scored: MibScored, choice: MibChoice): Promise<MibCircuit[]> {
  const { connectedPart, makeCircuit } = await import('@auto-circuit/core');
  const { MIB_FRACTIONS, mibEdgeCounts } = await import('@auto-circuit/metrics');
  const { count, edges } = await (choice.level === 'edge' ? chosenEdges : chosenNodes)(graph, scored, choice);
  const counts = mibEdgeCounts(count);
  return MIB_FRACTIONS.map((fraction, i) => {
    const circuit = makeCircuit(graph, edges(counts[i]!));
    return {
      fraction,
      asked: counts[i]!,
      circuit: connectedPart(circuit, { requireWayIn: true, requireWayOut: true }),
    };
  });
}

interface Chosen {
  /** Of how many the shares are. */
  readonly count: number;
  edges(asked: number): readonly number[];
}

async function chosenEdges(
  graph: Graph,
  { scores, standardErrors }: MibScored,
  { select, rankBy }: MibChoice,
): Promise<Chosen> {
  const { edgeSelection } = await import('@auto-circuit/core/run');
  const selection = edgeSelection(graph, scores, select, { rankBy, standardErrors });
  return { count: graph.edgeCount, edges: (asked) => selection.edges(asked) };
}

/** All edges out of the best nodes. A node without a score (∞) is always in, and does not count. */
async function chosenNodes(graph: Graph, { nodes }: MibScored, { rankBy }: MibChoice): Promise<Chosen> {
  if (!nodes) {
    throw new AutoCircuitError({
      code: 'wrong-scores',
      fields: { level: 'node' },
      where: 'evaluate',
      what: 'there are no scores of nodes to choose by',
      fix: 'take a run of node-attribution, a file with scores of nodes, or --level edge',
    });
  }
  const { edgeAt } = await import('@auto-circuit/core');
  const values = nodes.scores.data; // [position?, sources]
  const importance = (node: number): number => (rankBy === 'absolute' ? Math.abs(values[node]!) : values[node]!);
  const all = Array.from(values.keys());
  const order = all
    .filter((node) => Number.isFinite(values[node]!))
    .sort((a, b) => importance(b) - importance(a) || a - b);
  const unscored = all.filter((node) => !Number.isFinite(values[node]!));
  const nodeOf = (edge: number): number => {
    const { source, position } = edgeAt(graph, edge);
    return (position ?? 0) * graph.sources.length + source.index;
  };
  const sourceOf = Array.from({ length: graph.edgeCount }, (_, edge) => nodeOf(edge));
  return {
    count: order.length,
    edges(asked) {
      const inside = new Set([...order.slice(0, asked), ...unscored]);
      return sourceOf.flatMap((node, edge) => (inside.has(node) ? [edge] : []));
    },
  };
}

/** MIB's second form: nine circuits without scores, each of at most so many edges, and the whole model. */
export async function nineCircuits(graph: Graph, circuits: readonly Circuit[], name: string): Promise<MibCircuit[]> {
  const { makeCircuit, connectedPart } = await import('@auto-circuit/core');
  const { MIB_FRACTIONS, mibEdgeCounts } = await import('@auto-circuit/metrics');
  const counts = mibEdgeCounts(graph.edgeCount);
  if (circuits.length !== counts.length - 1) {
    throw new AutoCircuitError({
      code: 'unsupported-format',
      fields: { path: name, circuits: circuits.length },
      where: 'evaluate',
      what: `${name} is not a folder of circuits as MIB takes them`,
      expected: 'one file with scores, or nine circuits, at most 0.1, 0.2, 0.5, 1, 2, 5, 10, 20 and 50 % of the edges',
      got: `${circuits.length} circuits`,
    });
  }
  const rising = circuits.toSorted((a, b) => a.edges.length - b.edges.length);
  const tooLarge = rising.findIndex(({ edges }, i) => edges.length > Math.ceil(MIB_FRACTIONS[i]! * graph.edgeCount));
  if (tooLarge >= 0) {
    throw new AutoCircuitError({
      code: 'circuit-mismatch',
      fields: { path: name, edges: rising[tooLarge]!.edges.length, most: counts[tooLarge]! },
      where: 'evaluate',
      what: `circuit ${tooLarge + 1} of ${name}, by size, is too large for MIB`,
      expected: `at most ${counts[tooLarge]} edges (${MIB_FRACTIONS[tooLarge]! * 100} %)`,
      got: `${rising[tooLarge]!.edges.length}`,
    });
  }
  const whole = makeCircuit(
    graph,
    Array.from({ length: graph.edgeCount }, (_, edge) => edge),
  );
  return [...rising, whole].map((circuit, i) => ({
    fraction: MIB_FRACTIONS[i]!,
    asked: circuit.edges.length,
    circuit: connectedPart(circuit, { requireWayIn: true, requireWayOut: true }),
  }));
}
