/**
 * @file The circuit of docstring in the attention-only model of four layers and eight heads (`attn-only-4l`): Heimersheim and
 * Janiak 2023, "A circuit for Python docstrings in a 4-layer attention-only transformer"
 * (https://www.lesswrong.com/posts/u6KXXmKFbXfWzoAXn), with the edges that Conmy et al. 2023 (https://arxiv.org/abs/2304.14997) list for it.
 */
import type { Graph, OfficialCircuit } from '@auto-circuit/core/plugin';
import { type At, edgeList, type Inputs } from '../official/edge-list.js';
import { ATTN_ONLY_4L } from '../official/paper-models.js';

/** They attend from the end to C in the signature and copy it. */
const ARGUMENT_MOVERS = ['A3.0', 'A3.6'];
const START = ['Resid Start'];

type Step = readonly [from: readonly string[], to: readonly string[], input: Inputs[number], at: readonly At[]];
/** What is read, by which input of which head, at which words. */
const STEPS: readonly Step[] = [
  // 0.5 forms the words' representations, 1.4 moves B to the comma after it in the signature, and to the end.
  [START, ['A0.5'], 'V', ['B_def', 'C_def', 'B_doc']],
  [START, ['A1.4'], 'V', ['B_def', 'B_doc']],
  [['A0.5'], ['A1.4'], 'V', ['B_def']],
  // 2.0 writes at C what stood before it: it reads the comma, where 1.4 has put B.
  [[...START, 'A0.5'], ['A2.0'], 'Q', ['C_def']],
  [['A0.5'], ['A2.0'], 'K', ['B_def+1']],
  [['A1.4'], ['A2.0'], 'V', ['B_def+1']],
  // 1.2 tells the docstring's words from the signature's.
  [START, ['A1.2'], 'Q', ['B_doc']],
  [['A0.5'], ['A1.2'], 'Q', ['B_doc']],
  [START, ['A1.2'], 'K', ['A_def', 'B_def', 'A_doc', 'B_doc']],
  [['A0.5'], ['A1.2'], 'K', ['B_def', 'B_doc']],
  // The movers ask for B (1.4), find it at C (2.0) and not in the docstring (1.2), and copy C.
  [['A1.4'], ARGUMENT_MOVERS, 'Q', ['end']],
  [['A2.0'], ARGUMENT_MOVERS, 'K', ['C_def']],
  [['A1.2'], ARGUMENT_MOVERS, 'K', ['B_doc']],
  [[...START, 'A0.5'], ARGUMENT_MOVERS, 'V', ['C_def']],
];

function edges(graph: Graph, wordIdxs: Readonly<Record<string, number>>): readonly string[] {
  const list = edgeList('docstring', graph, ATTN_ONLY_4L, wordIdxs);
  for (const [from, to, input, at] of STEPS) list.connect(from, to, at, [input]);
  list.connect(ARGUMENT_MOVERS, ['Resid End'], ['end']);
  return list.names();
}

/** Heads that the post leaves in place in its last check: those of the circuit, and three that improve it. */
export const DOCSTRING_HEADS: readonly string[] = [
  ...['A0.2', 'A0.4', 'A0.5', 'A1.2', 'A1.4', 'A2.0', ...ARGUMENT_MOVERS],
  ...['A0.1', 'A1.0', 'A2.3'],
];

/** All edges among the embeddings and those heads that lead to the output at the end. */
function nodes(graph: Graph, wordIdxs: Readonly<Record<string, number>>): readonly string[] {
  const list = edgeList('docstring', graph, ATTN_ONLY_4L, wordIdxs);
  const sources = [...START, ...DOCSTRING_HEADS];
  const everywhere = Array.from({ length: list.positions ?? 1 }, (_, position) => position);
  list.connect(sources, DOCSTRING_HEADS, everywhere);
  list.connect(sources, ['Resid End'], ['end']);
  return list.namesWithPathOut();
}

/** The known circuits of docstring by name. */
export const DOCSTRING_CIRCUITS: Readonly<Record<string, OfficialCircuit>> = Object.freeze({
  edges: { doc: 'what heads 0.5, 1.2, 1.4, 2.0, 3.0 and 3.6 read and write by Heimersheim and Janiak 2023', edges },
  nodes: {
    doc: 'all edges among the embeddings and the 11 heads of Heimersheim and Janiak’s last check',
    edges: nodes,
  },
});
