/** @file Values inside a run by their role, on small random models of every kind of part. */
import { buildGraph, createPatchableModel, DEFAULT_GRAPH_OPTIONS } from '@auto-circuit/core';
import { interpreterBackend } from '@auto-circuit/core/backend';
import { type ModelObject, type PatchableModel, type PromptBatch, ROLES } from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import { randomDecoder, randomGemma, randomGpt2, randomLlama, randomNeox } from '../families/random-models.js';

const SMALL = {
  ...{ layers: 2, heads: 4, dModel: 16, dHead: 4, dMlp: 24, vocabulary: 11, positions: 8, epsilon: 1e-5 },
} as const;
const scale = 12; // weights of standard deviation 0.24: patterns are far from even
const MODELS: Readonly<Record<string, ModelObject>> = {
  gpt2: randomGpt2({ ...SMALL, activation: 'gelu_new', mlp: true }, { scale }),
  llama: randomLlama({ ...SMALL, kvHeads: 2, activation: 'silu' }, { scale }),
  gemma: randomGemma(
    {
      ...{ ...SMALL, kvHeads: 2, activation: 'gelu_pytorch_tanh', attentionScale: 0.4, windows: [3, null] },
      ...{ scoreCap: 2, logitCap: 3, norms: false },
    },
    { scale },
  ),
  'heads normed across, embeddings normed': randomDecoder(
    {
      ...{ ...SMALL, activation: 'silu', kvHeads: 2, norm: 'rmsNorm', mlpKind: 'gated', norms: 'after' },
      ...{ headNorms: 'across', rotary: { dims: 4, tables: ['rope', 'rope'] }, embeddingNorm: true },
    },
    { scale },
  ),
  'gemma 3': randomGemma(
    {
      ...{ ...SMALL, kvHeads: 2, activation: 'gelu_pytorch_tanh', attentionScale: 0.4, windows: [null, 2] },
      ...{ scoreCap: null, logitCap: null, norms: true },
    },
    { scale },
  ),
  neox: randomNeox({ ...SMALL, dRotary: 2, activation: 'gelu', parallel: true }, { scale }),
};
const BATCH: PromptBatch = {
  length: 4,
  prompts: [0, 1, 2].map((index) => ({
    index,
    clean: [index, 3, 7, 2 + index],
    corrupt: [index, 5, 1, 2],
    answers: [1],
    wrongAnswers: [2],
  })),
};

async function opened(model: ModelObject, microBatchTokens?: number): Promise<PatchableModel> {
  const graph = buildGraph(model.spec.layout, DEFAULT_GRAPH_OPTIONS);
  const size = microBatchTokens === undefined ? {} : { microBatchTokens };
  return createPatchableModel({ model, graph, backend: interpreterBackend(), ...size });
}

describe('values by role', () => {
  for (const [name, model] of Object.entries(MODELS)) {
    it(`${name}: every role is documented`, async () => {
      const { roles } = await opened(model);
      expect(roles).toEqual(expect.arrayContaining(['attn.pattern', 'mlp.act', 'attn.read', 'end.read']));
      for (const role of roles) expect(Object.keys(ROLES), role).toContain(role);
    });

    it(`${name}: heads write their patterns times their values, whatever the micro-batch`, async () => {
      const roles = ['attn.pattern', 'attn.v', 'attn.z'];
      const values = await (await opened(model)).readValues(BATCH, 'clean', roles);
      const [pattern, v, z] = roles.map((role) => values[`L1.${role}`]!) as unknown as [Value, Value, Value];
      const [prompts, groups, perGroup, pos, keys] = pattern.shape as [number, number, number, number, number];
      expect([prompts, groups * perGroup, pos, keys]).toEqual([3, 4, 4, 4]);
      const dHead = v.shape[4]!;
      for (let i = 0; i < prompts; i++) {
        for (let h = 0; h < groups * perGroup; h++) {
          const [g, inGroup] = [Math.floor(h / perGroup), h % perGroup];
          for (let q = 0; q < pos; q++) {
            const row = Array.from(
              { length: keys },
              (_, k) => pattern.data[(((i * groups + g) * perGroup + inGroup) * pos + q) * keys + k]!,
            );
            expect(row.reduce((a, x) => a + x, 0)).toBeCloseTo(1, 5);
            expect(row.slice(q + 1).every((x) => x === 0)).toBe(true);
            const vHead = v.shape[2] === 1 ? 0 : inGroup;
            for (let d = 0; d < dHead; d++) {
              const expected = row.reduce(
                (a, x, k) => a + x * v.data[(((i * groups + g) * v.shape[2]! + vHead) * keys + k) * dHead + d]!,
                0,
              );
              expect(z.data[((i * 4 + h) * pos + q) * dHead + d]).toBeCloseTo(expected, 5);
            }
          }
        }
      }
      const cut = await (await opened(model, 4)).readValues(BATCH, 'clean', roles);
      for (const [role, { shape, data }] of Object.entries(values)) {
        expect(cut[role]!.shape).toEqual(shape);
        data.forEach((x, i) => {
          expect(cut[role]!.data[i]).toBeCloseTo(x, 5);
        });
      }
    });
  }

  for (const name of ['gpt2', 'llama'] as const) {
    it(`${name}: gradients of patterns are those of what heads write, times their values`, async () => {
      const model = await opened(MODELS[name]!, 4);
      const roles = ['attn.pattern', 'attn.z'];
      const { gradients } = await model.valueGradients(BATCH, { input: 'clean', objective: LOGIT_DIFF, roles });
      const v = (await model.readValues(BATCH, 'clean', ['attn.v']))['L1.attn.v']!;
      const [pattern, z] = roles.map((role) => gradients[`L1.${role}`]!) as unknown as [Value, Value];
      const [prompts, groups, perGroup, pos, keys] = pattern.shape as [number, number, number, number, number];
      const dHead = z.shape[3]!;
      for (let at = 0; at < pattern.data.length; at++) {
        const k = at % keys;
        const q = Math.floor(at / keys) % pos;
        const h = Math.floor(at / (keys * pos)) % (groups * perGroup);
        const i = Math.floor(at / (keys * pos * groups * perGroup));
        const row =
          ((i * groups + Math.floor(h / perGroup)) * v.shape[2]! + (v.shape[2] === 1 ? 0 : h % perGroup)) * keys + k;
        let expected = 0;
        for (let d = 0; d < dHead; d++)
          expected += z.data[((i * groups * perGroup + h) * pos + q) * dHead + d]! * v.data[row * dHead + d]!;
        expect(pattern.data[at]).toBeCloseTo(expected, 4);
      }
      expect(prompts).toBe(3);
    });

    it(`${name}: the gradient at an input is that of the loss, by finite differences; inputs may be given as values`, async () => {
      const model = await opened(MODELS[name]!, 4);
      const [clean, corrupt] = await Promise.all(
        (['clean', 'corrupt'] as const).map(
          async (side) => (await model.readValues(BATCH, side, ['start.write']))['start.write']!,
        ),
      );
      const alpha = 0.25;
      const values = {
        ...clean!,
        data: clean!.data.map((x, i) => corrupt!.data[i]! + alpha * (x - corrupt!.data[i]!)),
      };
      const request = { input: 'clean', objective: LOGIT_DIFF, roles: ['start.write'] } as const;
      const { gradients, losses } = await model.valueGradients(BATCH, { ...request, start: values });
      const step = 2 ** -7; // a power of two, so that float32 holds the moved numbers nearly exactly; truncation is h²/6 · f‴ ≈ 1e-5 · f‴
      for (const at of [0, 7, 20, 33, values.data.length - 1]) {
        const lossAt = async (by: number) => {
          const data = values.data.slice();
          data[at]! += by;
          const moved = await model.valueGradients(BATCH, { ...request, start: { ...values, data } });
          return moved.losses.reduce((sum, loss) => sum + loss, 0);
        };
        const difference = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
        const found = gradients['start.write']!.data[at]!;
        expect(Math.abs(found - difference)).toBeLessThan(2e-3 * Math.max(1, Math.abs(difference)));
      }
      const patch = { kind: 'resample', from: 'corrupt' } as const;
      const at = async (point: { kind: 'input'; alpha: number } | { kind: 'start'; values: typeof values }) =>
        model.maskGradient(BATCH, { input: 'clean', patch, objective: LOGIT_DIFF, losses: true, at: point });
      const [given, between] = [await at({ kind: 'start', values }), await at({ kind: 'input', alpha })];
      for (const [module, { data }] of Object.entries(between.tensors)) {
        data.forEach((x, i) => {
          expect(given.tensors[module]!.data[i]).toBeCloseTo(x, 4);
        });
      }
      losses.forEach((loss, i) => {
        expect(given.losses![i]).toBeCloseTo(loss, 4);
      });
      const short = { ...values, shape: [1, 4, 16], data: values.data.slice(0, 64) };
      await expect(at({ kind: 'start', values: short })).rejects.toMatchObject({ code: 'wrong-shape' });
    });
  }

  it('refuses a role that the model does not have, in reading and in backward rules', async () => {
    const model = await opened(MODELS.gpt2!);
    const unknown = (name: string) => ({ code: 'unknown-name', fields: { what: 'role', name } });
    await expect(model.readValues(BATCH, 'clean', ['attn.patern'])).rejects.toMatchObject(unknown('attn.patern'));
    await expect(model.readValues(BATCH, 'clean', ['attn.patern'])).rejects.toThrow(/did you mean attn\.pattern/);
    const request = {
      input: 'clean',
      patch: { kind: 'zero' },
      objective: LOGIT_DIFF,
    } as const;
    for (const role of ['attn.patern', 'mlp.gate']) {
      const backward = [{ kind: 'stop', role }] as const;
      await expect(model.maskGradient(BATCH, { ...request, backward })).rejects.toMatchObject(unknown(role));
    }
  });
});

const LOGIT_DIFF = { kind: 'answers', tokenFunction: 'logit', value: 'diff' } as const;
type Value = { readonly shape: readonly number[]; readonly data: Float32Array };
