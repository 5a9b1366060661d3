/** @file The contract of a selection: circuits of every size, of edges that the graph has, the same from the same scores. */
import { edgeSelection, type Selecting } from '../graph/edge-ranking.js';
import type { RankBy } from '../graph/edge-ranking-names.js';
import { unflattenScores } from '../graph/score-index.js';
import type { Graph, PruneScores } from '../graph/types.js';
import { uniformAt } from '../numeric/counter-random.js';
import { parseOptions } from '../plugin/option-values.js';
import { chooseSelection, type SelectionDefinition } from '../plugin/selection.js';
import { type ContractCheck, require } from './contract.js';
import { contributionChecks } from './contribution-checks.js';
import { smallGraph, stagedGraph } from './graphs.js';

/** How a selection is tried. */
export interface SelectionContractOptions {
  /** Options other than the defaults to run the suite with. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Whether edges are taken whatever their scores are, as at random. Default: no. */
  readonly ignoresScores?: boolean;
}

const BYS: readonly RankBy[] = ['absolute', 'signed'];

/**
 * Every check of a selection: name, doc and options; for every size a circuit of as many edges as it says, each once; none for
 * size 0 and all for the largest; larger sizes never give fewer edges; the same twice; scores left as they were; equal scores,
 * infinite ones and graphs with token positions; with and without standard errors, under both rankings.
 */
export function selectionContract(
  definition: SelectionDefinition,
  { options, ignoresScores = false }: SelectionContractOptions = {},
): ContractCheck[] {
  const how: Selecting = chooseSelection(definition, parseOptions(definition.options, options ?? {}, definition.name));
  const graphs: readonly Graph[] = [stagedGraph(), smallGraph(), smallGraph({ positions: 2 })];
  const check = (name: string, run: () => void): ContractCheck => ({ name, run: async () => run() });
  const everySize = (graph: Graph, scores: PruneScores, standardErrors?: PruneScores): void => {
    for (const rankBy of BYS) {
      const selection = edgeSelection(graph, scores, how, { rankBy, standardErrors });
      let before = 0;
      for (let n = 0; n <= graph.edgeCount; n++) {
        const edges = selection.edges(n);
        const count = selection.count(n);
        require(edges.length === count, `count(${n}) is not the number of its edges`, `${edges.length}`, `${count}`);
        require(new Set(edges).size === count, `an edge of the circuit of ${n} stands twice`);
        require(edges.every(
          (e) => Number.isInteger(e) && e >= 0 && e < graph.edgeCount,
        ), `an edge of the circuit of ${n} is none`);
        require(count >=
          before, `the circuit of ${n} edges is smaller than that of ${n - 1}`, `${before} at least`, `${count}`);
        before = count;
      }
      require(selection.count(0) === 0, 'the circuit of 0 edges has some', '0', `${selection.count(0)}`);
      require(before ===
        graph.edgeCount, 'the largest circuit is not the whole graph', `${graph.edgeCount}`, `${before}`);
    }
  };
  return [
    ...contributionChecks(definition),
    check('gives circuits of every size, with and without standard errors', () => {
      for (const graph of graphs) {
        everySize(graph, madeScores(graph, 1), madeScores(graph, 2, Math.abs));
        everySize(graph, madeScores(graph, 1));
      }
    }),
    check('takes equal scores, and infinite ones', () => {
      for (const graph of graphs) {
        everySize(graph, unflattenScores(graph, new Float32Array(graph.edgeCount)));
        everySize(
          graph,
          madeScores(graph, 3, (x) => (x > 0.5 ? Number.POSITIVE_INFINITY : Math.round(2 * x))),
        );
      }
    }),
    check('follows the scores', () => {
      const graph = graphs[1]!;
      const half = (of: (x: number) => number): string =>
        [...edgeSelection(graph, madeScores(graph, 5, of), how).edges(Math.floor(graph.edgeCount / 2))].join();
      // what was important is not: 1 − |x| turns the order around
      const follows = half((x) => x) !== half((x) => Math.sign(x) * (1 - Math.abs(x)));
      if (ignoresScores) require(!follows, 'other scores gave other edges');
      else require(follows, 'the order of scores turned around gave the same edges');
    }),
    check('gives the same twice, and leaves scores as they were', () => {
      const graph = graphs[1]!;
      const scores = madeScores(graph, 4);
      const before = JSON.stringify(scores);
      const [a, b] = [0, 1].map(() => edgeSelection(graph, scores, how).edges(Math.floor(graph.edgeCount / 2)));
      require([...a!].join() === [...b!].join(), 'the same scores gave other edges');
      require(JSON.stringify(scores) === before, 'the selection changed the scores');
    }),
  ];
}

/** In [−1, 1), by edge. */
const madeScores = (graph: Graph, salt: number, of: (x: number) => number = (x) => x): PruneScores =>
  unflattenScores(
    graph,
    Float32Array.from({ length: graph.edgeCount }, (_, edge) => of(2 * uniformAt(13, salt, edge) - 1)),
  );
