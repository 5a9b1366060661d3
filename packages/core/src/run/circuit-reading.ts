/**
 * @file Whether circuits are measured by a few numbers that their runs work out, or by whole outputs: a large vocabulary is as
 * much to walk through in JavaScript, for every circuit, as a part of the model is to run.
 */
import { logProbabilities, type OutputReadings, readRows } from '../objectives/readings.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { Metric } from '../plugin/metric.js';
import { outputsRead } from '../plugin/output-reads.js';
import type { FaithfulnessScale } from './faithfulness.js';
import type { CircuitReading, References } from './run-circuits.js';

/** From this vocabulary on outputs are read where the model runs. Below, whole outputs in float64 cost next to nothing. */
export const READ_FROM_OUTPUTS = 4096;

/** Whether metrics say all that they read, of outputs that can be read where the model runs. */
export const isReadable = (
  { outputSize, outputs }: Pick<PatchableModel, 'outputSize' | 'outputs'>,
  metrics: readonly Metric[],
): boolean =>
  outputSize >= READ_FROM_OUTPUTS && outputs === 'last' && metrics.every(({ reads }) => reads !== undefined);

/** How circuits are read; null where whole outputs are wanted. */
export function circuitReading(
  model: Pick<PatchableModel, 'outputSize' | 'outputs'>,
  metrics: readonly Metric[],
  references: References,
  scale: FaithfulnessScale | null,
): CircuitReading | null {
  if (!isReadable(model, metrics) || scale?.by === 'mse') return null;
  const reads = new Set(metrics.flatMap((metric) => metric.reads!));
  const compared = new Set([
    ...(reads.has('kl-clean') ? [references.clean] : []),
    ...(reads.has('kl-corrupt') ? [references.corrupt] : []),
    ...(scale?.by === 'kl' ? [references.model] : []),
  ]);
  const byBatch = references.clean.map(({ batch }, b) => {
    const outputsOfBatch = [...compared].map((list) => list[b]!);
    let readings: OutputReadings | null = null; // only of batches that are run here
    return {
      batch,
      references: outputsOfBatch,
      readings(): OutputReadings {
        const from = () => outputsOfBatch.map(({ logits }) => logProbabilities(logits, batch.prompts.length));
        readings ??= { references: from() };
        return readings;
      },
    };
  });
  return {
    ofBatch: (b) => byBatch[b]!.readings(),
    outputs(b, values) {
      const { batch, references: from } = byBatch[b]!;
      return outputsRead(batch, { rows: readRows(values, batch.prompts, model.outputSize), references: from });
    },
  };
}
