/** @file The checks of `auto-circuit validate`: each gives a number and what it may be at most. */
import type { Backend, Graph, ModelObject, PatchableModel, Prompt, PromptBatch } from '@auto-circuit/core';
import type { LoadedModel } from '@auto-circuit/models';
import { TEXTS } from './sample-texts.js';
import type { NoAnswer, TransformersAnswer } from './transformers.js';

/** One row of the table. */
export interface Check {
  readonly name: string;
  /** The largest difference found; null where nothing was compared. */
  readonly value: number | null;
  readonly bound: number | null;
  /** null: not compared. */
  readonly passed: boolean | null;
  /** Where the difference is, of how many; or why nothing was compared. */
  readonly detail: string;
}

/** A float32 operation rounds its result by at most this part of it. */
const ROUNDING = 2 ** -24;

/** Operations of a module that follow one another beside its sums: norms, rotation, softmax, activation, factors. */
const ELEMENTWISE = 24;

/** Roundings that a logit goes through: in every module, and at both ends, sums over about dModel numbers and the rest. */
export const depthOf = ({ spec: { layout } }: ModelObject): number =>
  (2 * layout.layers + 2) * (layout.dModel + ELEMENTWISE);

const notCompared = (name: string, detail: string): Check => ({ name, value: null, bound: null, passed: null, detail });
const compared = (name: string, value: number, bound: number, detail: string): Check => ({
  name,
  value,
  bound,
  passed: value <= bound,
  detail,
});

/**
 * Logits of the last position against those of transformers. Where processing has centred the unembedding, both are taken less
 * their mean.
 *
 * The bound: every sum of the model rounds its result by 2⁻²⁴, and these are independent, so √depth of them count; twice for the
 * two sides, and twice as norms and softmaxes pass relative errors on to all their outputs.
 */
export async function logitsCheck(
  { model, patchable }: { readonly model: ModelObject; readonly patchable: PatchableModel },
  batch: PromptBatch,
  answer: TransformersAnswer | NoAnswer,
): Promise<Check> {
  const name = 'logits, against transformers';
  if ('reason' in answer) return notCompared(name, answer.reason);
  if (!answer.logits) return notCompared(name, 'transformers gave none');
  const { inputOf } = await import('@auto-circuit/core/plugin');
  const { data } = await patchable.run(inputOf(batch, 'clean'), 'last'); // [prompts, outputSize]
  const size = patchable.outputSize;
  const theirSize = answer.logits.length / batch.prompts.length; // padded vocabularies may be cut
  const centred = model.processing.includes('center-unembed');
  let [difference, largest] = [0, 0];
  for (const row of batch.prompts.keys()) {
    const ours = data.subarray(row * size, (row + 1) * size);
    const theirs = answer.logits.subarray(row * theirSize, (row + 1) * theirSize);
    const [a, b] = centred ? [meanOf(ours), meanOf(theirs)] : [0, 0];
    for (let i = 0; i < Math.max(size, theirSize); i++) {
      const apart = Math.abs(ours[i]! - a - (theirs[i]! - b)); // NaN where one side has no such token
      if (!(apart <= difference)) difference = apart;
      largest = Math.max(largest, Math.abs(theirs[i]!));
    }
  }
  const bound = 4 * ROUNDING * Math.sqrt(depthOf(model)) * largest;
  const detail = `${batch.prompts.length} prompts, ${answer.versions}, ${answer.dtype}`;
  return compared(name, difference, bound, detail);
}
const meanOf = (row: Float32Array): number => row.reduce((sum, x) => sum + x, 0) / row.length;

/** What every module reads against the sum of its sources. */
export async function residualCheck(
  model: ModelObject,
  graph: Graph,
  backend: Backend,
  batch: PromptBatch,
): Promise<Check> {
  const { residualSums } = await import('@auto-circuit/core/run');
  const { value, bound, at, count } = await residualSums(model, graph, backend, batch);
  return compared('residual = Resid Start + Σ sources + biases', value, bound, `${count} modules, largest at ${at}`);
}

/** `eap` scores against differences of patched runs. */
export async function gradientCheck(
  { model, patchable }: { readonly model: ModelObject; readonly patchable: PatchableModel },
  batch: PromptBatch,
  { edges, seed }: { readonly edges: number; readonly seed: number },
): Promise<Check> {
  const { gradientsAgainstDifferences } = await import('@auto-circuit/core/run');
  const answered = await withAnswers(patchable, batch);
  const request = { model: patchable, batch: answered, edges, seed, depth: depthOf(model) };
  const { value, bound, at, count } = await gradientsAgainstDifferences(request);
  return compared('eap, against finite differences', value, bound, `${count} edges, nearest to its bound at ${at}`);
}

/** The prompts with the model's own first and second answer, so that something depends on the edges. */
async function withAnswers(patchable: PatchableModel, batch: PromptBatch): Promise<PromptBatch> {
  const { inputOf } = await import('@auto-circuit/core/plugin');
  const { data } = await patchable.run(inputOf(batch, 'clean'), 'last'); // [prompts, outputSize]
  const size = patchable.outputSize;
  const prompts = batch.prompts.map((prompt, row): Prompt => {
    const logits = data.subarray(row * size, (row + 1) * size);
    let [first, second] = logits[0]! >= logits[1]! ? [0, 1] : [1, 0];
    for (let i = 2; i < size; i++) {
      if (logits[i]! > logits[first]!) [first, second] = [i, first];
      else if (logits[i]! > logits[second]!) second = i;
    }
    return { ...prompt, answers: [first], wrongAnswers: [second] };
  });
  return { ...batch, prompts };
}

/** Texts that come back otherwise: their ids must stay, and where the tokenizer changes no text, the text must, too. */
export function roundTripCheck({ tokenizer }: LoadedModel): Check {
  const name = 'tokenizer, round trip';
  if (!tokenizer) return notCompared(name, 'the model has no tokenizer');
  let [wrong, changed] = [0, 0];
  let first = '';
  for (const text of TEXTS) {
    const ids = tokenizer.encode(text, { bos: false });
    const back = tokenizer.decode(ids);
    if (back === text) continue;
    changed++;
    const unknown = tokenizer.unkId !== null && ids.includes(tokenizer.unkId);
    // a tokenizer that changes texts (case, accents, blanks at the start) must leave its own texts alone
    if (unknown || tokenizer.encode(back, { bos: false }).join() === ids.join()) continue;
    wrong++;
    first ||= JSON.stringify(text);
  }
  const detail = wrong > 0 ? `first: ${first}` : `${TEXTS.length} texts, ${changed} of them changed by the tokenizer`;
  return compared(name, wrong, 0, detail);
}

/** Ids of the texts against those of transformers. */
export function idsCheck({ tokenizer }: LoadedModel, answer: TransformersAnswer | NoAnswer): Check {
  const name = 'token ids, against transformers';
  if (!tokenizer) return notCompared(name, 'the model has no tokenizer');
  if ('reason' in answer) return notCompared(name, answer.reason);
  if (!answer.ids) return notCompared(name, 'transformers gave none');
  const { ids } = answer;
  const differing = TEXTS.filter((text, i) => tokenizer.encode(text, { bos: false }).join() !== ids[i]!.join());
  const detail = differing.length > 0 ? `first: ${JSON.stringify(differing[0])}` : `${TEXTS.length} texts`;
  return compared(name, differing.length, 0, detail);
}
