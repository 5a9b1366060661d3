/** @file Made-up runs for the contract of metrics: a model that knows the answers, a circuit that half does. */

import { buildGraph } from '../graph/build.js';
import { uniformAt } from '../numeric/counter-random.js';
import type { BatchOutputs, MetricContext } from '../plugin/metric.js';
import type { AnswerSides, Prompt } from '../prompts/types.js';

/** Numbers of one output of the made-up runs. */
export const METRIC_OUTPUT_SIZE = 12;

/** Which made-up prompts a metric is tried on. */
export interface MetricContextSpec {
  /** Default 6. */
  readonly prompts?: number;
  /** Prompts of each batch; default one batch. */
  readonly cuts?: readonly number[];
  /** Whether prompts have different numbers of answers; default one answer and one wrong answer each. */
  readonly ragged?: boolean;
  /** Default true. */
  readonly wrongAnswers?: boolean;
  /** Whose outputs are read at each position, by a number that seeds them; default one position, 0. */
  readonly positions?: readonly number[];
}

/** How much each run prefers the answers to the wrong answers, in logits. */
const PREFERENCE = { clean: 4, circuit: 2, corrupt: -1, empty: -1 } as const;
type Run = keyof typeof PREFERENCE;
const RUNS = Object.keys(PREFERENCE) as Run[];

/** What a metric sees of a circuit: seeded noise on the logits plus each run's preference for the answers. */
export function metricContext(spec: MetricContextSpec): MetricContext {
  const { prompts: count = 6, cuts = [count], ragged = false, wrongAnswers = true, positions } = spec;
  const prompts = Array.from({ length: count }, (_, index) => {
    const [first = 0, ...more] = positions ?? [];
    const sides = [first, ...more].map((salt) => prompt(index + salt, ragged, wrongAnswers));
    return { ...sides.at(-1)!, index, ...(positions ? { byPosition: sides.map((side) => ({ ...side, index })) } : {}) };
  });
  const outputs = (run: Run): BatchOutputs[] => {
    let start = 0;
    return cuts.map((size) => {
      const part = prompts.slice(start, start + size);
      start += size;
      return { batch: { prompts: part, length: 2 }, logits: Float32Array.from(part.flatMap((p) => rows(run, p))) };
    });
  };
  return {
    graph: buildGraph({ kind: 'staged', layers: 2, heads: 2, dModel: 2 }),
    outputSize: METRIC_OUTPUT_SIZE,
    circuit: outputs('circuit'),
    clean: outputs('clean'),
    corrupt: outputs('corrupt'),
    empty: outputs('empty'),
    model: outputs('clean'),
  };
}

function prompt(index: number, ragged: boolean, wrongAnswers: boolean): Prompt {
  const answers = ragged ? 1 + (index % 3) : 1;
  const wrong = wrongAnswers ? (ragged ? 1 + ((index + 1) % 2) : 1) : 0;
  const token = (k: number): number => (index + k) % METRIC_OUTPUT_SIZE;
  return {
    index,
    clean: [1, 2],
    corrupt: [1, 3],
    answers: Array.from({ length: answers }, (_, k) => token(k)),
    wrongAnswers: Array.from({ length: wrong }, (_, k) => token(answers + k)),
  };
}

/** Logits of one prompt, [positions, METRIC_OUTPUT_SIZE]. */
const rows = (run: Run, { byPosition, ...last }: Prompt): number[] =>
  (byPosition ?? [last]).flatMap((side) => row(run, side));

/** Logits of one position, [METRIC_OUTPUT_SIZE]: they follow from its first answer, which is the number of the prompt that it is taken of. */
function row(run: Run, { answers }: AnswerSides): number[] {
  return Array.from({ length: METRIC_OUTPUT_SIZE }, (_, token) => {
    const noise = uniformAt(11, RUNS.indexOf(run), answers[0]!, token) - 0.5;
    return noise + (answers.includes(token) ? PREFERENCE[run] : 0);
  });
}
