/** @file What metrics read of outputs, whether logits are there or a run gave only what is read of them. */
import { AutoCircuitError } from '../errors/error.js';
import { type OutputRow, outputRow } from '../objectives/output-row.js';
import { meanOverPositions, outputRows } from '../objectives/output-rows.js';
import { klDivergence } from '../objectives/token-functions.js';
import type { PromptBatch } from '../prompts/types.js';
import type { BatchOutputs, ReadOutputs } from './metric.js';

/** References are read again for every circuit; sums over their vocabularies are made once. */
const known = new WeakMap<BatchOutputs, readonly (readonly OutputRow[])[]>();

/**
 * What metrics of answers read of each prompt, at each position that is read.
 * @throws AutoCircuitError `wrong-shape` when the outputs do not fit their batch
 */
export function answerRows(outputs: BatchOutputs, outputSize: number): readonly (readonly OutputRow[])[] {
  if (outputs.read) return outputs.read.rows.map((row) => [row]);
  const rows = known.get(outputs) ?? outputRows(outputs, outputSize).map((positions) => positions.map(outputRow));
  known.set(outputs, rows);
  return rows;
}

/**
 * KL(reference ‖ run) of each prompt in nats, the mean over the positions that are read.
 * @param reference the outputs of a batch, with logits
 * @param run the outputs of the same batch
 */
export function klByPrompt(reference: BatchOutputs, run: BatchOutputs, outputSize: number): number[] {
  if (run === reference) return run.batch.prompts.map(() => 0);
  if (!run.read) {
    const [from, to] = [answerRows(reference, outputSize), answerRows(run, outputSize)]; // their sums are kept
    const references = outputRows(reference, outputSize);
    return outputRows(run, outputSize).map((rows, i) =>
      meanOverPositions(rows, (row, position) => {
        const sums = [from[i]![position]!.logSumExp, to[i]![position]!.logSumExp] as const;
        return klDivergence(references[i]![position]!, row, sums);
      }),
    );
  }
  const at = run.read.references.indexOf(reference);
  if (at >= 0) return run.read.rows.map(({ divergences }) => divergences[at]!);
  throw new AutoCircuitError({
    code: 'internal',
    where: 'metrics',
    what: 'the KL divergence from these outputs was not read',
    fix: 'name it in what the metric reads',
    kind: 'internal',
  });
}

/** Outputs of a run that gave no logits. */
export function outputsRead(batch: PromptBatch, read: ReadOutputs): BatchOutputs {
  return {
    batch,
    read,
    get logits(): Float32Array {
      throw new AutoCircuitError({
        code: 'plugin-failed',
        where: 'metrics',
        what: 'a metric asked for the logits of a circuit, and says that it reads something else of its outputs',
        fix: 'leave out what the metric says that it reads (`reads`), or read outputs by `answerRows` and `klByPrompt`',
        fields: { kind: 'metric', member: 'reads' },
      });
    },
  };
}
