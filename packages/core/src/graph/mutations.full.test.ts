/** @file Mutations of circuits, EAP-IG graphs and prompt files: a right reading or a sentence, never long and never large. */
import { describe, expect, it } from 'vitest';
import { parsePromptFile } from '../prompts/prompt-file.js';
import { floatTensor } from '../tensor/tensor.js';
import { SMALL_LAYOUT, smallGraph } from '../testing/graphs.js';
import { mutatedJson, mutatedText, mutationRounds, readMutations } from '../testing/mutations.js';
import { buildGraph } from './build.js';
import { makeCircuit } from './circuit.js';
import { type CircuitJson, circuitToJson, parseCircuitJson } from './circuit-json.js';
import { type EapIgGraph, toEapIg } from './eap-ig-format.js';
import { circuitOfEdges, fromEapIg, parseEapIgText } from './eap-ig-read.js';
import { allEdges, edgesByName } from './edges.js';
import { scorePlace, unflattenScores } from './score-index.js';
import type { TransformerLayout } from './types.js';

const rounds = mutationRounds(5000);
const graph = smallGraph();
const scoresOf = (count: number) => Float64Array.from({ length: count }, (_, i) => Math.cos(i) / 3);
const scores = unflattenScores(graph, scoresOf(graph.edgeCount));
const kept = allEdges(graph).flatMap(({ number }) => (number % 3 === 0 ? [number] : []));
const circuit = makeCircuit(graph, kept);

describe('mutations', () => {
  it(`of circuit.json, ${rounds} of each of two`, async () => {
    const positions = buildGraph(SMALL_LAYOUT, { ...graph.options, positions: 3 });
    const all = makeCircuit(positions, [0, 5, 7, positions.edgeCount - 1]);
    const texts = [circuitToJson(circuit, scores), circuitToJson(all)].map((json) => JSON.stringify(json));
    for (const [seed, text] of texts.entries()) {
      const report = await readMutations({ rounds, seed }, (random) => {
        const mutated = mutatedJson(text, random);
        const own = random.below(2) === 0 ? undefined : seed === 0 ? graph : positions;
        const read = parseCircuitJson(mutated, 'c.json', own);
        return wrongCircuit(JSON.parse(mutated.replace(/^\ufeff/, '')) as CircuitJson, read);
      });
      console.log('circuit.json', report);
      expect(report.refused).toBeGreaterThan(rounds / 3);
    }
  });

  it(`of EAP-IG graphs, ${rounds}`, async () => {
    const nodes = { scores: floatTensor(scoresOf(graph.sources.length), [graph.sources.length]) };
    const text = JSON.stringify(toEapIg(graph, scores, circuit, { nodes }));
    const report = await readMutations({ rounds, seed: 2 }, (random) => {
      const mutated = mutatedJson(text, random);
      const value = parseEapIgText(mutated, { where: 'x', path: 'g.json' });
      // as `convert` does without --model: the file's own word for its sizes
      const { n_layers, n_heads, d_model, parallel_attn_mlp } = ((value as EapIgGraph | null)?.cfg ??
        {}) as EapIgGraph['cfg'];
      const believed = random.below(2) === 0 && [n_layers, n_heads, d_model].every((n) => typeof n === 'number');
      const layout: TransformerLayout = believed
        ? {
            ...{ kind: 'transformer', layers: n_layers, heads: n_heads, kvHeads: n_heads, dModel: d_model! },
            ...{ mlp: true, parallel: parallel_attn_mlp === true },
          }
        : SMALL_LAYOUT;
      const read = fromEapIg(value, layout, 'g.json');
      circuitOfEdges(read, 'g.json');
      return wrongEapIg(value as EapIgGraph, read);
    });
    console.log('EAP-IG', report);
    expect(report.refused).toBeGreaterThan(rounds / 3);
  });

  it(`of prompt files, ${rounds} of each of four`, async () => {
    const text = { clean: 'When Mary', corrupt: 'When John', answers: [' a'], wrong_answers: [' b'] };
    const ids = { clean: [1, 2, 3], corrupt: [1, 4, 3], answers: [[2], [3], [4]], targets: [[0.5], [1], [2]] };
    const files: [string, string][] = [
      ['p.json', JSON.stringify({ prompts: [text, text], word_idxs: { first: 1 }, seq_labels: ['a', 'b'] })],
      ['p.json', JSON.stringify({ prompts: [ids, ids] })],
      ['p.jsonl', `${JSON.stringify(text)}\n${JSON.stringify(text)}\n`],
      ['p.csv', 'clean,corrupted,correct_idx,incorrect\n"a, b",c,"[1, 2]"," x"\n"d\ne",f,5," y"\n'],
    ];
    for (const [seed, [path, content]] of files.entries()) {
      const report = await readMutations({ rounds, seed: 10 + seed }, (random) => {
        const mutated = path === 'p.json' ? mutatedJson(content, random) : mutatedText(content, random);
        const { prompts, kind } = parsePromptFile(mutated, path);
        const same = prompts.every(({ clean, corrupt }) => typeof clean === typeof corrupt);
        return prompts.length > 0 && same ? undefined : `${prompts.length} prompts of ${kind}`;
      });
      console.log(path, report);
      expect(report.refused).toBeGreaterThan(rounds / 20);
    }
  });
});

/** The reading held against the file's own words. */
function wrongCircuit(json: CircuitJson, { circuit: read, scores: found }: ReturnType<typeof parseCircuitJson>) {
  const numbers = json.edges.flatMap(({ edge, score }) =>
    edgesByName(read.graph, edge).map((n) => [n, score] as const),
  );
  if (read.edges.join() !== [...new Set(numbers.map(([n]) => n))].sort((a, b) => a - b).join()) return 'other edges';
  const wrong = numbers.find(([n, score]) => typeof score === 'number' && found.get(n) !== score);
  if (wrong) return `the score of edge ${wrong[0]}`;
  return JSON.stringify(read.graph.layout) === JSON.stringify(json.graph.layout) ? undefined : 'another layout';
}

function wrongEapIg(
  json: EapIgGraph,
  { graph: own, scores: found, scoresOf: whose, circuit: read }: ReturnType<typeof fromEapIg>,
) {
  const edges = Object.entries(json.edges);
  if (edges.length !== own.edgeCount) return `${edges.length} edges for ${own.edgeCount}`;
  for (const [name, { score, in_graph }] of edges) {
    const [number] = edgesByName(own, name) as [number];
    const { module, offset } = scorePlace(own, number);
    if (whose === 'edges' && found![module]!.data[offset] !== (score ?? 0)) return `the score of ${name}`;
    if (read && read.edges.includes(number) !== in_graph) return `whether ${name} is kept`;
  }
  return undefined;
}
