import { defineMetric, definePlugin, type Metric, meanOverAnswers, outputRows } from '@auto-circuit/core/plugin';

/** Share of prompts, in percent, whose best answer is among the `top` most likely tokens. */
export const myPlugin: Metric = defineMetric({
  name: 'my-plugin',
  doc: 'share of prompts whose answer is among the most likely tokens',
  options: { top: { type: 'int', default: 1, min: 1, doc: 'how many tokens count' } },
  higherIsBetter: true,
  needsWrongAnswers: false,
  unit: '%',
  measure({ circuit, outputSize }, { top }) {
    const values = circuit.flatMap((outputs) =>
      // by prompt a row for each position that is read
      outputRows(outputs, outputSize).map((rows, i) =>
        meanOverAnswers(rows, outputs.batch.prompts[i]!, (row, { answers }) => {
          const best = Math.max(...answers.map((answer) => row[answer]!));
          return row.filter((logit) => logit > best).length < top ? 100 : 0;
        }),
      ),
    );
    return { value: values.reduce((a, b) => a + b, 0) / values.length, prompts: { values } };
  },
});

export default definePlugin({ name: 'PACKAGE', contributes: [myPlugin] });
