/** @file Every contract suite against mutants: contributions that are right but for one thing, which the suite has to find. */
import { describe, expect, it } from 'vitest';
import type { Backend, Results } from '../backend/backend.js';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { edgeAt } from '../graph/edges.js';
import { importances } from '../graph/scores.js';
import { promptAnswerValue } from '../objectives/answers.js';
import { meanOverAnswers, outputRows } from '../objectives/output-rows.js';
import { defineAblation } from '../plugin/ablation.js';
import { type BatchOutputs, defineMetric, type MetricContext } from '../plugin/metric.js';
import { defineObjective } from '../plugin/objective.js';
import { definePruneAlgo, type PruneAlgoContext } from '../plugin/prune-algo.js';
import { defineScoreMetric, type ScoreMetricContext } from '../plugin/score-metric.js';
import { defineSelection } from '../plugin/selection.js';
import { ScoreAccumulator, type ScoreWatcher } from '../statistics/accumulate.js';
import type { PromptScores } from '../statistics/prompt-scores.js';
import { floatTensor } from '../tensor/tensor.js';
import { ablationContract } from './ablation-contract.js';
import { architectureContract } from './architecture-contract.js';
import { backendContract } from './backend-contract.js';
import type { ContractCheck } from './contract.js';
import { metricContract } from './metric-contract.js';
import { microModel } from './micro-model.js';
import { objectiveContract } from './objective-contract.js';
import { pruneAlgoContract } from './prune-algo-contract.js';
import { scoreMetricContract } from './score-metric-contract.js';
import { selectionContract } from './selection-contract.js';
import { tinyTransformer } from './tiny-transformer.js';

/** Names of the checks that fail, up to the first `most`. */
async function failed(checks: readonly ContractCheck[], most = Number.POSITIVE_INFINITY): Promise<string[]> {
  const names: string[] = [];
  for (const check of checks) {
    await check.run().catch(() => names.push(check.name));
    if (names.length >= most) break;
  }
  return names;
}

/** The right one passes; each mutant fails. */
function kills<T>(suite: (of: T) => ContractCheck[], right: T, mutants: Readonly<Record<string, T>>): void {
  it('lets the right one pass', async () => expect(await failed(suite(right))).toEqual([]));
  it.each(Object.keys(mutants))('finds: %s', async (name) => {
    expect(await failed(suite(mutants[name]!), 1)).toHaveLength(1);
  });
}

describe('pruneAlgoContract', () => {
  type Context = PruneAlgoContext;
  interface Changes {
    readonly batches?: (context: Context) => Context['batches'];
    readonly gradient?: (context: Context, batch: Context['batches'][number]) => Promise<PromptScores>;
    /** What a batch's scores are multiplied by. */
    readonly times?: (batch: Context['batches'][number], index: number) => number;
    /** What is told of each prompt's scores. */
    readonly watcher?: (context: Context) => ScoreWatcher;
  }
  const plain = ({ model, patch, objective }: Context, batch: Context['batches'][number]): Promise<PromptScores> =>
    model.maskGradient(batch, { input: 'clean', patch, objective });
  const eap = ({
    batches = (context) => context.batches,
    gradient = plain,
    times = () => 1,
    watcher = (context) => context,
  }: Changes = {}) =>
    definePruneAlgo({
      name: 'eap',
      doc: 'gradient times difference',
      options: {},
      byPrompt: true,
      async score(context) {
        const total = new ScoreAccumulator(context.graph, watcher(context));
        const used = batches(context);
        for (const [i, batch] of used.entries()) {
          context.signal?.throwIfAborted();
          const { tensors } = await gradient(context, batch);
          const factor = times(batch, i);
          const scaled = Object.entries(tensors).map(([module, { shape, data }]) => {
            return [
              module,
              floatTensor(
                Float64Array.from(data, (x) => factor * x),
                shape,
              ),
            ] as const;
          });
          total.add({ tensors: Object.fromEntries(scaled) });
          context.progress.report(i + 1, used.length, 'batches');
        }
        return total.result();
      },
    });
  kills(pruneAlgoContract, eap(), {
    'only the first batch': eap({ batches: ({ batches }) => batches.slice(0, 1) }),
    'only the first prompt of each batch': eap({
      batches: ({ batches }) => batches.map((batch) => ({ ...batch, prompts: batch.prompts.slice(0, 1) })),
    }),
    'divided by the batch size': eap({ times: ({ prompts }) => 1 / prompts.length }),
    'multiplied by the batch’s index': eap({ times: (_, i) => i }),
    'multiplied by the batch’s index, from 1': eap({ times: (_, i) => i + 1 }),
    'the objective is ignored': eap({
      gradient: (context, batch) =>
        plain({ ...context, objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' } }, batch),
    }),
    'the patch is ignored': eap({
      gradient: (context, batch) => plain({ ...context, patch: { kind: 'resample', from: 'corrupt' } }, batch),
    }),
    'zeros are patched in, whatever is asked': eap({
      gradient: (context, batch) => plain({ ...context, patch: { kind: 'zero' } }, batch),
    }),
    'run on the corrupt side': eap({
      gradient: ({ model, patch, objective }, batch) =>
        model.maskGradient(batch, { input: 'corrupt', patch, objective }),
    }),
    'run on the corrupt side, with the clean one patched in and the sign turned': eap({
      times: () => -1,
      gradient: ({ model, patch, objective }, batch) => {
        const from = patch.kind === 'resample' ? ({ kind: 'resample', from: 'clean' } as const) : patch;
        return model.maskGradient(batch, { input: 'corrupt', patch: from, objective });
      },
    }),
    'the wrong sign': eap({ times: () => -1 }),
    'all zeros': eap({ times: () => 0 }),
    'prompts changed in place': eap({
      gradient: async (context, batch) => {
        const scores = await plain(context, batch);
        (batch.prompts[0]!.clean as number[][])[0]![0]! += 1e-3;
        return scores;
      },
    }),
    'scores of prompts promised, and none kept': eap({ watcher: () => ({}) }),
    'scores of prompts kept in another order': eap({
      watcher: ({ byPrompt, batches }) => {
        const prompts = batches.reduce((sum, batch) => sum + batch.prompts.length, 0);
        if (!byPrompt) return {};
        const keep: typeof byPrompt.keep = (first, tensors) => {
          const [{ shape } = { shape: [0] }] = Object.values(tensors);
          byPrompt.keep(prompts - first - shape[0]!, tensors);
        };
        return { byPrompt: { keep } };
      },
    }),
    'batches turned around in place': eap({
      batches: ({ batches }) => (batches as Context['batches'][number][]).reverse(),
    }),
  });
});

describe('metricContract', () => {
  interface Changes {
    readonly outputs?: (context: MetricContext) => readonly BatchOutputs[];
    readonly rows?: (outputs: BatchOutputs, size: number) => ReturnType<typeof outputRows>;
    readonly mean?: (values: readonly number[]) => number;
  }
  const answer = ({ outputs = ({ circuit }) => circuit, rows = outputRows, mean = meanOf }: Changes = {}) =>
    defineMetric({
      name: 'answer',
      doc: 'mean logit of the answers',
      options: {},
      higherIsBetter: true,
      needsWrongAnswers: false,
      unit: 'logits',
      measure(context) {
        const values = outputs(context).flatMap((batch) =>
          rows(batch, context.outputSize).map((ofPrompt, i) =>
            meanOverAnswers(ofPrompt, batch.batch.prompts[i]!, (row, sides) =>
              promptAnswerValue(row, sides, 'logit', 'value'),
            ),
          ),
        );
        return { value: mean(values) };
      },
    });
  kills(metricContract, answer(), {
    'row i for prompt i, where several positions are read': answer({
      rows: ({ batch, logits }, size) => batch.prompts.map((_, i) => [logits.subarray(i * size, (i + 1) * size)]),
    }),
    'only the first position': answer({
      rows: (outputs, size) => outputRows(outputs, size).map((rows) => rows.slice(0, 1)),
    }),
    'only the first batch': answer({ outputs: ({ circuit }) => circuit.slice(0, 1) }),
    'the model in place of the circuit': answer({ outputs: ({ clean }) => clean }),
    'a sum in place of a mean, over one prompt less': answer({
      mean: (values) => values.reduce((a, b) => a + b, 0) / (values.length - 1),
    }),
    'logits changed in place': answer({
      outputs: ({ circuit }) => {
        circuit[0]!.logits[0]! += 1;
        return circuit;
      },
    }),
  });
});

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe('objectiveContract', () => {
  type Objective = Parameters<typeof objectiveContract>[0];
  const base = { name: 'answer-prob', doc: 'one minus the probability of the answers', options: {} } as const;
  const right = defineObjective({
    ...base,
    of: (b, logits, _reference, { answers }) => b.sub(1, b.sum(b.mul(b.softmax(logits), answers), -1)),
  });
  const onHost = (gradient: (x: number, i: number) => number, value = (x: number): number => x * x): Objective =>
    defineObjective({
      ...base,
      value: ({ data, shape }) => {
        const each = data.length / shape[0]!;
        return Array.from({ length: shape[0]! }, (_, i) =>
          Array.from(data.slice(i * each, (i + 1) * each), value).reduce((a, c) => a + c, 0),
        );
      },
      gradient: ({ data }) => Array.from(data, gradient),
    });
  describe('a loss on the host', () => {
    const suite = (objective: Objective) => objectiveContract(objective, { ofLogitsAlone: true });
    kills<Objective>(
      suite,
      onHost((x) => 2 * x),
      {
        'a gradient without its factor': onHost((x) => x),
        'a gradient of the first output only': onHost((x, i) => (i % 7 === 0 ? 2 * x : 0)),
        'a gradient of another loss': onHost((x) => 2 * x, Math.abs),
      },
    );
  });
  kills<Objective>(objectiveContract, right, {
    'a loss that also counts other prompts': defineObjective({
      ...base,
      of: (b, logits, _reference, { answers }) => {
        const own = b.sum(b.mul(b.softmax(logits), answers), -1);
        return b.sub(own, b.mean(own, 0));
      },
    }),
    'answers are ignored': defineObjective({
      ...base,
      of: (b, logits) => b.sum(b.mul(b.softmax(logits), b.softmax(logits)), -1),
    }),
    'logits changed in place': defineObjective({
      ...base,
      value: ({ data, shape }) => {
        data[0]! += 1;
        return new Array<number>(shape[0]!).fill(0);
      },
      gradient: ({ data }) => new Array<number>(data.length).fill(0),
    }),
  });
});

describe('ablationContract', () => {
  type Values = (input: { clean: Float32Array; prompts: readonly { index: number }[] }) => Float32Array;
  const made = (values: Values) =>
    defineAblation({
      name: 'half',
      doc: 'half of what is written',
      options: {},
      patch: () => ({
        kind: 'made',
        name: 'half',
        values: ({ clean, prompts }) => values({ clean: clean as Float32Array, prompts }),
      }),
    });
  let calls = 0;
  kills(
    ablationContract,
    made(({ clean }) => clean.map((x) => x / 2)),
    {
      'a number more with each call': made(({ clean }) => clean.fill(++calls)),
      'depends on the place in the batch': made(({ clean, prompts }) => clean.map((x, i) => x * (i % prompts.length))),
      'the mean of the micro-batch': made(({ clean }) => clean.fill(clean.reduce((a, b) => a + b, 0) / clean.length)),
      'numbers that are none': made(({ clean }) => clean.map((x) => x / 0)),
      'what is written, unchanged: nothing is ablated': made(({ clean }) => clean),
    },
  );
});

describe('selectionContract', () => {
  type Select = Parameters<typeof defineSelection>[0]['select'];
  const selecting = (select: Select) =>
    defineSelection({ name: 'by-size', doc: 'edges by importance', options: {}, select });
  const bySize: Select = ({ graph, scores, rankBy }) => {
    const size = importances(graph, scores, rankBy);
    return [...size.keys()].sort((a, b) => size[b]! - size[a]! || a - b);
  };
  const order = (input: Parameters<Select>[0]): number[] => bySize(input, {}) as number[];
  kills(selectionContract, selecting(bySize), {
    'an edge is left out': selecting((input) => order(input).slice(1)),
    'an edge twice': selecting((input) => [order(input)[1]!, ...order(input).slice(1)]),
    'scores changed in place': selecting((input) => {
      const sorted = order(input);
      Object.values(input.scores)[0]!.data[0]! += 1;
      return sorted;
    }),
    'another order each time': selecting((input) => order(input).sort(() => Math.random() - 0.5)),
    'scores are ignored': selecting(({ graph }) => Array.from({ length: graph.edgeCount }, (_, edge) => edge)),
    'circuits that shrink': selecting((input) => ({ edges: (n) => order(input).slice(0, n === 4 ? 2 : n) })),
    'one edge too many': selecting((input) => ({ edges: (n) => order(input).slice(0, n + 1) })),
  });
});

describe('scoreMetricContract', () => {
  const measuring = (measure: (context: ScoreMetricContext) => number) =>
    defineScoreMetric({
      name: 'into-end',
      doc: 'share of edges that lead into the output',
      options: {},
      higherIsBetter: false,
      unit: 'share',
      measure: (context) => ({ value: measure(context) }),
    });
  const intoEnd = ({ graph, circuit }: ScoreMetricContext): number =>
    circuit.edges.filter((edge) => edgeAt(graph, edge).destination.name === 'Resid End').length /
    Math.max(1, circuit.edges.length);
  let calls = 0;
  kills(scoreMetricContract, measuring(intoEnd), {
    'a number more with each call': measuring((context) => intoEnd(context) + ++calls),
    'scores changed in place': measuring((context) => {
      Object.values(context.scores)[0]!.data[0] = 7;
      return intoEnd(context);
    }),
    'edges of the circuit sorted in place': measuring((context) => {
      (context.circuit.edges as number[]).reverse();
      return intoEnd(context);
    }),
    'the known circuit is taken for granted': measuring(({ known }) => known!.circuit.edges.length),
    'not a number for small circuits': measuring(({ circuit }) => 1 / (circuit.edges.length - 1)),
    'the same number for every circuit and all scores': measuring(() => 0.5),
  });
});

describe('backendContract', () => {
  const suite = (make: () => Promise<Backend>) => backendContract(make, { randomPrograms: 3 });
  const running =
    (
      run: (
        of: (feeds: Parameters<Awaited<ReturnType<Backend['compile']>>['run']>[0]) => Promise<Results>,
        name: string,
      ) => (feeds: Parameters<Awaited<ReturnType<Backend['compile']>>['run']>[0]) => Promise<Results>,
    ) =>
    async (): Promise<Backend> => {
      const backend = interpreterBackend({ precision: 'float32' });
      return {
        ...backend,
        async compile(program, weights) {
          const executable = await backend.compile(program, weights);
          return { ...executable, run: run((feeds) => executable.run(feeds), program.name) };
        },
      };
    };
  kills(
    suite,
    running((of) => of),
    {
      'feeds are overwritten': running((of) => async (feeds) => {
        const results = await of(feeds);
        for (const { data } of Object.values(feeds)) data.fill(0);
        return results;
      }),
      'the first results for ever': running((of) => {
        let first: Promise<Results> | undefined;
        return (feeds) => (first ??= of(feeds));
      }),
      'results in half precision': running((of) => async (feeds) => {
        const half = (x: number): number => Number(x.toPrecision(4));
        const results = Object.entries(await of(feeds));
        return Object.fromEntries(
          results.map(([name, t]) => [
            name,
            t.dtype === 'float' ? floatTensor(Float32Array.from(t.data, half), t.shape) : t,
          ]),
        );
      }),
      'the last number of each result is lost': running((of) => async (feeds) => {
        const results = await of(feeds);
        for (const { data } of Object.values(results)) data[data.length - 1] = 0;
        return results;
      }),
    },
  );
});

describe('architectureContract', () => {
  const right = microModel();
  const tiny = tinyTransformer({ layers: 1, mlp: false });
  let traces = 0;
  kills(architectureContract, right, {
    'a write beside the patch points': {
      ...right,
      trace: (points) => points.builder.add(right.trace(points), points.input),
    },
    'another trace each time': {
      ...right,
      trace: (points) => points.builder.mul(right.trace(points), ++traces),
    },
    'a weight that is not there': { ...right, weights: tiny.weights },
    'a gain that the gradient does not see': {
      ...tiny,
      trace: (points) => {
        const end = tiny.trace(points);
        const gain = points.builder.sum(points.builder.mul(end, end), -1, true);
        return points.builder.mul(end, points.builder.stopGradient(gain));
      },
    },
  });
});
