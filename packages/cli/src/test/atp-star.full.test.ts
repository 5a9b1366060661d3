/** @file AtP* on a trained model: what patching edges does, one by one and all into a query or key, against their scores. */
import { onnxBackend } from '@auto-circuit/backend-onnx';
import { openTask } from '@auto-circuit/core';
import { objectiveOnLogits, type PruneScores } from '@auto-circuit/core/plugin';
import { loadModel } from '@auto-circuit/models';
import { atpStar, eap, exact } from '@auto-circuit/prune-algos';
import { ioiMini } from '@auto-circuit/tasks';
import { expect, it } from 'vitest';

it('on ioi-mini, edges into queries and keys have scores nearer to what patching does than those of eap', async () => {
  const task = await openTask({ data: ioiMini, ...(await loadModel('ioi-mini')), backend: onnxBackend });
  const { graph, model, prompts } = task;
  const batches = prompts.train;
  const count = batches.reduce((n, batch) => n + batch.prompts.length, 0);
  const blank = (): PruneScores =>
    Object.fromEntries(graph.destinationBlocks.map(({ module }) => [module, zeros(own[module]!.shape)]));
  const { scores: own } = await task.score(atpStar, { gradDrop: false });
  const { scores: plain } = await task.score(eap);

  /** Mean loss where all edges into one head's input are patched. */
  const loss = async (module: string | null, head = 0): Promise<number> => {
    const tensors = blank();
    const { data, shape } = tensors[module ?? ''] ?? zeros([0, 0]);
    const sources = shape.at(-1)!;
    data.fill(1, head * sources, (head + 1) * sources);
    let sum = 0;
    for (const batch of batches) {
      const patch = { kind: 'resample', from: 'corrupt' } as const;
      const logits = await model.patchedRun(batch, { input: 'clean', patch, mask: { perItem: false, tensors } });
      const objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' } as const;
      sum += objectiveOnLogits(objective, logits, batch).reduce((a, b) => a + b, 0);
    }
    return sum / count;
  };
  const clean = await loss(null);
  const rows: { name: string; exact: number; own: number; plain: number }[] = [];
  const inputs = graph.destinationBlocks.filter(({ input }) => input === 'q' || input === 'k');
  for (const { module, site, input, heads } of inputs) {
    for (let head = 0; head < heads!; head++) {
      const added = ({ [module]: tensor }: PruneScores): number => {
        const sources = tensor!.shape.at(-1)!;
        return [...tensor!.data.subarray(head * sources, (head + 1) * sources)].reduce((a, b) => a + b, 0);
      };
      rows.push({
        name: `${site}.${head}.${input}`,
        exact: (await loss(module, head)) - clean,
        own: added(own),
        plain: added(plain),
      });
    }
  }
  const off = (which: 'own' | 'plain'): number => rows.reduce((sum, row) => sum + Math.abs(row[which] - row.exact), 0);
  expect(off('own')).toBeLessThan(off('plain') / 4);
  // from the last position, 0.91 of its attention goes to one key; eap has the wrong sign
  const saturated = rows.find(({ name }) => name === 'L2.attn.1.k')!;
  expect(Math.abs(saturated.own - saturated.exact)).toBeLessThan(0.2 * saturated.exact);
  expect(saturated.plain).toBeLessThan(0);

  const { scores: one } = await task.score(exact);
  const offByEdge = (scores: PruneScores): number =>
    inputs
      .flatMap(({ module }) => [...scores[module]!.data].map((x, i) => Math.abs(x - one[module]!.data[i]!)))
      .reduce((a, b) => a + b, 0);
  expect(offByEdge(own)).toBeLessThan(offByEdge(plain) / 2);
  await task.dispose();
});

const zeros = (shape: readonly number[]) => ({
  dtype: 'float' as const,
  shape: [...shape],
  data: new Float32Array(shape.reduce((n, d) => n * d, 1)),
});
