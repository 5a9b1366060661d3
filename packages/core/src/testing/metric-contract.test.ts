import { describe, expect, it } from 'vitest';
import { AutoCircuitError } from '../errors/error.js';
import { promptAnswerValue } from '../objectives/answers.js';
import { meanOverAnswers, outputRows } from '../objectives/output-rows.js';
import { defineMetric, type Metric, type MetricContext } from '../plugin/metric.js';
import { metricContract } from './metric-contract.js';

/** The mean answer logit, each batch by `weight` of its prompts. */
const answerLogit = (parts: Partial<Metric> = {}, weight = (n: number): number => n): Metric =>
  defineMetric({
    name: 'mean-answer',
    doc: 'mean logit of the answers',
    options: {},
    higherIsBetter: true,
    needsWrongAnswers: false,
    unit: 'logits',
    measure({ circuit, outputSize }: MetricContext) {
      let sum = 0;
      let total = 0;
      for (const { batch, logits } of circuit) {
        const values = outputRows({ batch, logits }, outputSize).map((rows, i) =>
          meanOverAnswers(rows, batch.prompts[i]!, (row, sides) => promptAnswerValue(row, sides, 'logit', 'value')),
        );
        const share = weight(values.length);
        sum += (share * values.reduce((a, b) => a + b, 0)) / values.length;
        total += share;
      }
      return { value: sum / total };
    },
    ...parts,
  });

/** Names of the checks that a metric fails. */
async function failures(metric: Metric): Promise<string[]> {
  const failed: string[] = [];
  for (const check of metricContract(metric)) {
    await check.run().catch((error: unknown) => {
      expect(error).toBeInstanceOf(AutoCircuitError);
      failed.push(check.name);
    });
  }
  return failed;
}

describe('metricContract', () => {
  it('lets a good metric pass', async () => {
    expect(await failures(answerLogit())).toEqual([]);
  });
  it('finds metrics that break it', async () => {
    expect(await failures(answerLogit({ name: 'Mean Answer', doc: 'x' }))).toEqual([
      'has a kebab-case name and a one-line doc',
    ]);
    expect(await failures(answerLogit({}, () => 1))).toEqual(['does not depend on how prompts are cut into batches']);
    expect(await failures(answerLogit({ needsWrongAnswers: true }))).toEqual([
      'says so when it needs wrong answers, and does without where it does not',
    ]);
    const options = { floor: { type: 'number', doc: 'the least value', default: -1, min: 0 } } as const;
    expect(await failures(answerLogit({ options }))).toContain(
      'has options with docs, and defaults that pass their own validation',
    );
  });
  it('finds values that are no numbers, changed inputs and errors outside the family', async () => {
    expect(await failures(answerLogit({ measure: () => ({ value: Number.NaN }) }))).toContain(
      'gives a finite value and a standard error that is not negative',
    );
    const spoils = (context: MetricContext) => ({ value: ++context.circuit[0]!.logits[0]! });
    expect(await failures(answerLogit({ measure: spoils }))).toContain(
      'gives the same value twice, and leaves what it was given alone',
    );
  });
});
