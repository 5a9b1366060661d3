/**
 * @file The circuit of athletes' sports in Pythia 2.8B: Nanda, Rajamanoharan, Kramár and Shah 2023, "Fact Finding: Attempting
 * to Reverse-Engineer Factual Recall on the Neuron Level", post 2. Early layers join the tokens of the name, MLPs look the sport up at its
 * last token, and a few heads move it to the end
 * (https://www.alignmentforum.org/s/hpWHhjvjn67LJ4xXX).
 */
import type { Graph, OfficialCircuit } from '@auto-circuit/core/plugin';
import { edgeList, mlpNames } from '../official/edge-list.js';
import { PYTHIA_2_8B } from '../official/paper-models.js';

/** It reads the sport at the name's last token and moves it to the end. */
const EXTRACTION_HEAD = 'A16.20';
/** They move to the end what the extraction head wrote at the name. */
const LATER_HEADS = ['A17.30', 'A19.24', 'A21.9', 'A22.15', 'A22.17'];
/** Layers whose heads bring the name's tokens together. */
const JOINING_LAYERS = 2;
/** MLPs 2 to 6 are the look-up of the posts' own small model of it; 15 is the last before the extraction head. */
const [LAST_LOOKUP, LAST_BEFORE_HEAD] = [6, 15];

const joiningHeads = Array.from({ length: JOINING_LAYERS * PYTHIA_2_8B.heads }, (_, i) => {
  const layer = Math.floor(i / PYTHIA_2_8B.heads);
  return `A${layer}.${i % PYTHIA_2_8B.heads}`;
});

function circuit(lastMlp: number): OfficialCircuit['edges'] {
  return (graph: Graph, wordIdxs) => {
    const list = edgeList('sports players', graph, PYTHIA_2_8B, wordIdxs);
    // At the tokens before the last: what heads of layers 0 and 1 can read there. MLP 1 comes too late for them.
    const before = ['Resid Start', 'MLP 0', ...joiningHeads];
    const [first, last] = list.positions === null ? [0, 1] : [list.position('first'), list.position('last')];
    const earlier = Array.from({ length: last - first }, (_, i) => first + i);
    list.connect(before, ['MLP 0', ...joiningHeads], earlier, ['K', 'V']);
    list.connect(before, joiningHeads.slice(0, PYTHIA_2_8B.heads), earlier, ['Q']); // layer 1 is read at the last token only
    const atName = ['Resid Start', ...joiningHeads, ...mlpNames(0, lastMlp)];
    list.connect(atName, [...joiningHeads, ...mlpNames(0, lastMlp)], ['last']);
    list.connect(atName, [EXTRACTION_HEAD], ['last'], ['K', 'V']);
    list.connect([EXTRACTION_HEAD], LATER_HEADS, ['last'], ['V']);
    list.connect([EXTRACTION_HEAD, ...LATER_HEADS], ['Resid End'], ['end']);
    return list.names();
  };
}

const SOURCE = 'Nanda et al. 2023';
/** The known circuits of sports-players by name. */
export const SPORTS_PLAYERS_CIRCUITS: Readonly<Record<string, OfficialCircuit>> = Object.freeze({
  edges: {
    doc: `heads of layers 0 and 1, MLPs 0 to 6 and six heads that carry the sport, by ${SOURCE}`,
    edges: circuit(LAST_LOOKUP),
  },
  'mlps-to-15': {
    doc: `the same with all MLPs up to the layer before the extraction head`,
    edges: circuit(LAST_BEFORE_HEAD),
  },
});
