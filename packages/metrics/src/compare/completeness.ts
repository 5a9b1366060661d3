/** @file Completeness: does the circuit break like the model when the same edges are knocked out of both? */
import {
  AutoCircuitError,
  type BatchOutputs,
  type Circuit,
  importances,
  type MetricValue,
  type PatchableModel,
  type PatchDescription,
  type PromptBatch,
  type PruneScores,
} from '@auto-circuit/core/plugin';
import { type AblationChoice, circuitOutputs } from '@auto-circuit/core/run';
import { klValues } from '../shared/prompt-values.js';
import { meanValue } from '../shared/statistics.js';

/** A circuit, and what to knock out of it. */
export interface KnockoutRequest {
  readonly model: PatchableModel;
  readonly batches: readonly PromptBatch[];
  readonly circuit: Circuit;
  /** Canonical numbers of the edges to knock out, all inside the circuit. */
  readonly knockouts: readonly number[];
  readonly ablation: AblationChoice;
  /** What that ablation patches in. */
  readonly patch: PatchDescription;
  readonly signal?: AbortSignal;
}
/** How far circuit and model are apart, with and without the knock-outs. */
export interface KnockoutResult {
  readonly knockouts: number;
  /** KL(model ‖ circuit), nats, mean over prompts. */
  readonly normal: MetricValue;
  /** KL(model with the knock-outs patched ‖ circuit with the knock-outs patched too): near 0 for a complete circuit. */
  readonly knockedOut: MetricValue;
}

/**
 * Completeness (Wang et al. 2022, "Interpretability in the Wild", https://arxiv.org/abs/2211.00593), by edges and KL: the model without K
 * against the circuit without K, K a part of the circuit. Runs the clean prompts with edges patched (tree patch).
 *
 * @throws AutoCircuitError `circuit-mismatch` for a knock-out outside the circuit
 */
export async function sameUnderKnockouts(request: KnockoutRequest): Promise<KnockoutResult> {
  const { model, batches, circuit, knockouts, ablation, patch, signal } = request;
  const inside = new Set(circuit.edges);
  const stray = knockouts.find((edge) => !inside.has(edge));
  if (stray !== undefined) {
    throw new AutoCircuitError({
      code: 'circuit-mismatch',
      fields: { edge: stray },
      where: 'completeness',
      what: 'only edges of the circuit can be knocked out of it',
      expected: `among its ${circuit.edges.length} edges`,
      got: `edge ${stray}`,
    });
  }
  const out = new Set(knockouts);
  const all = Array.from({ length: model.graph.edgeCount }, (_, edge) => edge);
  const run = (edges: readonly number[]): Promise<BatchOutputs[]> =>
    circuitOutputs(model, batches, edges, { ...ablation, patchType: 'tree', reverse: false }, patch, signal);
  const klBetween = async (reference: readonly number[], circuitEdges: readonly number[]): Promise<MetricValue> =>
    meanValue('completeness', klValues(await run(reference), await run(circuitEdges), model.outputSize));
  return Object.freeze({
    knockouts: out.size,
    normal: await klBetween(all, circuit.edges),
    knockedOut: await klBetween(
      all.filter((edge) => !out.has(edge)),
      circuit.edges.filter((edge) => !out.has(edge)),
    ),
  });
}

/**
 * The edges of a circuit whose importance |score| is at least `threshold`: which to knock out, by scores of any kind.
 * (By importance, as circuits are chosen; AutoCircuit compares the signed score here.)
 */
export function knockoutsAbove(circuit: Circuit, scores: PruneScores, threshold: number): number[] {
  const importance = importances(circuit.graph, scores);
  return circuit.edges.filter((edge) => importance[edge]! >= threshold);
}
