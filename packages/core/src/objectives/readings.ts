/**
 * @file What metrics read of outputs, worked out by the program that makes them: a few numbers for each prompt in place of a
 * vocabulary of logits. `output-row.ts` and `klDivergence` are the slow twins, on the host in float64.
 */
import { AutoCircuitError } from '../errors/error.js';
import type { ProgramBuilder } from '../ir/builder/builder.js';
import { type Dim, multiplyDims } from '../ir/program/dims.js';
import type { AnyValue } from '../ir/program/program.js';
import { answersRead } from '../prompts/output-positions.js';
import type { AnswerSides, Prompt } from '../prompts/types.js';
import { type FloatArray, floatTensor, intTensor, type Tensor } from '../tensor/tensor.js';
import type { OutputRow } from './output-row.js';
import { logSumExp } from './token-functions.js';

/** What of readings shapes a program; tokens and references are fed. */
export interface ReadingsShape {
  /** How many outputs the run is compared with. */
  readonly references: number;
}

/** What is read of a run's outputs: the logits of the answers, ln Σ exp, and KL divergences from other outputs. */
export interface OutputReadings {
  /** ln of the probabilities that KL is taken from, [prompts, outputs] each: `logProbabilities` of their logits. */
  readonly references: readonly Float32Array[];
}

/** int [batch, 2, answers]: the answers of each prompt and its wrong answers, each list filled up with its first. */
const TOKENS_INPUT = 'readings:tokens';
const referenceInput = (index: number): string => `readings:reference:${index}`;

/** Below this, exp(x) is 0 in float32: such a term is left out, so that 0 · ∞ does not come in. */
const LEAST_LOG = -104;

/**
 * Logits [batch, outputs] → [batch, 2 · answers + 2 + references]: logits of answers and wrong answers, ln Σ exp(logits), how many
 * logits are at least the best answer's, and KL(reference ‖ run) in nats for each reference.
 */
export function readingsFragment(b: ProgramBuilder, { references }: ReadingsShape, logits: AnyValue): AnyValue {
  const [batch, outputs] = logits.shape as readonly [Dim, Dim];
  const tokens = b.input(TOKENS_INPUT, 'int', [batch, 2, 'answers']);
  const rowStart = b.mul(b.iota([batch, 1, 1], 0), b.dimSize(outputs)); // [batch, 1, 1]
  const flat = b.reshape(logits, [multiplyDims(batch, outputs)]);
  const picked = b.gather(flat, b.add(tokens, rowStart), 0); // [batch, 2, answers]
  const best = b.reshape(b.max(b.slice(picked, 1, 0, 1), [1, 2]), [batch, 1]); // [batch, 1]
  const count = b.sum(b.cast(b.lessEqual(best, logits), 'float'), 1, true); // [batch, 1]
  const largest = b.max(logits, 1, true); // [batch, 1]
  const total = b.add(b.log(inTwoSteps(b, b.exp(b.sub(logits, largest)))), largest); // [batch, 1]
  const run = b.sub(logits, total); // [batch, outputs]
  const divergences = Array.from({ length: references }, (_, r) => {
    const reference = b.input(referenceInput(r), 'float', [batch, outputs]);
    const terms = b.mul(b.exp(reference), b.sub(reference, run)); // [batch, outputs]
    return inTwoSteps(b, b.where(b.less(reference, LEAST_LOG), 0, terms)); // [batch, 1]
  });
  const answers = b.dim(tokens, 2);
  const both = b.reshape(picked, [batch, multiplyDims(2, answers)]);
  return b.concat([both, total, count, ...divergences], 1);
}

/**
 * Sums over a vocabulary, [batch, outputs] → [batch, 1]: over pieces of about √outputs, then over the pieces. A sum of n terms one
 * after the other is off by n roundings at worst, and of 49,152 probabilities it was by 1e-5; so it is by 2 √n.
 */
function inTwoSteps(b: ProgramBuilder, x: AnyValue): AnyValue {
  const [batch, outputs] = x.shape as readonly [Dim, number];
  const width = Math.ceil(Math.sqrt(outputs));
  const pieces = Math.ceil(outputs / width);
  const padded = b.pad(x, 1, 0, width * pieces - outputs);
  return b.sum(b.sum(b.reshape(padded, [batch, pieces, width]), 2), 1, true);
}

/** Feeds of the fragment for the prompts of a cut, each `repeat` times over: for runs that take several masks. */
export function readingFeeds(
  { references }: OutputReadings,
  prompts: readonly Prompt[],
  outputs: number,
  [start, stop]: readonly [start: number, stop: number],
  repeat = 1,
): Readonly<Record<string, Tensor>> {
  const sides = prompts.slice(start, stop).map(sidesOf);
  const width = answerWidth(prompts);
  const tokens = sides.flatMap(({ answers, wrongAnswers }) => [
    ...filled(answers, width, outputs),
    ...filled(wrongAnswers, width, outputs),
  ]);
  const n = sides.length;
  const shape = [repeat * n, 2, width];
  return Object.fromEntries<Tensor>([
    [TOKENS_INPUT, intTensor(Int32Array.from(repeated(tokens, repeat)), shape)],
    ...references.map((rows, r): [string, Tensor] => {
      const own = rows.subarray(start * outputs, stop * outputs);
      const data = new Float32Array(repeat * own.length);
      for (let i = 0; i < repeat; i++) data.set(own, i * own.length);
      return [referenceInput(r), floatTensor(repeat === 1 ? own : data, [repeat * n, outputs])];
    }),
  ]);
}

const repeated = <T>(list: readonly T[], times: number): T[] => Array.from({ length: times }, () => list).flat();
/** At the last position. */
const sidesOf = (prompt: Prompt): AnswerSides => answersRead(prompt, 1)[0]!;
/** The most answers or wrong answers that a prompt has. */
const answerWidth = (prompts: readonly Prompt[]): number =>
  prompts
    .map(sidesOf)
    .reduce((most, { answers, wrongAnswers }) => Math.max(most, answers.length, wrongAnswers.length), 1);
/** What is no token is refused by whoever asks for its logit. */
function filled(tokens: readonly number[], width: number, outputs: number): number[] {
  const inside = tokens.map((token) => (Number.isInteger(token) && token >= 0 && token < outputs ? token : 0));
  return Array.from({ length: width }, (_, i) => inside[i] ?? inside[0] ?? 0);
}

/** How many numbers are read of each prompt of a batch. */
export const readingCount = ({ references }: OutputReadings, prompts: readonly Prompt[]): number =>
  2 * answerWidth(prompts) + 2 + references.length;

/** What was read of one prompt. */
export interface ReadRow extends OutputRow {
  /** KL(reference ‖ run) in nats, by reference. */
  readonly divergences: readonly number[];
}

/**
 * What a program gave, by prompt.
 * @param values [prompts, 2 · answers + 2 + references]
 * @param outputs size of the vocabulary
 */
export function readRows(values: Float32Array, prompts: readonly Prompt[], outputs: number): ReadRow[] {
  const width = answerWidth(prompts);
  const size = values.length / prompts.length;
  return prompts.map((prompt, i) => {
    const row = values.subarray(i * size, (i + 1) * size);
    const { answers, wrongAnswers } = sidesOf(prompt);
    const logits = new Map(
      [answers, wrongAnswers].flatMap((tokens, s) => tokens.map((token, j) => [token, row[s * width + j]!] as const)),
    );
    return {
      length: outputs,
      logit: (token) => logits.get(token) ?? notRead(prompt, token),
      logSumExp: row[2 * width]!,
      atLeastBest: () => row[2 * width + 1]!,
      divergences: [...row.subarray(2 * width + 2)],
    };
  });
}

function notRead({ index }: Prompt, token: number): never {
  throw new AutoCircuitError({
    code: 'internal',
    where: 'core/objectives',
    what: `the logit of token ${token} of prompt ${index} was not read`,
    expected: 'an answer or a wrong answer of the prompt',
    fix: 'let the metric read whole outputs',
    kind: 'internal',
  });
}

/** ln p of each row of logits [prompts, outputs], to float32: what readings take KL divergences from. */
export function logProbabilities(logits: FloatArray, prompts: number): Float32Array {
  const outputs = logits.length / prompts;
  const out = new Float32Array(logits.length);
  for (let i = 0; i < prompts; i++) {
    const row = logits.subarray(i * outputs, (i + 1) * outputs);
    const total = logSumExp(row);
    for (let token = 0; token < outputs; token++) out[i * outputs + token] = row[token]! - total;
  }
  return out;
}
