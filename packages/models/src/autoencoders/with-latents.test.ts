import {
  buildGraph,
  createPatchableModel,
  edgesByName,
  type FloatArray,
  interpreterBackend,
  type ModelObject,
  type PromptBatch,
  scorePlace,
  seededRandom,
} from '@auto-circuit/core';
import { architectureContract, runContract } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { randomGemma, randomGpt2, randomNeox } from '../architectures/random.js';
import type { Autoencoder, LatentActivation } from './autoencoder.js';
import { withLatents } from './with-latents.js';

const SMALL = {
  ...{ layers: 2, heads: 2, dModel: 8, dHead: 4, dMlp: 12, vocabulary: 11, positions: 8, epsilon: 1e-5 },
} as const;
const scale = 12;
const gpt2 = randomGpt2({ ...SMALL, activation: 'gelu_new', mlp: true }, { scale });
const LATENTS = 10;

/** With random numbers of about the size of what MLPs write. */
function random(layer: number, activation: LatentActivation, centred = true): Autoencoder {
  const { normal } = seededRandom(layer, `autoencoder ${activation.kind}`);
  const numbers = (n: number, size: number) => Float32Array.from({ length: n }, () => size * normal());
  const [d, n] = [SMALL.dModel, LATENTS];
  return {
    ...{ source: 'random', layer, dModel: d, latents: n, activation, centred },
    ...{ encoder: numbers(d * n, 2), encoderBias: numbers(n, 0.05) },
    ...{ decoder: numbers(n * d, 0.5), decoderBias: numbers(d, 0.02) },
  };
}
const threshold = Float32Array.from({ length: LATENTS }, (_, i) => 0.02 + 0.02 * i);
const JUMP = { kind: 'jumprelu', threshold } as const;

const prompts: PromptBatch = {
  length: 5,
  prompts: [
    { index: 0, clean: [1, 2, 3, 4, 5], corrupt: [1, 7, 3, 9, 5], answers: [2], wrongAnswers: [8] },
    { index: 1, clean: [0, 10, 3, 1, 6], corrupt: [4, 10, 2, 1, 6], answers: [0], wrongAnswers: [5] },
  ],
};
const open = (model: ModelObject) =>
  createPatchableModel({
    model,
    graph: buildGraph(model.spec.layout),
    backend: interpreterBackend({ precision: 'float64' }),
  });
const largest = (a: FloatArray, b: FloatArray): number =>
  Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);

runContract(
  'latents of both layers',
  architectureContract(
    withLatents(gpt2, [
      { autoencoder: random(0, { kind: 'relu' }), chosen: [7, 2, 5] },
      { autoencoder: random(1, { kind: 'relu' }, false), chosen: [0, 9] },
    ]),
  ),
  { describe, it },
);
// below a threshold a latent is 0 at once, so finite differences would err at jumps: chosen latents here keep their distance
runContract(
  'latents beside attention, and where norms follow',
  [
    withLatents(randomNeox({ ...SMALL, dRotary: 2, activation: 'gelu', parallel: true }, { scale }), [
      { autoencoder: random(0, { kind: 'relu' }), chosen: [1, 4] },
    ]),
    withLatents(
      randomGemma(
        {
          ...{ ...SMALL, kvHeads: 1, activation: 'silu', windows: [2, null], attentionScale: 0.5 },
          ...{ scoreCap: null, logitCap: null, norms: true },
        },
        { scale },
      ),
      [{ autoencoder: random(1, { kind: 'relu' }), chosen: [3, 8, 1] }],
    ),
  ].flatMap(architectureContract),
  { describe, it },
);

describe.each([
  ['relu', { kind: 'relu' }],
  ['jumprelu', JUMP],
  ['topk', { kind: 'topk', k: 6 }],
] as const)('%s', (_, activation) => {
  const autoencoder = random(0, activation);
  const chosen = [6, 0, 3, 9];
  const model = withLatents(gpt2, [{ autoencoder, chosen }]);

  it('leaves the outputs as they were', async () => {
    const [plain, decomposed] = [await open(gpt2), await open(model)];
    const tokens = {
      dtype: 'int',
      shape: [2, 5],
      data: Int32Array.from(prompts.prompts.flatMap((p) => p.clean as number[])),
    } as const;
    const [a, b] = [await plain.run(tokens, 'all'), await decomposed.run(tokens, 'all')];
    expect(largest(a.data, b.data)).toBeLessThan(1e-6); // both float64, handed over as float32
  });

  it('writes what loops over the definition give', async () => {
    const [plain, decomposed] = [await open(gpt2), await open(model)];
    const [d, n, { encoder, encoderBias, decoder, decoderBias }] = [SMALL.dModel, LATENTS, autoencoder];
    const outputsOf = async (patchable: typeof plain) => {
      const { data, shape } = await patchable.sourceOutputs(prompts, 'clean'); // [sources, prompts, pos, dModel]
      const slab = data.length / shape[0]!;
      return (name: string) => {
        const { index } = patchable.graph.sources.find((source) => source.name === name)!;
        return data.subarray(index * slab, (index + 1) * slab);
      };
    };
    const mlp = (await outputsOf(plain))('MLP 0');
    const ours = await outputsOf(decomposed);
    let active = 0;
    for (let token = 0; token < mlp.length / d; token++) {
      const x = Float64Array.from(mlp.subarray(token * d, (token + 1) * d));
      const pre = Array.from({ length: n }, (_, latent) => {
        let total = encoderBias[latent]!;
        for (let i = 0; i < d; i++) total += (x[i]! - decoderBias[i]!) * encoder[i * n + latent]!;
        return total;
      });
      const kth = [...pre].sort((a, b) => b - a)[5]!;
      const value = (latent: number): number => {
        const p = pre[latent]!;
        if (activation.kind === 'jumprelu') return p > threshold[latent]! ? p : 0;
        return activation.kind === 'topk' && p < kth ? 0 : Math.max(0, p);
      };
      const left = Float64Array.from(x, (v, i) => v - decoderBias[i]!);
      for (const latent of chosen) {
        const written = ours(`MLP 0 Latent ${latent}`).subarray(token * d, (token + 1) * d);
        if (value(latent) > 0) active++;
        for (let i = 0; i < d; i++) {
          const expected = value(latent) * decoder[latent * d + i]!;
          expect(written[i]).toBeCloseTo(expected, 5); // x is known as float32
          left[i]! -= expected;
        }
      }
      const error = ours('MLP 0 Error').subarray(token * d, (token + 1) * d);
      for (let i = 0; i < d; i++) expect(error[i]).toBeCloseTo(left[i]!, 5);
    }
    expect(active).toBeGreaterThan(3);
    expect(active).toBeLessThan((mlp.length / d) * chosen.length);
  });

  it('has edge scores: to the output, attribution is exact where the rest stays', async () => {
    // the derivative of the loss by the mask of an edge to the output, and the loss with that edge patched by a step
    const patchable = await open(model);
    const request = { input: 'clean', patch: { kind: 'resample', from: 'corrupt' } } as const;
    const objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' } as const;
    const { tensors } = await patchable.maskGradient(prompts, { ...request, objective });
    const { graph } = patchable;
    for (const latent of chosen) {
      const [edge] = edgesByName(graph, `MLP 0 Latent ${latent}->Resid End`);
      const { module, offset } = scorePlace(graph, edge!);
      const width = tensors[module]!.data.length / 2;
      const loss = async (value: number): Promise<number> => {
        const mask = {
          perItem: false,
          tensors: Object.fromEntries(
            Object.entries(tensors).map(([name, { shape, data }]) => {
              const own = new Float32Array(data.length / 2);
              if (name === module) own[offset] = value;
              return [name, { dtype: 'float' as const, shape: shape.slice(1), data: own }];
            }),
          ),
        };
        const { data } = await patchable.patchedRun(prompts, { ...request, mask });
        return data[8]! - data[2]!; // of the first prompt
      };
      const slope = ((await loss(0.02)) - (await loss(-0.02))) / 0.04;
      expect(tensors[module]!.data[offset + 0 * width]).toBeCloseTo(slope, 3);
    }
  });
});

it('says what is wrong', () => {
  const autoencoder = random(0, { kind: 'relu' });
  const attach =
    (changes: Partial<Autoencoder>, chosen: readonly number[] = [1]) =>
    () =>
      withLatents(gpt2, [{ autoencoder: { ...autoencoder, ...changes }, chosen }]);
  expect(attach({ layer: 2 })).toThrow(/random-gpt2: random is for layer 2 of a model of 2/);
  expect(attach({ dModel: 4 })).toThrow(/dModel 4, not 8/);
  expect(attach({}, [10])).toThrow(/random has latents 0 to 9, not 10/);
  const bare = randomGpt2({ ...SMALL, activation: 'relu', mlp: false });
  expect(() => withLatents(bare, [{ autoencoder, chosen: [1] }])).toThrow(/it has no MLPs/);
  const twice = { autoencoder, chosen: [1] };
  expect(() => withLatents(gpt2, [twice, twice])).toThrow(/layer 0 has two/);
});
