import { readFileSync } from 'node:fs';
import { createPatchableModel, interpreterBackend } from '@auto-circuit/core';
import {
  buildGraph,
  floatTensor,
  type MaskFunctionName,
  type PatchableModel,
  type Prompt,
  type PromptBatch,
  type PruneAlgoContext,
} from '@auto-circuit/core/plugin';
import { microModel } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { acdcSearch, type FaithfulnessTarget, type MaskNoise, MaskTraining } from './index.js';

type ByModule = Readonly<Record<string, readonly number[]>>;
/** What the Python AutoCircuit made of its micro model: masks after each step under noise that is known, and ACDC. */
interface Reference {
  readonly weights: number[][][];
  readonly prompts: readonly Omit<Prompt, 'index'>[];
  readonly mseTargets: readonly number[];
  readonly noise: { readonly forward: ByModule; readonly regularizer: ByModule };
  readonly training: readonly {
    readonly name: string;
    readonly noise: 'half' | 'stored';
    readonly settings: {
      readonly tree_optimisation: boolean;
      readonly init_val: number;
      readonly regularize_lambda: number;
      readonly mask_fn: 'hard_concrete' | 'sigmoid' | null;
      readonly faithfulness_target: keyof typeof TARGETS;
      readonly learning_rate: number;
      readonly epochs: number;
      readonly circuit_size?: number;
      readonly avoid_edges?: readonly number[];
      readonly avoid_lambda?: number;
    };
    /** Ten times the difference between its float32 and float64 runs, or more. */
    readonly atol: number;
    readonly rtol: number;
    readonly loss: readonly number[];
    readonly regularization: readonly number[];
    /** [step, …] */
    readonly masks: ByModule;
    readonly scores: ByModule;
  }[];
  readonly acdc: readonly {
    readonly name: string;
    readonly faithfulness: 'kl_div' | 'mse';
    readonly order: readonly number[];
    readonly perTau: readonly {
      readonly tau: number;
      readonly removed: readonly number[];
      readonly distance: number;
    }[];
  }[];
}
const TARGETS = { kl_div: 'kl', mse: 'mse', answer: 'answer', logit_diff_percent: 'logit-diff-percent' } as const;
const MASK_FUNCTIONS = { hard_concrete: 'hard-concrete', sigmoid: 'sigmoid' } as const;

const url = new URL('../test-data/reference-micro.json', import.meta.url);
const reference = JSON.parse(readFileSync(url, 'utf8')) as Reference;
const batch: PromptBatch = {
  length: 3,
  prompts: reference.prompts.map((prompt, index) => ({ ...prompt, index })),
};

async function withModel<T>(use: (model: PatchableModel) => Promise<T>): Promise<T> {
  const object = microModel(reference.weights);
  const graph = buildGraph(object.spec.layout);
  const model = await createPatchableModel({
    model: object,
    graph,
    backend: interpreterBackend({ precision: 'float64' }),
  });
  try {
    return await use(model);
  } finally {
    await model.dispose();
  }
}

function noiseOf(model: PatchableModel, kind: 'half' | 'stored'): MaskNoise {
  if (kind === 'half') return { forward: (_s, _p, _i, out) => out.fill(0.5), regularizer: (_s, out) => out.fill(0.5) };
  const { forward, regularizer } = reference.noise;
  const fill = (by: ByModule, items: number, item: number, out: Float64Array): void => {
    out.set(
      model.graph.destinationBlocks.flatMap(({ module }) => {
        const size = by[module]!.length / items;
        return by[module]!.slice(item * size, (item + 1) * size);
      }),
    );
  };
  return {
    forward: (_step, _prompt, item, out) => fill(forward, batch.prompts.length, item, out),
    regularizer: (_step, out) => fill(regularizer, 1, 0, out),
  };
}
const close = (got: ArrayLike<number>, expected: readonly number[], tolerance: number): void => {
  expect(got.length).toBe(expected.length);
  for (const [i, x] of expected.entries()) {
    expect(Math.abs(got[i]! - x)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(x)));
  }
};

describe('learned masks move as in the reference', () => {
  it.each(reference.training)('$name', ({ settings, noise, atol, rtol, loss, regularization, masks, scores }) =>
    withModel(async (model) => {
      const tree = settings.tree_optimisation;
      const maskFunction: MaskFunctionName = settings.mask_fn ? MASK_FUNCTIONS[settings.mask_fn] : 'none';
      const target: FaithfulnessTarget = TARGETS[settings.faithfulness_target];
      const training = await MaskTraining.create(model, [batch], {
        patchType: tree ? 'tree' : 'edge',
        input: tree ? 'clean' : 'corrupt',
        patch: await model.meanOf([batch], 'corrupt'), // the reference's, whatever it is asked
        target,
        targets: target === 'mse' ? floatTensor(Float32Array.from(reference.mseTargets), [4, 2]) : undefined,
        maskFunction,
        noise: noiseOf(model, noise),
        learningRate: settings.learning_rate,
        epochs: settings.epochs,
        init: settings.init_val,
        lambda: settings.regularize_lambda,
        size: settings.circuit_size ?? null,
        avoid: settings.avoid_edges ?? [],
        avoidLambda: settings.avoid_lambda ?? 1,
      });
      for (let step = 0; step < settings.epochs; step++) {
        await training.step();
        const expected = model.graph.destinationBlocks.flatMap(({ module }) => {
          const size = masks[module]!.length / settings.epochs;
          return masks[module]!.slice(step * size, (step + 1) * size);
        });
        close(training.parameters, expected, atol);
      }
      close(training.curves.loss, loss, rtol);
      close(training.curves.regularization, regularization, rtol);
      for (const [module, { data }] of Object.entries(training.scores())) close(data, scores[module]!, atol);
    }),
  );
});

describe('ACDC removes the same edges as the reference', () => {
  it.each(reference.acdc)('$name', ({ faithfulness, order, perTau }) =>
    withModel(async (model) => {
      const context: PruneAlgoContext = {
        model,
        graph: model.graph,
        batches: [batch],
        objective: { kind: 'kl' },
        patch: { kind: 'resample', from: 'corrupt' },
        seed: 0,
        progress: { report: () => undefined },
      };
      const settings = { faithfulness: TARGETS[faithfulness], prompts: 'first-batch', order } as const;
      const result = await acdcSearch(context, { ...settings, taus: perTau.map(({ tau }) => tau) });
      for (const [i, at] of result.perTau.entries()) {
        expect(at.removed).toEqual(perTau[i]!.removed);
        close([at.distance], [perTau[i]!.distance], 1e-5);
      }
    }),
  );
});
