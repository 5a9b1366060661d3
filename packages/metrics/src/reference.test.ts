import { readFileSync } from 'node:fs';
import type { BatchOutputs, Metric, Prompt } from '@auto-circuit/core/plugin';
import { buildGraph } from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import { metricsPlugin } from './index.js';

/** Circuit outputs of small GPT-2 models, and what the Python AutoCircuit measured on them. */
interface ReferenceCase {
  readonly name: string;
  readonly batchSize: number;
  /** Between the float32 and the float64 run of the reference, relative to max(1, |value|). */
  readonly tolerance: number;
  readonly prompts: readonly { readonly answers: number[]; readonly wrongAnswers: number[] }[];
  readonly clean: readonly number[][];
  readonly corrupt: readonly number[][];
  readonly points: readonly { readonly edges: number; readonly logits: readonly number[][] }[];
  readonly metrics: Readonly<Record<string, readonly number[]>>;
}
const url = new URL('../test-data/reference-metrics.json', import.meta.url);
const cases = JSON.parse(readFileSync(url, 'utf8')) as readonly ReferenceCase[];

const NAMES: Readonly<Record<string, string>> = {
  'Clean KL Div': 'kl',
  'Corrupt KL Div': 'kl-corrupt',
  'Answer Prob': 'answer-prob',
  'Answer Logit': 'answer-logit',
  'Wrong Answer Logit': 'wrong-answer-logit',
  'Answer Logprob': 'answer-logprob',
  'Logit Diff': 'logit-diff',
  'Prob Diff': 'prob-diff',
  'Logprob Diff': 'logprob-diff',
  'Logit Diff Percent': 'logit-diff-percent',
  'Prob Diff Percent': 'prob-diff-percent',
  'LogProb Diff Percent': 'logprob-diff-percent',
  'Correct Answer Percent': 'percent-correct',
  'Correct Answer Greater Than Incorrect Percent': 'percent-correct-above-wrong',
};
const metric = (name: string): Metric => metricsPlugin.contributes.find((m) => m.name === name) as Metric;

describe.each(cases)('$name', ({ prompts, batchSize, tolerance, clean, corrupt, points, metrics }) => {
  const list = prompts.map((answers, index): Prompt => ({ index, clean: [0], corrupt: [0], ...answers }));
  const batches = (rows: readonly number[][]): BatchOutputs[] =>
    Array.from({ length: list.length / batchSize }, (_, b) => ({
      batch: { prompts: list.slice(b * batchSize, (b + 1) * batchSize), length: 1 },
      logits: Float32Array.from(rows.slice(b * batchSize, (b + 1) * batchSize).flat()),
    }));
  const graph = buildGraph({ kind: 'staged', layers: 1, heads: 1, dModel: 2 });

  it.each(Object.entries(metrics))('%s', (reference, values) => {
    const { measure } = metric(NAMES[reference]!);
    for (const [i, { logits }] of points.entries()) {
      const context = {
        graph,
        outputSize: clean[0]!.length,
        clean: batches(clean),
        corrupt: batches(corrupt),
        empty: batches(corrupt),
        model: batches(clean),
      };
      const { value } = measure({ ...context, circuit: batches(logits) }, {});
      expect(Math.abs(value - values[i]!)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(values[i]!)));
    }
  });
});

it('covers all 14 metrics of the reference', () => {
  const covered = new Set(cases.flatMap(({ metrics }) => Object.keys(metrics)));
  expect([...covered].sort()).toEqual(Object.keys(NAMES).sort());
});
