/** @file `circuit.json`: a circuit by edge names, with scores, by falling importance; and the graph it belongs to. */
import { z } from 'zod';
import { AutoCircuitError } from '../errors/error.js';
import { checkJson, type JsonOrigin, parseJson } from '../files/json-file.js';
import { buildGraph, edgeCountFormula } from './build.js';
import { makeCircuit } from './circuit.js';
import type { RankBy } from './edge-ranking-names.js';
import { edgeAt, edgesByName } from './edges.js';
import { scorePlace } from './score-index.js';
import type { Circuit, Graph, PruneScores } from './types.js';
import { checkGraph, effectiveOptions } from './validate.js';

const size = z.int().positive();
const layoutSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('transformer'),
    layers: size,
    heads: size,
    kvHeads: size,
    dModel: size,
    mlp: z.boolean(),
    parallel: z.boolean(),
    attention: z.enum(['causal', 'full']).exactOptional(),
    latents: z.record(z.string(), z.array(z.int().nonnegative()).readonly()).readonly().exactOptional(),
    experts: z.array(z.int().nonnegative()).readonly().exactOptional(),
  }),
  z.strictObject({ kind: z.literal('staged'), layers: size, heads: size, dModel: size }),
]);
const optionsSchema = z.strictObject({
  factorized: z.boolean(),
  splitQkv: z.boolean(),
  positions: size.nullable(),
  kvInputs: z.enum(['query-head', 'kv-head']),
});
/** `circuit.json`. */
export const circuitSchema = z.object({
  graph: z.object({ layout: layoutSchema, options: optionsSchema, edges: size }),
  /** How its edges were chosen by their scores; absent where they were not. */
  select: z.string().optional(),
  /** What edges were ranked by; absent where they were not chosen by scores, and in files of early versions: |score|. */
  rankBy: z.enum(['absolute', 'signed']).optional(),
  /** Of circuits that were searched for: by how much the best total importance may be above theirs, as a share of it. */
  gap: z.number().optional(),
  edges: z.array(
    z.object({
      edge: z.string(),
      score: z
        .union([z.number(), z.enum(['inf', '-inf'])])
        .nullable()
        .optional(),
      /** `false` for an edge that cannot change the output, since no kept edge leads on from it (or, under resample, to it). */
      connected: z.literal(false).optional(),
    }),
  ),
});
/** The content of `circuit.json`. */
export type CircuitJson = z.infer<typeof circuitSchema>;

/** A circuit and what is known of its edges' scores, by canonical number. */
export interface ScoredCircuit {
  readonly circuit: Circuit;
  readonly scores: ReadonlyMap<number, number>;
}

/**
 * The content of `circuit.json`: edges by falling |score|, equal ones in canonical order; without scores, in canonical
 * order with `null`. ∞ is written `"inf"`.
 * @param about how the edges were chosen, and which of them are connected; left out where it is not known
 */
export function circuitToJson(
  circuit: Circuit,
  scores?: PruneScores,
  about: {
    readonly select?: string;
    readonly rankBy?: RankBy;
    readonly connected?: Circuit;
    readonly gap?: number | undefined;
  } = {},
): CircuitJson {
  const { graph } = circuit;
  const connected = about.connected && new Set(about.connected.edges);
  const scoreOf = (number: number): number | null => {
    if (!scores) return null;
    const { module, offset } = scorePlace(graph, number);
    return scores[module]?.data[offset] ?? null;
  };
  const edges = circuit.edges
    .map((number) => ({ number, score: scoreOf(number) }))
    .sort((a, b) => compareFalling(Math.abs(a.score ?? 0), Math.abs(b.score ?? 0)) || a.number - b.number)
    .map(({ number, score }) => ({
      edge: edgeAt(graph, number).name,
      score: writtenScore(score),
      ...(connected && !connected.has(number) ? { connected: false as const } : {}),
    }));
  return {
    graph: { layout: graph.layout, options: graph.options, edges: graph.edgeCount },
    ...(about.select ? { select: about.select } : {}),
    ...(about.rankBy ? { rankBy: about.rankBy } : {}),
    ...(about.gap === undefined ? {} : { gap: about.gap }),
    edges,
  };
}

/**
 * Reads `circuit.json`. With `graph`, the file must belong to it; without, the graph is built from the file.
 * A name without a position stands for the edge at all positions.
 * @throws AutoCircuitError when the text is not such a file, belongs to another graph, or names an edge wrongly or twice.
 */
export function parseCircuitJson(text: string, path: string, graph?: Graph): ScoredCircuit {
  const origin: JsonOrigin = { where: 'circuit', path };
  const json = checkJson(circuitSchema, parseJson(text, origin), origin);
  const { layout, options, edges } = json.graph;
  checkGraph(layout, options);
  const counted = edgeCountFormula(layout, effectiveOptions(layout, options)) * (options.positions ?? 1);
  if (counted !== edges) {
    throw new AutoCircuitError({
      code: 'invalid-file',
      fields: { path, key: 'graph.edges' },
      where: 'circuit',
      what: `${path}: the number of edges does not match the graph it describes`,
      expected: `${counted}`,
      got: `${edges}`,
    });
  }
  if (graph) checkSameGraph({ layout, options: effectiveOptions(layout, options) }, graph, path);
  const own = graph ?? buildGraph(layout, options);
  checkMeant(json.edges, options.positions ?? 1, path);
  const scores = new Map<number, number>();
  const seen = new Set<number>();
  for (const { edge, score } of json.edges) {
    for (const number of edgesByName(own, edge)) {
      if (seen.has(number))
        throw new AutoCircuitError({
          code: 'duplicate-edge',
          fields: { name: edgeAt(own, number).name, path },
          where: 'circuit',
          what: `${path} lists edge "${edgeAt(own, number).name}" twice`,
        });
      seen.add(number);
      if (score !== null && score !== undefined) scores.set(number, readScore(score));
    }
  }
  return Object.freeze({ circuit: makeCircuit(own, seen), scores });
}

/** Edges of a circuit in a file; a short list of names stands for many where each means all positions. */
const MOST_EDGES = 2 ** 22;

function checkMeant(edges: CircuitJson['edges'], positions: number, path: string): void {
  const meant = edges.reduce((n, { edge }) => n + (/@\d+\s*$/.test(edge) ? 1 : positions), 0);
  if (meant <= MOST_EDGES) return;
  throw new AutoCircuitError({
    code: 'memory-limit',
    fields: { path, limit: MOST_EDGES },
    where: 'circuit',
    what: `${path} has more edges than a circuit in a file can have`,
    expected: `at most ${MOST_EDGES}`,
    got: `${meant}, where a name without a position counts for all ${positions}`,
  });
}

/** @throws AutoCircuitError naming the first thing in which two graphs differ. */
export function checkSameGraph(
  got: Pick<Graph, 'layout' | 'options'>,
  expected: Pick<Graph, 'layout' | 'options'>,
  path: string,
): void {
  const facts = (graph: Pick<Graph, 'layout' | 'options'>): Record<string, string> =>
    Object.fromEntries(
      Object.entries({ ...graph.layout, ...graph.options }).map(([key, value]) => [
        key,
        typeof value === 'object' ? JSON.stringify(value) : `${value}`,
      ]),
    );
  const [mine, theirs] = [facts(expected), facts(got)];
  for (const key of Object.keys({ ...mine, ...theirs })) {
    if (mine[key] === theirs[key]) continue;
    throw new AutoCircuitError({
      code: 'graph-mismatch',
      fields: { path, key },
      where: 'circuit',
      what: `${path} belongs to another graph: ${key} differs`,
      expected: `${mine[key]}`,
      got: `${theirs[key]}`,
      fix: 'use the model and the graph options it was made with',
    });
  }
}

const compareFalling = (a: number, b: number): number => (a === b ? 0 : a > b ? -1 : 1);
const writtenScore = (score: number | null): number | 'inf' | '-inf' | null =>
  score === Number.POSITIVE_INFINITY ? 'inf' : score === Number.NEGATIVE_INFINITY ? '-inf' : score;
const readScore = (score: number | 'inf' | '-inf'): number =>
  score === 'inf' ? Number.POSITIVE_INFINITY : score === '-inf' ? Number.NEGATIVE_INFINITY : score;
