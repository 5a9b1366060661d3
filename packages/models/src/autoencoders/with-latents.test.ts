/** @file Models with latents as sources: the same outputs, gradients that match differences, and refusals. */
import { createPatchableModel, interpreterBackend } from '@auto-circuit/core';
import {
  buildGraph,
  DEFAULT_GRAPH_OPTIONS,
  edgesByName,
  type FloatArray,
  type GraphOptions,
  inputOf,
  type ModelObject,
  optionsFor,
  type PromptBatch,
  scorePlace,
  seededRandom,
} from '@auto-circuit/core/plugin';
import { afterPrefix, withoutPrefix } from '@auto-circuit/core/run';
import { architectureContract, runContract } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { randomGemma, randomGpt2, randomNeox } from '../families/random-models.js';
import { errorWith } from '../testing/error-matcher.js';
import type { Autoencoder, LatentActivation } from './autoencoder.js';
import { withLatents } from './with-latents.js';

const SMALL = {
  ...{ layers: 2, heads: 2, dModel: 8, dHead: 4, dMlp: 12, vocabulary: 11, positions: 8, epsilon: 1e-5 },
} as const;
const scale = 12;
const gpt2 = randomGpt2({ ...SMALL, activation: 'gelu_new', mlp: true }, { scale });
const LATENTS = 10;

/** With random numbers of about the size of what MLPs write. */
function random(site: string, activation: LatentActivation, centred = true): Autoencoder {
  const { normal } = seededRandom(1, `autoencoder ${site} ${activation.kind}`);
  const numbers = (n: number, size: number) => Float32Array.from({ length: n }, () => size * normal());
  const [d, n] = [SMALL.dModel, LATENTS];
  return {
    ...{ source: 'random', site, dModel: d, latents: n, activation, centred },
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
const open = (model: ModelObject, options: GraphOptions = DEFAULT_GRAPH_OPTIONS) =>
  createPatchableModel({
    model,
    graph: buildGraph(model.spec.layout, options),
    backend: interpreterBackend({ precision: 'float64' }),
  });
const largest = (a: FloatArray, b: FloatArray): number =>
  Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);

runContract(
  'latents of both layers',
  architectureContract(
    withLatents(gpt2, [
      { autoencoder: random('L0.mlp', { kind: 'relu' }), chosen: [7, 2, 5] },
      { autoencoder: random('L1.mlp', { kind: 'relu' }, false), chosen: [0, 9] },
    ]),
  ),
  { describe, it },
);
// below a threshold a latent is 0 at once, so finite differences would err at jumps: chosen latents here keep their distance
runContract(
  'latents beside attention, and where norms follow',
  [
    withLatents(randomNeox({ ...SMALL, dRotary: 2, activation: 'gelu', parallel: true }, { scale }), [
      { autoencoder: random('L0.mlp', { kind: 'relu' }), chosen: [1, 4] },
    ]),
    withLatents(
      randomGemma(
        {
          ...{ ...SMALL, kvHeads: 1, activation: 'silu', windows: [2, null], attentionScale: 0.5 },
          ...{ scoreCap: null, logitCap: null, norms: true },
        },
        { scale },
      ),
      [{ autoencoder: random('L1.mlp', { kind: 'relu' }), chosen: [3, 8, 1] }],
    ),
  ].flatMap(architectureContract),
  { describe, it },
);

runContract(
  'latents of the stream, in the residual graph',
  architectureContract(
    withLatents(gpt2, [
      { autoencoder: random('L0.mid', { kind: 'relu' }), chosen: [7, 2] },
      { autoencoder: random('L0.post', { kind: 'relu' }, false), chosen: [4, 0, 9] },
      { autoencoder: random('L1.mlp', { kind: 'relu' }), chosen: [1] },
    ]),
  ),
  { describe, it },
);

it('latents of the stream leave the outputs as they were, and add up to the stream', async () => {
  const attached = [{ autoencoder: random('L0.post', { kind: 'relu' }), chosen: [4, 0, 9] }];
  const residual = { ...DEFAULT_GRAPH_OPTIONS, factorized: false };
  const [plain, decomposed] = await Promise.all(
    [gpt2, withLatents(gpt2, attached)].map((model) => open(model, residual)),
  );
  const tokens = inputOf(prompts, 'clean');
  const [a, b] = [await plain!.run(tokens, 'all'), await decomposed!.run(tokens, 'all')];
  expect(largest(a.data, b.data)).toBeLessThan(1e-6);
  const outputs = async (patchable: typeof plain, match: RegExp) => {
    const { data, shape } = await patchable!.sourceOutputs(prompts, 'clean'); // [sources, prompts, pos, dModel]
    const slab = data.length / shape[0]!;
    const sum = new Float64Array(slab);
    for (const { name, index } of patchable!.graph.sources)
      if (match.test(name)) for (let i = 0; i < slab; i++) sum[i]! += data[index * slab + i]!;
    return sum;
  };
  const bias = attached[0]!.autoencoder.decoderBias;
  const parts = (await outputs(decomposed, /^Resid Post 0 (Latent|Error)/)).map((x, i) => x + bias[i % bias.length]!);
  expect(largest(parts, await outputs(plain, /^Resid Post 0$/))).toBeLessThan(1e-5); // of numbers up to ten, as float32
});

describe.each([
  ['relu', { kind: 'relu' }],
  ['tanh-relu', { kind: 'tanh-relu' }],
  ['jumprelu', JUMP],
  ['topk', { kind: 'topk', k: 6 }],
] as const)('%s', (_, activation) => {
  const autoencoder = random('L0.mlp', activation);
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
        if (activation.kind === 'tanh-relu') return Math.tanh(Math.max(0, p));
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

it('a shared prefix changes nothing, with latents of the MLP or of the stream', async () => {
  // both prompts of a pair begin alike; [2, 3] of each are run once
  const shared = prompts.prompts.map((p) => ({
    ...p,
    clean: [2, 3, ...(p.clean as number[])],
    corrupt: [2, 3, ...(p.corrupt as number[])],
  }));
  const backend = interpreterBackend({ precision: 'float64' });
  for (const site of ['L0.mlp', 'L0.post']) {
    const model = withLatents(gpt2, [{ autoencoder: random(site, { kind: 'relu' }), chosen: [4, 0, 9] }]);
    const options = optionsFor(model.spec.layout);
    const request = {
      input: 'clean',
      patch: { kind: 'resample', from: 'corrupt' },
      objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' },
    } as const;
    const whole = await (await open(model, options)).maskGradient({ length: 7, prompts: shared }, request);
    const cut = await withoutPrefix(model, backend, shared, 2);
    const tail = await (await open(afterPrefix(model, 2), options)).maskGradient({ length: 5, prompts: cut }, request);
    for (const [module, { data }] of Object.entries(whole.tensors))
      expect(largest(data, tail.tensors[module]!.data)).toBeLessThan(1e-4); // keys and values pass as float32
  }
});

it('refuses an autoencoder that does not fit the model', () => {
  const autoencoder = random('L0.mlp', { kind: 'relu' });
  const attach =
    (changes: Partial<Autoencoder>, chosen: readonly number[] = [1]) =>
    () =>
      withLatents(gpt2, [{ autoencoder: { ...autoencoder, ...changes }, chosen }]);
  expect(attach({ site: 'L2.mlp' })).toThrow(/latents at L2.mlp cannot be sources: expected L0 to L1/);
  expect(attach({ dModel: 4 })).toThrow(errorWith('unfit-autoencoder', { site: 'L0.mlp' }));
  expect(attach({}, [10])).toThrow(errorWith('index-out-of-range', { index: 10, size: 10 }));
  const bare = randomGpt2({ ...SMALL, activation: 'relu', mlp: false });
  expect(() => withLatents(bare, [{ autoencoder, chosen: [1] }])).toThrow(/but there are no MLPs/);
  const twice = { autoencoder, chosen: [1] };
  expect(() => withLatents(gpt2, [twice, twice])).toThrow(/L0.mlp has two/);
});
