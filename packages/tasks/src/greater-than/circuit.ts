/**
 * @file The circuit of greater-than in GPT-2 small: Hanna, Liu and Variengien 2023, "How does GPT-2 compute greater-than?"
 * (https://arxiv.org/abs/2305.00586). Early heads and MLPs read the first year, six heads move it to the end, late MLPs compare.
 */
import type { Graph, OfficialCircuit } from '@auto-circuit/core/plugin';
import { edgeList, type Head, headNames, mlpNames } from '../official/edge-list.js';
import { GPT2_SMALL } from '../official/paper-models.js';

const heads = (list: readonly Head[]): string[] => headNames(list);
/** The nodes of the paper's circuit, by what they do. */
export const GREATER_THAN_NODES = {
  /** With the early MLPs they read the token of the year's second half, XX. */
  earlyHeads: heads([
    [0, 1],
    [0, 3],
    [0, 5],
  ]),
  earlyMlps: mlpNames(0, 3),
  /** They attend from the end to XX. */
  yearHeads: heads([
    [5, 5],
    [6, 1],
    [6, 9],
    [7, 10],
    [8, 11],
    [9, 1],
  ]),
  lateMlps: mlpNames(8, 11),
} as const;

/** The last MLP that a year head's query can read. */
const BEFORE_LAST_YEAR_HEAD = 8;

function edges(graph: Graph, wordIdxs: Readonly<Record<string, number>>): readonly string[] {
  const list = edgeList('greater-than', graph, GPT2_SMALL, wordIdxs);
  const { earlyHeads, earlyMlps, yearHeads, lateMlps } = GREATER_THAN_NODES;
  const early = ['Resid Start', ...earlyHeads, ...earlyMlps];
  list.connect(['Resid Start'], earlyHeads, ['XX'], ['Q', 'K', 'V']);
  list.connect(early, earlyMlps, ['XX']);
  list.connect([...earlyHeads, ...earlyMlps], yearHeads, ['XX'], ['K', 'V']);
  // The paper leaves the year heads' queries as they are. Here they read what stands at the end: the embedding and the MLPs before them.
  const before = mlpNames(0, BEFORE_LAST_YEAR_HEAD);
  list.connect(['Resid Start', ...before], before, ['end']);
  list.connect(['Resid Start', ...before], yearHeads, ['end'], ['Q']);
  list.connect([...yearHeads, ...lateMlps], lateMlps, ['end']);
  list.connect([...yearHeads, ...lateMlps], ['Resid End'], ['end']);
  return list.names();
}

/** The known circuits of greater-than by name. */
export const GREATER_THAN_CIRCUITS: Readonly<Record<string, OfficialCircuit>> = Object.freeze({
  edges: { doc: 'early heads and MLPs, six heads that read the year, late MLPs, by Hanna et al. 2023', edges },
});
