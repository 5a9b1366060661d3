import { describe, expect, it } from 'vitest';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import { createPatchableModel } from '../patch/engine.js';
import { filledMask } from '../patch/exec/feeds.js';
import type { PatchDescription } from '../patch/requests/ablations.js';
import { BUILT_IN_ABLATIONS } from '../run/ablations.js';
import { ablationContract } from '../testing/ablation-contract.js';
import { runContract } from '../testing/contract.js';
import { tinyPrompts, tinyTransformer } from '../testing/tiny-transformer.js';
import { type AblationDefinition, chooseAblation, defineAblation } from './ablation.js';

/** What is written, with Gaussian noise. */
const noise = defineAblation({
  name: 'noise',
  doc: 'what the clean run writes, with Gaussian noise',
  options: { sigma: { type: 'number', default: 1, min: 0, doc: 'standard deviation of the noise' } },
  patch: ({ seed }, { sigma }) => ({
    kind: 'made',
    name: 'noise',
    seed,
    values({ clean, prompts, random, shape: [rows, , pos, width] }) {
      const slab = pos * width;
      for (const [i, prompt] of prompts.entries()) {
        const own = random(prompt);
        for (let row = 0; row < rows; row++) {
          const start = (row * prompts.length + i) * slab;
          for (let k = 0; k < slab; k++) clean[start + k]! += sigma * own.normal();
        }
      }
      return clean;
    },
  }),
});
/** The other side's prompt backwards. */
const backwards = defineAblation({
  name: 'backwards',
  doc: 'a run on the corrupt prompt backwards',
  options: {},
  patch: () => ({ kind: 'prompts', name: 'backwards', tokens: ({ corrupt }) => [...corrupt].reverse() as number[] }),
});
const OF_BATCH = ['batch-mean', 'batch-position-mean'];

for (const ablation of [...BUILT_IN_ABLATIONS.filter(({ name }) => name !== 'optimal'), noise, backwards]) {
  runContract(ablation.name, ablationContract(ablation, { ofBatch: OF_BATCH.includes(ablation.name) }), {
    describe,
    it,
  });
}

describe('ablations of plugins', () => {
  const model = tinyTransformer();
  const graph = buildGraph(model.spec.layout, DEFAULT_GRAPH_OPTIONS);
  const batch = tinyPrompts(3);
  const everything = { input: 'clean', mask: filledMask(graph, 1) } as const;
  const open = () => createPatchableModel({ model, graph, backend: interpreterBackend(), microBatchTokens: 4 });
  const describeBy = async (definition: AblationDefinition, options = {}): Promise<PatchDescription> => {
    const patchable = await open();
    return chooseAblation(definition, options).patch({
      model: patchable,
      graph,
      batches: [batch],
      from: 'corrupt',
      seed: 2,
    });
  };

  it('are what is patched in: all edges patched give a run on the other prompts', async () => {
    const patchable = await open();
    const patch = await describeBy(backwards);
    const others = {
      ...batch,
      prompts: batch.prompts.map((p) => ({ ...p, corrupt: [...p.corrupt].reverse() as number[] })),
    };
    const whole = await patchable.patchedRun(others, { ...everything, patch: { kind: 'resample', from: 'corrupt' } });
    const own = await patchable.patchedRun(batch, { ...everything, patch });
    own.data.forEach((x, i) => {
      expect(x).toBeCloseTo(whole.data[i]!, 5);
    });
  });

  it('without noise leave the run as it is, and under a gradient give the same scores as the values themselves', async () => {
    const patchable = await open();
    const none = await describeBy(noise, { sigma: 0 });
    const plain = await patchable.patchedRun(batch, { ...everything, patch: { kind: 'resample', from: 'clean' } });
    const own = await patchable.patchedRun(batch, { ...everything, patch: none });
    own.data.forEach((x, i) => {
      expect(x).toBeCloseTo(plain.data[i]!, 5);
    });
    const copied = defineAblation({
      name: 'copied',
      doc: 'the corrupt side itself',
      options: {},
      patch: () => ({ kind: 'made', name: 'copied', reads: ['corrupt'], values: ({ corrupt }) => corrupt }),
    });
    const objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' } as const;
    const [a, b] = await Promise.all(
      [await describeBy(copied), { kind: 'resample', from: 'corrupt' } as const].map((patch) =>
        patchable.maskGradient(batch, { input: 'clean', patch, objective }),
      ),
    );
    for (const [module, { data }] of Object.entries(b!.tensors)) {
      data.forEach((x, i) => {
        expect(a!.tensors[module]!.data[i]).toBeCloseTo(x, 5);
      });
    }
  });

  it('are refused for what cannot be patched in, by name and member', async () => {
    const patchable = await open();
    const made = (values: unknown) =>
      defineAblation({
        name: 'broken',
        doc: 'gives nothing usable',
        options: {},
        patch: () => ({ kind: 'made', name: 'broken', values }) as never,
      });
    for (const [definition, member, words] of [
      [made(() => [1, 2]), 'values', /does not give what "start" writes/],
      [made(({ clean }: { clean: Float32Array }) => clean.fill(Number.NaN)), 'values', /finite/],
      [made(async () => []), 'values', /Promise/],
      [made(undefined), 'patch', /without "values"/],
      [
        defineAblation({ name: 'broken', doc: 'gives no description', options: {}, patch: () => 3 as never }),
        'patch',
        /what to patch in/,
      ],
      [
        defineAblation({
          name: 'broken',
          doc: 'gives short prompts',
          options: {},
          patch: () => ({ kind: 'prompts', name: 'broken', tokens: () => [1] }),
        }),
        'tokens',
        /3 token ids/,
      ],
    ] as const) {
      const run = async () => patchable.patchedRun(batch, { ...everything, patch: await describeBy(definition) });
      await expect(run()).rejects.toMatchObject({
        code: 'plugin-failed',
        fields: { plugin: 'broken', kind: 'ablation', member },
      });
      await expect(run()).rejects.toThrow(words);
    }
  });
});
