/**
 * @file Whether circuits are measured by a few numbers that their runs work out, or by whole outputs: a large vocabulary is as
 * much to walk through in JavaScript, for every circuit, as a part of the model is to run.
 */
import { logProbabilities, readRows } from '../objectives/readings.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { Metric } from '../plugin/metric.js';
import { outputsRead } from '../plugin/output-reads.js';
import type { FaithfulnessScale } from './faithfulness.js';
import type { CircuitReading, References } from './run-circuits.js';

/** From this vocabulary on outputs are read where the model runs. Below, whole outputs in float64 cost next to nothing. */
const READ_FROM_OUTPUTS = 4096;

/** How circuits are read; null where whole outputs are wanted. */
export function circuitReading(
  { outputSize, outputs }: Pick<PatchableModel, 'outputSize' | 'outputs'>,
  metrics: readonly Metric[],
  references: References,
  scale: FaithfulnessScale | null,
): CircuitReading | null {
  if (outputSize < READ_FROM_OUTPUTS || outputs !== 'last') return null;
  if (scale?.by === 'mse' || metrics.some(({ reads }) => reads === undefined)) return null;
  const reads = new Set(metrics.flatMap((metric) => metric.reads!));
  const compared = new Set([
    ...(reads.has('kl-clean') ? [references.clean] : []),
    ...(reads.has('kl-corrupt') ? [references.corrupt] : []),
    ...(scale?.by === 'kl' ? [references.model] : []),
  ]);
  const byBatch = references.clean.map(({ batch }, b) => {
    const outputsOfBatch = [...compared].map((list) => list[b]!);
    return {
      batch,
      references: outputsOfBatch,
      readings: { references: outputsOfBatch.map(({ logits }) => logProbabilities(logits, batch.prompts.length)) },
    };
  });
  return {
    ofBatch: (b) => byBatch[b]!.readings,
    outputs(b, values) {
      const { batch, references: from } = byBatch[b]!;
      return outputsRead(batch, { rows: readRows(values, batch.prompts, outputSize), references: from });
    },
  };
}
