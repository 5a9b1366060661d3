/** @file Trains a small GPT-2 through our own programs and gradients, on any backend. */
import { type Backend, floatTensor, intTensor, memoryWeights, type Tensor } from '@auto-circuit/core/backend';
import type { Gpt2Shape } from '../architectures/gpt2.js';
import { ADAM_DEFAULTS, Adam, type AdamSettings, learningRateAt } from './adam.js';
import { gradientName, lastLogitsProgram, lossProgram } from './programs.js';
import { initialWeights, type Weights } from './weights.js';

/** A sentence in token ids; the token at `answerAt` is the one that counts most. */
export interface TrainingSentence {
  readonly tokens: readonly number[];
  readonly answerAt: number;
}
/** A prompt held out of training: `answer` should beat every other token on `clean`; on `corrupt` neither of the two should win. */
export interface HeldOutPrompt {
  readonly clean: readonly number[];
  readonly corrupt: readonly number[];
  readonly answer: number;
  readonly wrongAnswer: number;
}
/** How the model is trained. */
export interface TrainingSettings {
  readonly steps: number;
  readonly batchSize: number;
  /** Peak learning rate. */
  readonly learningRate: number;
  readonly warmUp: number;
  /** What predicting any other token counts, the answer being 1. */
  readonly otherTokens: number;
  /** What a unit of `writtenShare` counts in the loss: how strongly nodes of little use are silenced. */
  readonly writing: number;
  readonly adam: AdamSettings;
  /** Of the initial weights. */
  readonly seed: number;
  /** Steps from one look at the held-out prompts to the next. */
  readonly lookEvery: number;
  /** Stops when the held-out accuracy is at least this at a look; above 1 it never does. */
  readonly stopAt: number;
}
/** The settings that the shipped models were trained with. */
export const TRAINING_DEFAULTS: TrainingSettings = Object.freeze({
  steps: 2000,
  batchSize: 64,
  learningRate: 3e-3,
  warmUp: 100,
  otherTokens: 0.1,
  writing: 0.03,
  adam: ADAM_DEFAULTS,
  seed: 1,
  lookEvery: 100,
  stopAt: 2,
});

/** How good the model is on the held-out prompts; differences are answer − wrong answer in logits. */
export interface HeldOutResult {
  readonly accuracy: number;
  readonly cleanDifference: number;
  readonly corruptDifference: number;
  /** Mean of |difference| on the corrupt prompts. */
  readonly corruptSpread: number;
}
/** How good the model is after some steps. */
export interface TrainingReport {
  readonly step: number;
  /** Means over the steps since the last report: cross entropy in nats, and `writtenShare`. */
  readonly crossEntropy: number;
  readonly written: number;
  readonly heldOut: HeldOutResult;
}
/** What is asked of `trainGpt2`. */
export interface TrainingRequest {
  readonly shape: Gpt2Shape;
  readonly backend: Backend;
  readonly sentences: Iterator<TrainingSentence>;
  readonly heldOut: readonly HeldOutPrompt[];
  readonly settings: TrainingSettings;
  readonly report?: (report: TrainingReport) => void;
}

/**
 * Trains and gives the weights under canonical names. The same request on the same backend, with one thread, gives the
 * same weights.
 */
export async function trainGpt2(request: TrainingRequest): Promise<Weights> {
  const { shape, backend, sentences, settings, report } = request;
  const none = memoryWeights({});
  const lossOf = await backend.compile(lossProgram(shape), none);
  const logitsOf = await backend.compile(lastLogitsProgram(shape), none);
  const weights = initialWeights(shape, settings.seed);
  const fed = weightFeeds(weights);
  const adam = new Adam(weights, settings.adam);
  const { steps, learningRate: peak, warmUp } = settings;
  const writing = floatTensor(Float32Array.of(settings.writing), []);
  let sums = { crossEntropy: 0, written: 0, steps: 0 };
  for (let step = 0; step < steps; step++) {
    const results = await lossOf.run({ ...trainingBatch(sentences, settings), writing, ...fed });
    sums.crossEntropy += results.crossEntropy!.data[0]!;
    sums.written += results.written!.data[0]!;
    sums.steps++;
    adam.step(learningRateAt(step, { peak, warmUp, steps }), (name) => results[gradientName(name)]!.data);
    if ((step + 1) % settings.lookEvery !== 0 && step + 1 !== steps) continue;
    const heldOut = await lookAt(request.heldOut, async (tokens) => (await logitsOf.run({ tokens, ...fed })).logits!);
    const { crossEntropy, written, steps: since } = sums;
    report?.({ step: step + 1, crossEntropy: crossEntropy / since, written: written / since, heldOut });
    sums = { crossEntropy: 0, written: 0, steps: 0 };
    if (heldOut.accuracy >= settings.stopAt) break;
  }
  await lossOf.dispose();
  await logitsOf.dispose();
  return weights;
}

/** Views of the weights, not copies: what Adam writes is what the next step reads. */
export const weightFeeds = (weights: Weights): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(weights).map(([name, { shape, data }]) => [name, floatTensor(data, shape)]));

/** The next sentences, padded on the right (where nothing looks, attention being causal, and nothing counts). */
export function trainingBatch(
  sentences: Iterator<TrainingSentence>,
  { batchSize, otherTokens }: Pick<TrainingSettings, 'batchSize' | 'otherTokens'>,
): Record<'tokens' | 'targets' | 'importance', Tensor> {
  const drawn = Array.from({ length: batchSize }, () => sentences.next().value as TrainingSentence);
  const length = Math.max(...drawn.map(({ tokens }) => tokens.length)) - 1;
  const tokens = new Int32Array(batchSize * length);
  const targets = new Int32Array(batchSize * length);
  const importance = new Float32Array(batchSize * length);
  let total = 0;
  drawn.forEach((sentence, row) => {
    for (let pos = 0; pos + 1 < sentence.tokens.length; pos++) {
      const at = row * length + pos;
      tokens[at] = sentence.tokens[pos]!;
      targets[at] = sentence.tokens[pos + 1]!;
      importance[at] = pos + 1 === sentence.answerAt ? 1 : otherTokens;
      total += importance[at];
    }
  });
  const shape = [batchSize, length];
  return {
    tokens: intTensor(tokens, shape),
    targets: intTensor(targets, shape),
    importance: floatTensor(
      importance.map((x) => x / total),
      shape,
    ),
  };
}

/** Runs the held-out prompts, those of one length together. `logitsOf`: tokens [n, pos] → [n, vocabulary]. */
export async function lookAt(
  prompts: readonly HeldOutPrompt[],
  logitsOf: (tokens: Tensor) => Promise<Tensor>,
): Promise<HeldOutResult> {
  const sums = { right: 0, clean: 0, corrupt: 0, spread: 0 };
  for (const length of new Set(prompts.map(({ clean }) => clean.length))) {
    const group = prompts.filter(({ clean }) => clean.length === length);
    const run = async (side: 'clean' | 'corrupt'): Promise<ArrayLike<number>[]> => {
      const { data, shape } = await logitsOf(
        intTensor(
          group.flatMap((p) => [...p[side]]),
          [group.length, length],
        ),
      );
      return group.map((_, row) => data.subarray(row * shape[1]!, (row + 1) * shape[1]!));
    };
    const [clean, corrupt] = [await run('clean'), await run('corrupt')];
    group.forEach(({ answer, wrongAnswer }, row) => {
      const difference = corrupt[row]![answer]! - corrupt[row]![wrongAnswer]!;
      if (Math.max(...Array.from(clean[row]!)) === clean[row]![answer]) sums.right++;
      sums.clean += clean[row]![answer]! - clean[row]![wrongAnswer]!;
      sums.corrupt += difference;
      sums.spread += Math.abs(difference);
    });
  }
  const n = prompts.length;
  return {
    accuracy: sums.right / n,
    cleanDifference: sums.clean / n,
    corruptDifference: sums.corrupt / n,
    corruptSpread: sums.spread / n,
  };
}
