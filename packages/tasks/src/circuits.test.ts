/** @file The papers' circuits on graphs of the papers' models: every edge exists, how many there are, at which words. */
import {
  buildGraph,
  connectedPart,
  DEFAULT_GRAPH_OPTIONS,
  edgesByName,
  type Graph,
  type GraphOptions,
  makeCircuit,
  type OfficialCircuit,
} from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import { DOCSTRING_CIRCUITS } from './docstring/circuit.js';
import { GREATER_THAN_CIRCUITS } from './greater-than/circuit.js';
import { IOI_CIRCUITS } from './ioi/circuit.js';
import { ATTN_ONLY_4L, GPT2_SMALL, type PaperModel, PYTHIA_2_8B } from './official/paper-models.js';
import { SPORTS_PLAYERS_CIRCUITS } from './sports-players/circuit.js';
import { errorWith } from './testing/error-matcher.js';

const graphOf = ({ name: _, ...shape }: PaperModel, options: Partial<GraphOptions> = {}): Graph =>
  buildGraph(
    { kind: 'transformer', ...shape, kvHeads: shape.heads, dModel: 8 },
    { ...DEFAULT_GRAPH_OPTIONS, ...options },
  );
/** Positions as after BOS; numbers that cannot be mistaken for each other. */
const IOI_WORDS = { IO: 2, S1: 4, 'S1+1': 5, S2: 9, end: 13 };
const DOCSTRING_WORDS = { A_def: 10, B_def: 12, 'B_def+1': 13, C_def: 14, A_doc: 26, B_doc: 33, end: 39 };
const YEAR_WORDS = { YY: 7, XX: 8, end: 14 };
const NAME_WORDS = { first: 20, last: 22, end: 27 };

interface Case {
  readonly name: string;
  readonly circuit: OfficialCircuit;
  readonly model: PaperModel;
  readonly joint?: boolean;
  readonly words: Readonly<Record<string, number>>;
  readonly length: number;
  readonly counts: readonly [plain: number, positions: number];
}
const ofIoi = { model: GPT2_SMALL, words: IOI_WORDS, length: 14 };
const ofDocstring = { model: ATTN_ONLY_4L, words: DOCSTRING_WORDS, length: 40 };
const ofSports = { model: PYTHIA_2_8B, words: NAME_WORDS, length: 28 };
const CASES: readonly Case[] = [
  // Between groups: 2·3 + 3·3 + 4·1 + 2·4·2 + 4·1 + 3·4·2 + 4·4·2 + 4·13 + 13·2 + 13 = 186, the same at words, since each
  // input is read at one. MLP 0 stands beside the start: to it 1 (at words 5), from it 6 + 3 (3.0 alone) + 4 + 4 + 26 = 43.
  { ...ofIoi, name: 'ioi mlp-0-only', circuit: IOI_CIRCUITS['mlp-0-only']!, counts: [230, 234] },
  // The same 186, and 610 (711) into and out of MLPs between the groups.
  { ...ofIoi, name: 'ioi edges', circuit: IOI_CIRCUITS.edges!, counts: [796, 897] },
  // Sources before each layer: 1, 4, 5, 7, 9, 11, 15, 17, 20, 23, 28, 35, and 39 before the end; heads by layer 2, 0, 1, 1,
  // 1, 3, 1, 2, 2, 4, 6, 3. Heads 3 · 510, MLPs 175 + 26, end 39. At words, from start and MLPs: into MLPs 66 · 13 + 78, into
  // keys and values 352 · 14 + 62 · 10 + 16 · 6, into queries 8 + 31 + 176, end 13; from the heads at S1+1 105, S2 342, end 392.
  { ...ofIoi, name: 'ioi nodes', circuit: IOI_CIRCUITS.nodes!, counts: [1770, 7647] },
  // At XX 9 into early heads, 22 into early MLPs, 84 into keys and values; at the end 45 into MLPs 0 to 8, 41 + 6 into
  // queries, 29 into late MLPs, 10 out. Without words, 10 of the 45 are among the 22.
  {
    ...{ model: GPT2_SMALL, words: YEAR_WORDS, length: 15 },
    name: 'greater-than',
    circuit: GREATER_THAN_CIRCUITS.edges!,
    counts: [236, 246],
  },
  { ...ofDocstring, name: 'docstring edges', circuit: DOCSTRING_CIRCUITS.edges!, counts: [23, 30] },
  // 4, 3, 2 and 2 heads that 1, 5, 8, 10 sources come before, 12 before the end: 3 · (4 + 15 + 16 + 20) + 12. At words: the
  // first three layers everywhere, 105 · 40; the last one's K and V everywhere, Q at the end, 20 · 81; 12.
  { ...ofDocstring, name: 'docstring nodes', circuit: DOCSTRING_CIRCUITS.nodes!, counts: [177, 5832] },
  // At the last token of the name 32 + 32 · 34 into heads, 1 + 34 + (67 + … + 71) into MLPs, 72 into 16.20, 5 from it; 6 out.
  // At the two tokens before it 32 + 32 · 34 + 1.
  {
    ...ofSports,
    joint: true,
    name: 'sports-players edges',
    circuit: SPORTS_PLAYERS_CIRCUITS.edges!,
    counts: [1583, 3825],
  },
  // MLPs up to 15: 67 + … + 80 in place of 67 + … + 71, 81 in place of 72.
  {
    ...ofSports,
    joint: true,
    name: 'sports-players mlps-to-15',
    circuit: SPORTS_PLAYERS_CIRCUITS['mlps-to-15']!,
    counts: [2276, 4518],
  },
  // Three inputs a head in place of one, of 16.20 two; before the last token no queries of layer 1.
  {
    ...ofSports,
    name: 'sports-players edges, Q K V apart',
    circuit: SPORTS_PLAYERS_CIRCUITS.edges!,
    counts: [3895, 8441],
  },
];

describe.each(CASES)('$name', ({ circuit, model, joint, words, length, counts }) => {
  const plain = graphOf(model, { splitQkv: !joint });
  const byPosition = graphOf(model, { splitQkv: !joint, positions: length });
  const [names, atWords] = [circuit.edges(plain, {}), circuit.edges(byPosition, words)];

  it(`has ${counts[0]} edges of the graph, ${counts[1]} with token positions, each once`, () => {
    expect([names.length, atWords.length]).toEqual(counts);
    expect(new Set(names.flatMap((name) => edgesByName(plain, name))).size).toBe(names.length);
    expect(new Set(atWords.flatMap((name) => edgesByName(byPosition, name))).size).toBe(atWords.length);
  });

  it('has with positions only edges that it has without', () => {
    const plainNames = new Set(names);
    expect(atWords.filter((name) => !plainNames.has(name.replace(/@\d+$/, '')))).toEqual([]);
  });

  it('leads from every edge to the output', () => {
    for (const [graph, list] of [
      [plain, names],
      [byPosition, atWords],
    ] as const) {
      const whole = makeCircuit(
        graph,
        list.flatMap((name) => edgesByName(graph, name)),
      );
      const connected = connectedPart(whole, { requireWayIn: false, requireWayOut: true });
      const lasting = new Set(connected.edges);
      expect(list.filter((name) => edgesByName(graph, name).some((edge) => !lasting.has(edge)))).toEqual([]);
    }
  });
});

const plainIoi = graphOf(GPT2_SMALL);
const ioiAtWords = graphOf(GPT2_SMALL, { positions: 14 });
const positionOf = (name: string): number => Number(/@(\d+)$/.exec(name)![1]);

describe('the circuit of IOI', () => {
  it('has the same edges between heads in both of its versions by edges', () => {
    const betweenHeads = (name: string) =>
      new Set(IOI_CIRCUITS[name]!.edges(plainIoi, {}).filter((edge) => !edge.includes('MLP')));
    expect(betweenHeads('edges').size).toBe(186);
    expect(betweenHeads('edges')).toEqual(betweenHeads('mlp-0-only'));
  });

  it('reads at the words of the paper', () => {
    const at = (edge: string): readonly number[] =>
      IOI_CIRCUITS.edges!.edges(ioiAtWords, IOI_WORDS)
        .filter((name) => name.startsWith(`${edge}@`))
        .map(positionOf);
    expect(at('Resid Start->A2.2.Q')).toEqual([IOI_WORDS['S1+1']]);
    expect(at('Resid Start->A2.2.K')).toEqual([IOI_WORDS.S1]);
    expect(at('A2.2->A5.5.K')).toEqual([IOI_WORDS['S1+1']]);
    expect(at('A5.5->A8.6.V')).toEqual([IOI_WORDS.S2]);
    expect(at('A8.6->A9.9.Q')).toEqual([IOI_WORDS.end]);
    expect(at('Resid Start->A9.9.V')).toEqual([IOI_WORDS.IO]);
    expect(at('A9.9->Resid End')).toEqual([IOI_WORDS.end]);
  });

  it('by nodes: heads write at their word only, MLPs everywhere', () => {
    const names = IOI_CIRCUITS.nodes!.edges(ioiAtWords, IOI_WORDS);
    const writesAt = (source: string) =>
      new Set(names.filter((name) => name.startsWith(`${source}->`)).map(positionOf));
    expect(writesAt('A4.11')).toEqual(new Set([IOI_WORDS['S1+1']]));
    expect(writesAt('A5.9')).toEqual(new Set([IOI_WORDS.S2]));
    expect(writesAt('A10.7')).toEqual(new Set([IOI_WORDS.end]));
    expect(writesAt('MLP 0').size).toBe(14);
    expect(names.filter((name) => /^A9\.1->|->A9\.1\./.test(name))).toEqual([]); // no head of the circuit
  });

  it('is refused on another model, and without its words', () => {
    expect(() => IOI_CIRCUITS.edges!.edges(graphOf(PYTHIA_2_8B), {})).toThrow(
      errorWith('graph-mismatch', { circuit: 'IOI', model: 'GPT-2 small' }),
    );
    expect(() => IOI_CIRCUITS.edges!.edges(ioiAtWords, { end: 13 })).toThrow(
      errorWith('unknown-word-position', { circuit: 'IOI', word: 'S1+1' }),
    );
  });
});
