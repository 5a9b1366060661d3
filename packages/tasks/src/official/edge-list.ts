/** @file A list of edge names that grows group by group: "these nodes write to those nodes, at this word". */
import {
  AutoCircuitError,
  connectedPart,
  type DestinationNode,
  edgeAt,
  edgeName,
  edgesByName,
  type Graph,
  makeCircuit,
  type SourceNode,
} from '@auto-circuit/core/plugin';

import type { PaperModel } from './paper-models.js';

/** `A9.9` as [9, 9]. */
export type Head = readonly [layer: number, head: number];

/** A word, by its name among the task's word indices, or a position. */
export type At = string | number;
/** Inputs of attention heads; where Q, K and V are joint, each stands for the one input. */
export type Inputs = readonly ('Q' | 'K' | 'V')[];

/** Edge names as they are added. */
export interface EdgeList {
  /** The names so far, each once, in the order added. */
  names(): readonly string[];
  /** Those of them from which a path leads to the output. */
  namesWithPathOut(): readonly string[];
  /**
   * Adds every edge that the graph has from one of the sources to one of the destinations, read at these words.
   * Destinations are `A9.9` (its `inputs`), `MLP 3` or `Resid End`.
   */
  connect(sources: readonly string[], destinations: readonly string[], at: readonly At[], inputs?: Inputs): void;
  /** The same, and the paths through MLPs of the layers between, at the same words. */
  connectThroughMlps(
    sources: readonly string[],
    destinations: readonly string[],
    at: readonly At[],
    inputs?: Inputs,
  ): void;
  /** The position of a word. */
  position(word: string): number;
  /** Number of token positions; null when edges have none. */
  readonly positions: number | null;
}

/** `[[9, 9]]` → `['A9.9']`. */
export const headNames = (heads: readonly Head[]): string[] => heads.map(([layer, head]) => `A${layer}.${head}`);
/** The MLPs of these layers, both ends included. */
export const mlpNames = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `MLP ${first + i}`);

/**
 * An empty list for a graph.
 * @param circuit what errors call the circuit
 * @throws AutoCircuitError when the graph is not the factorized graph of the paper's model
 */
export function edgeList(
  circuit: string,
  graph: Graph,
  model: PaperModel,
  wordIdxs: Readonly<Record<string, number>>,
): EdgeList {
  checkModel(circuit, graph, model);
  const { positions } = graph.options;
  const names = new Set<string>();
  const sourcesByName = new Map(graph.sources.map((node) => [node.name, node]));
  const destinationsByName = new Map(graph.destinations.map((node) => [node.name, node]));

  const position = (word: string): number => {
    const at = wordIdxs[word];
    if (at !== undefined) return at;
    throw new AutoCircuitError({
      code: 'unknown-word-position',
      fields: { circuit, word },
      where: 'official circuit',
      what: `the circuit of ${circuit} needs the position of "${word}"`,
      expected: 'a data set with "word_idxs" that name it',
      got: Object.keys(wordIdxs).join(', ') || 'no word_idxs',
      fix: 'use the prompts of the task itself, or a graph without token positions',
    });
  };
  const positionsOf = (at: readonly At[]): readonly (number | null)[] =>
    positions === null ? [null] : at.map((word) => (typeof word === 'string' ? position(word) : word));
  const nodesRead = (destination: string, inputs: Inputs): readonly DestinationNode[] => {
    if (!destination.startsWith('A')) return [known(destinationsByName, destination, circuit)];
    if (!graph.options.splitQkv) return [known(destinationsByName, destination, circuit)];
    return inputs.map((input) => known(destinationsByName, `${destination}.${input}`, circuit));
  };
  const reads = (destination: DestinationNode, source: SourceNode): boolean => {
    const { start, stop } = graph.destinationBlocks[destination.block]!.sources;
    return source.index >= start && source.index < stop;
  };
  const connect: EdgeList['connect'] = (sources, destinations, at, inputs = ['Q', 'K', 'V']) => {
    for (const destination of destinations.flatMap((name) => nodesRead(name, inputs))) {
      for (const name of sources) {
        const source = known(sourcesByName, name, circuit);
        if (!reads(destination, source)) continue;
        for (const place of positionsOf(at)) names.add(edgeName(source, destination, place));
      }
    }
  };
  return Object.freeze({
    names: () => Object.freeze([...names]),
    namesWithPathOut: () => {
      const all = makeCircuit(
        graph,
        [...names].flatMap((name) => edgesByName(graph, name)),
      );
      const { edges } = connectedPart(all, { requireWayIn: false, requireWayOut: true });
      return Object.freeze(edges.map((number) => edgeAt(graph, number).name));
    },
    connect,
    connectThroughMlps: (sources, destinations, at, inputs) => {
      const first = Math.min(...sources.map((name) => known(sourcesByName, name, circuit).layer));
      const last = Math.max(
        ...destinations.flatMap((name) => nodesRead(name, inputs ?? ['Q'])).map((node) => node.layer),
      );
      const relays = graph.sources
        .filter((node) => node.name.startsWith('MLP ') && node.layer > first && node.layer < last)
        .map((node) => node.name);
      connect([...sources, ...relays], destinations, at, inputs);
      connect([...sources, ...relays], relays, at);
    },
    position,
    positions,
  } satisfies EdgeList);
}

function known<N>(nodes: ReadonlyMap<string, N>, name: string, circuit: string): N {
  const node = nodes.get(name);
  if (node !== undefined) return node;
  throw new AutoCircuitError({
    code: 'unknown-node',
    fields: { name, known: [...nodes.keys()] },
    where: 'official circuit',
    what: `the circuit of ${circuit} names ${name}, which the graph lacks`,
  });
}

function checkModel(circuit: string, graph: Graph, { name, ...wanted }: PaperModel): void {
  const { layout, options } = graph;
  const shape = ({ layers, heads, mlp, parallel }: Omit<PaperModel, 'name'>): string =>
    `${layers} layers of ${heads} heads${mlp ? '' : ' without MLPs'}${parallel ? ', attention and MLP side by side' : ''}`;
  const got = layout.kind === 'transformer' ? shape(layout) : `a ${layout.kind} model`;
  if (got !== shape(wanted)) {
    throw new AutoCircuitError({
      code: 'graph-mismatch',
      fields: { circuit, model: name },
      where: 'official circuit',
      what: `the circuit of ${circuit} is one of ${name}`,
      expected: shape(wanted),
      got,
      fix: `use ${name}`,
    });
  }
  if (options.factorized) return;
  throw new AutoCircuitError({
    code: 'unsupported-graph',
    fields: { circuit },
    where: 'official circuit',
    what: `the circuit of ${circuit} has edges between heads and MLPs, and the residual graph has none`,
    fix: 'use a factorized graph',
  });
}
