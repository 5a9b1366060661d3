import { interpreterBackend, openTask } from '@auto-circuit/core';
import { kl, logitDiff } from '@auto-circuit/metrics';
import { loadModel } from '@auto-circuit/models';
import { eap } from '@auto-circuit/prune-algos';
import { ioiMini } from '@auto-circuit/tasks';

/** One circuit of the study. */
export interface Row {
  readonly edges: number;
  /** KL divergence from the whole model, in nats. */
  readonly kl: number;
  /** Mean logit difference. */
  readonly logitDiff: number;
}

/** Scores the edges of a task, and measures circuits of these sizes on as many prompts as `limit` says. */
export async function study(sizes: readonly number[], limit: number): Promise<Row[]> {
  // the reference backend; @auto-circuit/backend-onnx has a fast one
  const backend = async () => interpreterBackend({ precision: 'float32' });
  const task = await openTask({ data: ioiMini, ...(await loadModel('ioi-mini')), backend, limit, test: 'same' });
  try {
    const { scores } = await task.score(eap);
    const rows: Row[] = [];
    for (const edges of sizes) {
      const [divergence, difference] = await task.measure(task.circuit(scores, edges), [kl, logitDiff]);
      rows.push({ edges, kl: divergence!.value, logitDiff: difference!.value });
    }
    return rows;
  } finally {
    await task.dispose();
  }
}
