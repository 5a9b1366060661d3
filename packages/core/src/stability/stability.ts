/**
 * @file How a run's circuit holds up: how often each edge is in the circuit when prompts are drawn again, what other seeds,
 * ablations and paraphrases make of it, and which edges are certified. Meloux et al. 2025 (https://arxiv.org/abs/2510.00845) found that
 * circuits move much under such changes; `stability.json` says how much this one does.
 */
import { makeCircuit } from '../graph/circuit.js';
import { edgeAt } from '../graph/edges.js';
import { flattenScores } from '../graph/score-index.js';
import type { Circuit } from '../graph/types.js';
import { promptsOfRun } from '../run/prompts-of-run.js';
import { metricText, metricUnit, patchDescription } from '../run/run-circuits.js';
import { fromJsonNumber, type JsonNumber } from '../run-folder/schemas.js';
import type { Stability } from '../run-folder/stability-file.js';
import { exactInterval } from '../statistics/binomial.js';
import { Certifier } from './certificate.js';
import {
  checkCondition,
  circuitUnder,
  conditionOf,
  measuredUnder,
  overlapOf,
  pieceOf,
  type VariationAsked,
  variationName,
} from './conditions.js';
import type { StabilityHooks, StabilityRequest } from './request.js';
import { type Resampled, resampledCircuits } from './resampled-circuits.js';

/**
 * Puts a run's circuit to the test.
 * @throws AutoCircuitError like `discover`; `memory-limit` where the scores of single prompts do not fit in memory
 */
export async function runStability(request: StabilityRequest, hooks: StabilityHooks = {}): Promise<Stability> {
  const { model, before, metric, level, deletion } = request;
  const { graph } = model;
  const run = makeCircuit(graph, before.circuit.edges);
  const inRun = new Set(run.edges);
  const prompts = promptsOfRun(request.prompts, graph, request.ablation, request);
  const train = prompts.train.flatMap((batch) => batch.prompts);
  for (const condition of [request, ...request.variations.map((asked) => conditionOf(request, asked))]) {
    checkCondition(condition, metric); // before any work is done
  }
  const patch = await patchDescription(model, request, prompts.train, {
    seed: request.seed,
    checkpoint: request.constants,
    signal: hooks.signal,
  });
  let resampled: Resampled;
  try {
    resampled = await resampledCircuits({ ...request, size: run.edges.length, trainPrompts: train, patch }, hooks);
  } finally {
    if (patch.kind === 'mean') patch.dispose();
  }
  const varied: { readonly asked: VariationAsked; readonly circuit: Circuit; readonly values: Measured }[] = [];
  for (const asked of request.variations) {
    const condition = conditionOf(request, asked);
    const piece = pieceOf(asked);
    const circuit = await circuitUnder(condition, hooks, { edges: run.edges.length, kept: request.kept, piece });
    varied.push({ asked, circuit, values: await measuredUnder(condition, [circuit, run], metric, hooks) });
  }
  const certifier = resampled.subsets
    ? new Certifier({ subsets: resampled.subsets.count, deletion, level, edges: graph.edgeCount })
    : null;
  const certificates = Array.from({ length: graph.edgeCount }, (_, edge) =>
    certifier && resampled.subsets ? certifier.of(resampled.subsets.with[edge]!) : null,
  );
  const certified = makeCircuit(
    graph,
    [...certificates.keys()].filter((e) => certificates[e]?.certified === 'in'),
  );
  const circuits = [run, certified, ...resampled.first.map((edges) => makeCircuit(graph, edges))];
  const own = await measuredUnder(request, circuits, metric, { ...hooks, constants: request.constants });
  const values: readonly (JsonNumber | null)[] = own.values ?? circuits.map(() => null);
  if (own.reason !== null) hooks.onWarning?.(`circuits have no ${metricText(metric)} here: ${own.reason}`);
  const overlaps = resampled.overlaps.toSorted((a, b) => a - b);
  const howMany = (what: 'in' | 'out' | 'abstains') => certificates.filter((c) => c?.certified === what).length;
  return {
    format: 'auto-circuit stability 1',
    edges: run.edges.length,
    metric: { name: metricText(metric), unit: metricUnit(metric), higherIsBetter: metric.metric.higherIsBetter },
    value: values[0]!,
    level,
    resamples: {
      by: resampled.by,
      count: resampled.count,
      prompts: train.length,
      overlap: { mean: meanOf(overlaps), ...middleOf(overlaps, level) },
      measured: resampled.first.length,
      value: rangeOf(values.slice(2)),
    },
    variations: varied.map(({ asked, circuit, values: measured }) => {
      const { both, either } = overlapOf(circuit.edges, inRun);
      const [value, ofRun] = measured.values ?? [null, null];
      return {
        kind: asked.kind,
        name: variationName(asked),
        edges: circuit.edges.length,
        both,
        either,
        value: value!,
        ofRun: ofRun!,
        ...(measured.reason === null ? {} : { reason: measured.reason }),
      };
    }),
    certificates: certifier
      ? {
          deletion,
          subsets: resampled.subsets!.count,
          heldPatch: patch.kind !== 'resample' && patch.kind !== 'zero',
          in: howMany('in'),
          out: howMany('out'),
          abstains: howMany('abstains'),
          value: certified.edges.length === 0 ? null : values[1]!,
        }
      : null,
    listed: listed(request, resampled, inRun, varied.map(({ circuit }) => new Set(circuit.edges)), certificates), // biome-ignore format: one line
  };
}

type Measured = Awaited<ReturnType<typeof measuredUnder>>;

/** The edges that any circuit has: those of the run first, each part by falling share, equal ones by falling |score|. */
function listed(
  { model, level, before }: StabilityRequest,
  resampled: Resampled,
  inRun: ReadonlySet<number>,
  variations: readonly ReadonlySet<number>[],
  certificates: readonly (ReturnType<Certifier['of']> | null)[],
): Stability['listed'] {
  const { graph } = model;
  const { count } = resampled;
  const found = Array.from({ length: graph.edgeCount }, (_, edge) => edge).filter(
    (edge) =>
      inRun.has(edge) ||
      resampled.with[edge]! > 0 ||
      variations.some((edges) => edges.has(edge)) ||
      certificates[edge]?.certified === 'in',
  );
  const sizes = flattenScores(graph, before.scores).map(Math.abs);
  const rank = (edge: number): number => (inRun.has(edge) ? 1 : 0);
  return found
    .sort(
      (a, b) =>
        rank(b) - rank(a) ||
        resampled.with[b]! - resampled.with[a]! ||
        (sizes[a] === sizes[b] ? a - b : sizes[b]! - sizes[a]!),
    )
    .map((edge) => ({
      edge: edgeAt(graph, edge).name,
      kept: inRun.has(edge),
      share: resampled.with[edge]! / count,
      ...exactInterval(resampled.with[edge]!, count, level),
      sign: resampled.sameSign[edge]! / count,
      variations: variations.filter((edges) => edges.has(edge)).length,
      ...(certificates[edge] ?? {}),
    }));
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

/** Where the middle `level` of rising values lies. */
function middleOf(rising: readonly number[], level: number): { readonly low: number; readonly high: number } {
  const tail = Math.floor(((1 - level) / 2) * rising.length);
  return { low: rising[tail]!, high: rising[rising.length - 1 - tail]! };
}

/** Mean, least and most; null where there are none or one is not finite. */
function rangeOf(values: readonly (JsonNumber | null)[]): Stability['resamples']['value'] {
  const numbers = values.map((value) => (value === null ? Number.NaN : fromJsonNumber(value)));
  if (numbers.length === 0 || !numbers.every(Number.isFinite)) return null;
  const rising = numbers.toSorted((a, b) => a - b);
  return { mean: meanOf(rising), low: rising[0]!, high: rising.at(-1)! };
}
