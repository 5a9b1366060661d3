/** @file From a run to the data of its drawing: nodes by row, the most important edges, the sizes to stop at. */
import {
  type DestinationNode,
  edgeEnds,
  edgesAbove,
  flattenScores,
  type Graph,
  type SourceNode,
  thresholdFor,
} from '@auto-circuit/core/plugin';
import type { ReportInput } from '@auto-circuit/core/run';
import type { CircuitData, DataNode, JsonScore } from '../drawing/circuit-data.js';

/** More edges than this are not drawn. */
export const MOST_EDGES = 5000;
/** A circuit of more edges cannot be read: then so many are drawn at first. */
export const MOST_AT_FIRST = 150;
const FIRST_OF_MANY = 60;

/** The most important edges and those of the circuit, falling; equal ones in canonical order: the order of `circuit.json`. */
export interface RankedEdges {
  /** Canonical numbers. */
  readonly numbers: readonly number[];
  readonly scores: readonly number[];
  readonly errors: readonly number[] | null;
}
/** Ranks the edges of a run. @param most edges at most, besides those of the circuit */
export function rankedEdges(input: ReportInput, most = MOST_EDGES): RankedEdges {
  const { graph, scores, standardErrors, circuit } = input;
  const flat = flattenScores(graph, scores);
  const compare = (a: number, b: number): number => falling(Math.abs(flat[a]!), Math.abs(flat[b]!)) || a - b;
  const errors = standardErrors && flattenScores(graph, standardErrors);
  const count = Math.min(graph.edgeCount, most);
  const best = edgesAbove(graph, scores, thresholdFor(graph, scores, count))
    .sort(compare)
    .slice(0, count);
  // A circuit that was not chosen by importance alone may have edges outside of the best.
  const kept = circuit.edges.toSorted(compare).slice(0, count);
  const numbers = [...new Set([...best, ...kept])].sort(compare);
  return {
    numbers,
    scores: numbers.map((number) => flat[number]!),
    errors: errors ? numbers.map((number) => errors[number]!) : null,
  };
}
const falling = (a: number, b: number): number => (a === b ? 0 : a > b ? -1 : 1);

/** The data of the drawing of a run. */
export function circuitDataOf(input: ReportInput, ranked: RankedEdges): CircuitData {
  const { graph, circuit, measurements } = input;
  const ends = ranked.numbers.map((number) => edgeEnds(graph, number));
  const { nodes, rows, columns, sources, destinations } = drawnNodes(graph, new Set(ends.map(({ source }) => source)));
  const { positions } = graph.options;
  const keptEdges = keptOf(input, ranked);
  const kept = keptEdges?.length ?? Math.min(circuit.edges.length, ends.length);
  const sizes = (measurements[0]?.points ?? []).map(({ edges }) => edges);
  const measured = [...new Set(sizes)].filter((size) => size <= ends.length).sort((a, b) => a - b);
  const first = kept > MOST_AT_FIRST ? FIRST_OF_MANY : kept;
  const stops = sliderStops(ends.length, [kept, first, ...measured]);
  return {
    nodes,
    rows,
    columns,
    sources,
    destinations,
    positions: positions === null ? null : positionLabels(input, positions),
    edges: {
      source: ends.map(({ source }) => source.index),
      destination: ends.map(({ destination }) => destination.index),
      score: ranked.scores.map((score) => jsonScore(score)),
      error: ranked.errors?.map((error) => jsonScore(error)) ?? null,
      position: positions === null ? null : ends.map(({ position }) => position!),
    },
    signed: hasSigns(input, ranked),
    causal: graph.layout.kind !== 'transformer' || graph.layout.attention !== 'full',
    total: graph.edgeCount,
    stops,
    start: stops.indexOf(kept),
    keptSize: circuit.edges.length,
    first: stops.indexOf(first),
    firstShare: first < circuit.edges.length ? importanceShare(input, ranked, first) : null,
    kept: keptEdges,
    measured,
  };
}

/** The share of the circuit's importance that its first so many edges have; null where a score is infinite. */
function importanceShare({ graph, scores, circuit }: ReportInput, ranked: RankedEdges, first: number): number | null {
  const flat = flattenScores(graph, scores);
  const total = circuit.edges.reduce((sum, edge) => sum + Math.abs(flat[edge]!), 0);
  const top = ranked.scores.slice(0, first).reduce((sum, score) => sum + Math.abs(score), 0);
  return Number.isFinite(total) && total > 0 ? Number((top / total).toPrecision(4)) : null;
}

/** The kept circuit's edges, as indices into the ranking; null where they are simply the best. */
function keptOf({ circuit }: ReportInput, { numbers }: RankedEdges): number[] | null {
  const edges = new Set(circuit.edges);
  const kept = [...numbers.keys()].filter((index) => edges.has(numbers[index]!));
  return kept.every((index, i) => index === i) ? null : kept;
}

const jsonScore = (value: number): JsonScore =>
  Number.isFinite(value) ? Number(value.toPrecision(4)) : value > 0 ? 'inf' : '-inf';

/** Whether scores have signs. Runs of earlier versions do not say so: there they have, if any of the best is negative. */
export function hasSigns({ run }: ReportInput, { scores }: RankedEdges): boolean {
  return run.signed ?? scores.some((score) => score < 0);
}

function positionLabels({ run }: ReportInput, positions: number): string[] {
  const labels = run.prompts.labels ?? [];
  return Array.from({ length: positions }, (_, position) => labels[position] ?? '');
}

/** Every size up to 30, then steps of about a tenth; and these. */
function sliderStops(most: number, others: readonly number[]): number[] {
  const stops = new Set([0, most, ...others]);
  for (let n = 1; n < most; n = n < 30 ? n + 1 : Math.ceil(n * 1.1)) stops.add(n);
  return [...stops].sort((a, b) => a - b);
}

/** The nodes that are drawn; of latents, of which there may be thousands, only those in `used`. */
function drawnNodes(graph: Graph, used: ReadonlySet<SourceNode>) {
  const { heads } = graph.layout;
  const found = new Map<string, Omit<DataNode, 'row'> & { readonly layer: number }>();
  const latents = new Map<string, number>();
  /** Latents stand beside the node whose output they stand for. */
  const column = (node: SourceNode | DestinationNode, name: string): Pick<DataNode, 'kind' | 'column'> => {
    if (!LATENT.test(name)) return kindOf(node, name, heads);
    const whole = name.replace(LATENT, '');
    const before = latents.get(whole) ?? 0;
    latents.set(whole, before + 1);
    // The residual stream stands in the middle, an MLP after the heads.
    if (isStream(name)) return { kind: 'latent', column: Math.floor(heads / 2) + 1 + before };
    return { kind: 'latent', column: before < heads ? before : before + 1 };
  };
  const find = (node: SourceNode | DestinationNode, name: string): string => {
    if (found.has(name)) return name;
    const placed = column(node, name);
    // The residual stream is read before what it feeds, and has a row to itself.
    const layer = 2 * node.layer + (placed.column === null || isStream(name) ? 0 : 1);
    found.set(name, { name, ...placed, layer });
    return name;
  };
  const sourceNames = graph.sources.map((node) =>
    LATENT.test(node.name) && !used.has(node) ? null : find(node, node.name.replace(/ Error$/, '')),
  );
  const destinationNames = graph.destinations.map((node) => find(node, node.name.replace(/\.[QKV]$/, '')));
  const layers = [...new Set([...found.values()].map(({ layer }) => layer))].sort((a, b) => a - b);
  const nodes = [...found.values()].map(({ layer, ...node }) => ({ ...node, row: layers.indexOf(layer) }));
  const indexOf = new Map(nodes.map(({ name }, index) => [name, index]));
  return {
    nodes,
    rows: layers.map((_, row) => rowLabel(nodes.filter((node) => node.row === row))),
    columns: 1 + Math.max(heads - 1, ...nodes.map((node) => node.column ?? 0)),
    sources: sourceNames.map((name, index) => [graph.sources[index]!.name, indexOf.get(name ?? '') ?? -1] as const),
    destinations: destinationNames.map((name, index) => [graph.destinations[index]!.name, indexOf.get(name)!] as const),
  };
}
const LATENT = / Latent \d+$/;
const isStream = (name: string): boolean => /^Resid (Mid|Post)/.test(name);

function kindOf({ head, name: own }: SourceNode | DestinationNode, name: string, heads: number) {
  // Inputs that several heads share are nodes beside the heads.
  const expert = /^MLP \d+\.(?:E(?<number>\d+)|Router)$/.exec(name);
  // The router stands before its experts.
  if (expert) return { kind: 'mlp', column: Number(expert.groups!.number ?? -1) + 1 } as const;
  if (head !== null) return { kind: 'head', column: /\.kv\d+$/.test(name) ? heads + 1 + head : head } as const;
  if (name.startsWith('MLP')) return { kind: 'mlp', column: heads } as const;
  return { kind: isStream(own) ? 'stream' : 'end', column: null } as const;
}

/** `A5` for a row of heads, `MLP 5`; ends and streams are named by their boxes too. */
function rowLabel(nodes: readonly DataNode[]): string {
  const head = nodes.find(({ kind }) => kind === 'head');
  if (head) return head.name.replace(/\.[^.]*$/, '');
  const { name } = nodes.find(({ kind }) => kind !== 'latent') ?? nodes[0]!;
  return name.replace('Resid ', '').replace(/\.(E\d+|Router)$/, '');
}
