/** @file A whole run on the micro model, for tests: prompts, an algorithm, a metric and the request that puts them together. */
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { seededRandom } from '../numeric/seeded-random.js';
import { promptAnswerValue } from '../objectives/answers.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import { defineMetric } from '../plugin/metric.js';
import { definePruneAlgo } from '../plugin/prune-algo.js';
import type { Prompt } from '../prompts/types.js';
import type { DiscoverRequest, RunIdentity } from '../run/request.js';
import { ScoreAccumulator } from '../statistics/accumulate.js';
import { microModel } from './micro-model.js';

/** Edge attribution patching, one checkpoint a batch. */
export const microEap = definePruneAlgo({
  name: 'eap',
  doc: 'gradient times difference',
  options: {},
  byPrompt: true,
  async score(context) {
    const { model, graph, batches, objective, patch, progress, checkpoint, signal } = context;
    const saved = await checkpoint?.load();
    const total = saved
      ? ScoreAccumulator.fromCheckpoint(graph, saved, undefined, context)
      : new ScoreAccumulator(graph, context);
    for (const [i, batch] of batches.entries()) {
      signal?.throwIfAborted();
      if (total.prompts > batch.prompts[0]!.index) continue;
      total.add(await model.maskGradient(batch, { input: 'clean', patch, objective }));
      await checkpoint?.save(total.toCheckpoint());
      progress.report(i + 1, batches.length, 'batches');
    }
    return total.result();
  },
});
/** The mean logit difference. */
export const microLogitDiff = defineMetric({
  name: 'logit-diff',
  doc: 'mean logit difference',
  options: {},
  higherIsBetter: true,
  needsWrongAnswers: true,
  unit: 'logits',
  measure({ circuit, outputSize }) {
    const values = circuit.flatMap(({ batch, logits }) =>
      batch.prompts.map((prompt, i) =>
        promptAnswerValue(logits.subarray(i * outputSize, (i + 1) * outputSize), prompt, 'logit', 'diff'),
      ),
    );
    return { value: values.reduce((a, b) => a + b, 0) / values.length, prompts: { values } };
  },
});

/** Answer 0 is right on the clean side, by how much depends on the prompt. */
export const MICRO_PROMPTS: readonly Prompt[] = Array.from({ length: 8 }, (_, index) => {
  const random = seededRandom(7, index);
  const position = (sign: number) => [sign * (1 + random.uniform()), random.uniform() - sign * 0.5];
  return {
    index,
    clean: [position(1), position(1)],
    corrupt: [position(-1), position(-1)],
    answers: [0],
    wrongAnswers: [1],
  };
});

/** Three layers, so that edges skip layers. */
export const MICRO_RUN_HEADS = [
  [
    [1, 0.5],
    [0.2, -0.3],
  ],
  [
    [0.7, 0.1],
    [-0.4, 0.6],
  ],
  [
    [0.3, 0.3],
    [0.9, -0.2],
  ],
];
/** What a command would say of this run. */
export const MICRO_IDENTITY: RunIdentity = {
  model: { name: 'micro', key: microModel(MICRO_RUN_HEADS).weights.key, processing: [] },
  data: { name: 'made-up', bos: 'none' },
  sources: {},
  backend: interpreterBackend().info,
  versions: { core: '0' },
};

/** A request for a discovery on the micro model, with what differs. */
export const microRequest = (model: PatchableModel, changes: Partial<DiscoverRequest> = {}): DiscoverRequest => ({
  model,
  prompts: MICRO_PROMPTS,
  algo: microEap,
  algoOptions: {},
  metrics: [{ metric: microLogitDiff, options: {} }],
  objective: 'logit-diff',
  sizes: { by: 'rule', rule: 'all' },
  keep: 'auto',
  ablation: 'resample',
  ablateFrom: 'corrupt',
  patchType: 'tree',
  reverse: false,
  batchSize: 2,
  limit: null,
  length: null,
  train: null,
  test: 'same',
  seed: 0,
  ...changes,
});
