/**
 * @file The circuit of indirect object identification in GPT-2 small: Wang, Variengien, Conmy, Shlegeris and Steinhardt 2022,
 * "Interpretability in the Wild" (https://arxiv.org/abs/2211.00593): its 26 heads in seven groups, and which group reads which.
 */
import type { Graph, OfficialCircuit } from '@auto-circuit/core/plugin';
import { type EdgeList, edgeList, type Head, headNames, type Inputs, mlpNames } from '../official/edge-list.js';
import { GPT2_SMALL } from '../official/paper-models.js';

type Group = keyof typeof IOI_HEADS;
/** The heads of the paper's figure 2, by what they do. */
export const IOI_HEADS = {
  'previous token': [
    [2, 2],
    [4, 11],
  ],
  'duplicate token': [
    [0, 1],
    [0, 10],
    [3, 0],
  ],
  induction: [
    [5, 5],
    [5, 8],
    [5, 9],
    [6, 9],
  ],
  'S-inhibition': [
    [7, 3],
    [7, 9],
    [8, 6],
    [8, 10],
  ],
  'name mover': [
    [9, 6],
    [9, 9],
    [10, 0],
  ],
  'backup name mover': [
    [9, 0],
    [9, 7],
    [10, 1],
    [10, 2],
    [10, 6],
    [10, 10],
    [11, 2],
    [11, 9],
  ],
  'negative name mover': [
    [10, 7],
    [11, 10],
  ],
} as const satisfies Readonly<Record<string, readonly Head[]>>;

/** The word at which a group's heads write. */
const WRITES_AT: Readonly<Record<Group, string>> = {
  'previous token': 'S1+1',
  'duplicate token': 'S2',
  induction: 'S2',
  'S-inhibition': 'end',
  'name mover': 'end',
  'backup name mover': 'end',
  'negative name mover': 'end',
};
const MOVERS: readonly Group[] = ['name mover', 'backup name mover', 'negative name mover'];

/** What a group reads: from the embeddings or other groups, through which inputs, at which word. */
interface Reading {
  readonly from: 'start' | Group;
  readonly to: readonly Group[];
  readonly inputs: Inputs;
  readonly at: string;
}
const READINGS: readonly Reading[] = [
  { from: 'start', to: ['previous token'], inputs: ['Q'], at: 'S1+1' },
  { from: 'start', to: ['previous token'], inputs: ['K', 'V'], at: 'S1' },
  { from: 'start', to: ['duplicate token', 'induction'], inputs: ['Q'], at: 'S2' },
  { from: 'start', to: ['duplicate token'], inputs: ['K', 'V'], at: 'S1' },
  { from: 'previous token', to: ['induction'], inputs: ['K', 'V'], at: 'S1+1' },
  { from: 'start', to: ['S-inhibition'], inputs: ['Q'], at: 'end' },
  { from: 'duplicate token', to: ['S-inhibition'], inputs: ['K', 'V'], at: 'S2' },
  { from: 'induction', to: ['S-inhibition'], inputs: ['K', 'V'], at: 'S2' },
  { from: 'S-inhibition', to: MOVERS, inputs: ['Q'], at: 'end' },
  { from: 'start', to: MOVERS, inputs: ['K', 'V'], at: 'IO' },
];

const headsOf = (groups: readonly Group[]): string[] => groups.flatMap((group) => headNames(IOI_HEADS[group]));
const sourcesOf = (from: Reading['from']): string[] => (from === 'start' ? ['Resid Start'] : headsOf([from]));

function byReadings(add: EdgeList['connect']): void {
  for (const { from, to, inputs, at } of READINGS) add(sourcesOf(from), headsOf(to), [at], inputs);
  add(headsOf(MOVERS), ['Resid End'], ['end']);
}

/** The paper leaves MLPs running: between two groups, at the word where one reads, all paths through MLPs are in. */
function edges(graph: Graph, wordIdxs: Readonly<Record<string, number>>): readonly string[] {
  const list = edgeList('IOI', graph, GPT2_SMALL, wordIdxs);
  byReadings(list.connectThroughMlps);
  return list.names();
}

/** Of the MLPs only the first, which extends the embeddings: it stands beside `Resid Start`. */
function mlp0Only(graph: Graph, wordIdxs: Readonly<Record<string, number>>): readonly string[] {
  const list = edgeList('IOI', graph, GPT2_SMALL, wordIdxs);
  byReadings(list.connect);
  const fromStart = READINGS.filter(({ from }) => from === 'start');
  for (const { to, inputs, at } of fromStart) {
    list.connect(['MLP 0'], headsOf(to), [at], inputs);
    list.connect(['Resid Start'], ['MLP 0'], [at]);
  }
  return list.names();
}

/**
 * The paper's own test of the circuit: heads outside it are knocked out, each head inside runs at the word where it writes,
 * MLPs and embeddings run everywhere. Edges that change nothing, such as those into heads outside, are left out.
 */
function nodes(graph: Graph, wordIdxs: Readonly<Record<string, number>>): readonly string[] {
  const list = edgeList('IOI', graph, GPT2_SMALL, wordIdxs);
  const groups = Object.keys(IOI_HEADS) as Group[];
  const mlps = mlpNames(0, GPT2_SMALL.layers - 1);
  const everywhere = Array.from({ length: list.positions ?? 1 }, (_, position) => position);
  for (const at of everywhere) {
    const here = (group: Group): boolean => list.positions === null || list.position(WRITES_AT[group]) === at;
    const sources = ['Resid Start', ...mlps, ...headsOf(groups.filter(here))];
    list.connect(sources, mlps, [at]);
    list.connect(sources, headsOf(groups.filter(here)), [at], ['Q']);
    const seenLater = groups.filter((group) => list.positions === null || at <= list.position(WRITES_AT[group]));
    list.connect(sources, headsOf(seenLater), [at], ['K', 'V']);
    if (list.positions === null || at === list.position('end')) list.connect(sources, ['Resid End'], [at]);
  }
  return list.namesWithPathOut();
}

const PAPER = 'Wang et al. 2022';
/** The known circuits of IOI by name. */
export const IOI_CIRCUITS: Readonly<Record<string, OfficialCircuit>> = Object.freeze({
  edges: { doc: `what the 26 heads read and write by ${PAPER}, with the ways through MLPs between them`, edges },
  nodes: { doc: `all edges among embeddings, MLPs and the 26 heads of ${PAPER}`, edges: nodes },
  'mlp-0-only': { doc: `what the 26 heads read and write by ${PAPER}; of the MLPs only the first`, edges: mlp0Only },
});
