/**
 * @file What a drawing of a circuit is made of, as plain data: nodes by row, the most important edges, sizes to stop at.
 * Made from a run when the report is written; read again by the page. Nothing in this folder needs Node or a document.
 */
import { shortNumber } from '../markup/text.js';

/**
 * A place in the drawing that edges lead from and to: the Q, K and V inputs of a head and its output are one, and so are an
 * MLP and what its latents leave of it.
 */
export interface DataNode {
  readonly name: string;
  readonly kind: 'end' | 'head' | 'mlp' | 'latent' | 'stream';
  /** Rows count from the input up. */
  readonly row: number;
  /** null: the middle. */
  readonly column: number | null;
}
/** The data of a drawing. */
export interface CircuitData {
  readonly nodes: readonly DataNode[];
  /** The label at the left margin of each row. */
  readonly rows: readonly string[];
  readonly columns: number;
  /** The name and the node of each source; −1 for a latent that no edge of these data has. */
  readonly sources: readonly (readonly [string, number])[];
  /** The name and the node of each destination. */
  readonly destinations: readonly (readonly [string, number])[];
  /** A label for each token position, where positions have edges of their own. */
  readonly positions: readonly string[] | null;
  /** The most important edges by falling importance, one list for each property. */
  readonly edges: EdgeLists;
  /** Whether a score above 0 supports the answer; else scores are importance only. */
  readonly signed: boolean;
  /** Whether heads move information to the same and later positions only. */
  readonly causal: boolean;
  /** Edges of the graph. */
  readonly total: number;
  /** Numbers of edges that the slider stops at, ascending. */
  readonly stops: readonly number[];
  /** Index into `stops` of the kept circuit's size. */
  readonly start: number;
  /** How many edges the kept circuit has; these data may hold fewer. */
  readonly keptSize: number;
  /** Index into `stops` of what is drawn at first: the kept circuit, or, of a large one, as much as can be read. */
  readonly first: number;
  /** The share of the kept circuit's importance that the edges drawn at first have, where they are only a part of it. */
  readonly firstShare: number | null;
  /** The edges of the kept circuit, where they are not simply the most important ones. */
  readonly kept: readonly number[] | null;
  /** Sizes that were measured; each is a stop. */
  readonly measured: readonly number[];
}
/** Properties of edges, one list for each; entries of one index are one edge. */
export interface EdgeLists {
  readonly source: readonly number[];
  readonly destination: readonly number[];
  readonly score: readonly JsonScore[];
  /** Standard errors; null where there are none. */
  readonly error: readonly JsonScore[] | null;
  /** Token positions; null where the graph has none. */
  readonly position: readonly number[] | null;
}
/** As in the files: JSON knows no ∞. */
export type JsonScore = number | 'inf' | '-inf';

const INFINITE = { inf: Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY } as const;
/** A score as a number. */
export const numberOf = (score: JsonScore): number => (typeof score === 'number' ? score : INFINITE[score]);

/** How many edges the data hold. */
export const edgeTotal = ({ edges }: CircuitData): number => edges.source.length;

/** The index of the node that an edge leads from. */
export const fromNode = (data: CircuitData, edge: number): number => data.sources[data.edges.source[edge]!]![1];
/** The index of the node that an edge leads to. */
export const toNode = (data: CircuitData, edge: number): number => data.destinations[data.edges.destination[edge]!]![1];

/** `A9.9->Resid End`, with `@3` after it for position 3. */
export function edgeName(data: CircuitData, edge: number): string {
  const position = data.edges.position?.[edge];
  const [from] = data.sources[data.edges.source[edge]!]!;
  const [to] = data.destinations[data.edges.destination[edge]!]!;
  return `${from}->${to}${position === undefined ? '' : `@${position}`}`;
}

/** The score of an edge. */
export const edgeScore = (data: CircuitData, edge: number): number => numberOf(data.edges.score[edge]!);

/** With a sign where signs mean something. */
export function signedNumber(score: number, signed: boolean): string {
  return signed && score > 0 ? `+${shortNumber(score)}` : shortNumber(signed ? score : Math.abs(score));
}

/** `+0.28 ± 0.03` */
export function scoreText(data: CircuitData, edge: number): string {
  const score = signedNumber(edgeScore(data, edge), data.signed);
  const error = data.edges.error?.[edge];
  return error === undefined ? score : `${score} ± ${shortNumber(numberOf(error))}`;
}

/** How an edge is coloured: blue, red, or the one neutral colour of 0 and of scores without a sign. */
export const TONES = ['pos', 'neg', 'plain'] as const;
/** The name of a colour. */
export type Tone = (typeof TONES)[number];
/** The colour of a score. */
export function toneOf(score: number, signed: boolean): Tone {
  if (!signed || score === 0) return 'plain';
  return score < 0 ? 'neg' : 'pos';
}

/** The most important edges, at one position or at all. */
export function edgesShown(data: CircuitData, size: number, position: number | null): number[] {
  const first = Array.from({ length: Math.min(size, edgeTotal(data)) }, (_, edge) => edge);
  return atPosition(data, first, position);
}
/** The edges of the kept circuit, at one position or at all. */
export function edgesKept(data: CircuitData, position: number | null): number[] {
  return data.kept === null
    ? edgesShown(data, data.stops[data.start]!, position)
    : atPosition(data, data.kept, position);
}
/** What is drawn at first. */
export const edgesAtFirst = (data: CircuitData): number[] =>
  data.first === data.start ? edgesKept(data, null) : edgesShown(data, data.stops[data.first]!, null);

function atPosition({ edges }: CircuitData, some: readonly number[], position: number | null): number[] {
  return some.filter((edge) => position === null || edges.position?.[edge] === position);
}
