/** @file Models with latents as files: what they hold is what loading gives, and what is wrong with them has a code. */
/** The shipped autoencoder on the shipped model: chosen, written to a file, loaded by its name, scored. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPatchableModel, interpreterBackend } from '@auto-circuit/core';
import {
  buildGraph,
  edgesByName,
  inputOf,
  type ModelObject,
  type PromptBatch,
  scorePlace,
} from '@auto-circuit/core/plugin';
import { openSafetensors, safetensorsSource, writeSafetensors } from '@auto-circuit/core/run';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../load-model.js';
import { errorWith } from '../testing/error-matcher.js';
import { readAutoencoder } from './autoencoder.js';
import { readModelFile, writeModelFile } from './model-file.js';
import { strongestLatents } from './strongest-latents.js';

const shipped = fileURLToPath(new URL('../../shipped-data/ioi-mini-sae/', import.meta.url));
const { model, tokenizer } = await loadModel('ioi-mini');
const tokens = (text: string): number[] => tokenizer!.encode(text, { bos: true });
const [clean, corrupt] = [
  'While Suri and Rosa waited at the bakery , Rosa handed a blanket to',
  'While Suri and Rosa waited at the bakery , Tamar handed a blanket to',
].map((text) => tokens(text));
const batch: PromptBatch = {
  length: clean!.length,
  prompts: [{ index: 0, clean: clean!, corrupt: corrupt!, answers: [1], wrongAnswers: [2] }],
};
const backend = interpreterBackend({ precision: 'float64' });
const open = (own: ModelObject) => createPatchableModel({ model: own, graph: buildGraph(own.spec.layout), backend });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latents-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('strongest latents', () => {
  it('are those that differ most between the sides, and all that are active are counted', async () => {
    const autoencoder = readAutoencoder(shipped);
    expect([autoencoder.site, autoencoder.latents, autoencoder.activation.kind]).toEqual(['L0.mlp', 128, 'relu']);
    const patchable = await open(model);
    const strengths = await strongestLatents({ model: patchable, backend, autoencoder, batches: [batch] });
    expect(strengths[0]!.difference).toBeGreaterThan(1e-3);
    expect(strengths.map((s) => s.difference)).toEqual(strengths.map((s) => s.difference).toSorted((a, b) => b - a));
    // by hand, for the first: the pre-activations of both sides at every token
    const { latent, difference, activity } = strengths[0]!;
    const { index } = patchable.graph.sources.find(({ name }) => name === 'MLP 0')!;
    const sides = await Promise.all(
      (['clean', 'corrupt'] as const).map(async (side) => {
        const { data, shape } = await patchable.sourceOutputs(batch, side);
        const slab = data.length / shape[0]!;
        const out = data.subarray(index * slab, (index + 1) * slab);
        return Array.from({ length: batch.length }, (_, token) => {
          let total = autoencoder.encoderBias[latent]!;
          for (let i = 0; i < 64; i++)
            total += (out[token * 64 + i]! - autoencoder.decoderBias[i]!) * autoencoder.encoder[i * 128 + latent]!;
          return Math.max(0, total);
        });
      }),
    );
    const mean = (values: readonly number[]): number => values.reduce((a, x) => a + x, 0) / values.length;
    expect(difference).toBeCloseTo(mean(sides[0]!.map((x, i) => Math.abs(x - sides[1]![i]!))), 7);
    expect(activity).toBeCloseTo(mean(sides.flat()), 5);
    await patchable.dispose();
  });
});

describe('cfg.json', () => {
  const own = (): string => join(folder, 'cfg');
  const CONFIG = { d_in: 64, d_sae: 128, hook_name: 'blocks.0.hook_mlp_out' };
  async function read(changes: Record<string, unknown>, tensors: Record<string, Float32Array> = {}) {
    await cp(shipped, own(), { recursive: true });
    await writeFile(join(own(), 'cfg.json'), JSON.stringify({ ...CONFIG, ...changes }));
    const file = openSafetensors(join(shipped, 'sae_weights.safetensors'));
    const kept = [...file.tensors].map(([name, { shape }]) =>
      safetensorsSource(name, shape, Float32Array.from(file.read(name))),
    );
    const added = Object.entries(tensors).map(([name, data]) => safetensorsSource(name, [data.length], data));
    await writeSafetensors(join(own(), 'sae_weights.safetensors'), [...kept, ...added]);
    return readAutoencoder(own());
  }
  const plain = readAutoencoder(shipped);

  it('says which activation: tanh(relu(x)) is one, under the older and the newer key', async () => {
    expect((await read({ activation_fn_str: 'tanh-relu' })).activation).toEqual({ kind: 'tanh-relu' });
    expect((await read({ activation_fn: 'tanh-relu' })).activation).toEqual({ kind: 'tanh-relu' });
    expect((await read({ activation_fn: 'topk', activation_fn_kwargs: { k: 3 } })).activation).toEqual({
      kind: 'topk',
      k: 3,
    });
    expect((await read({ activation_fn_str: 'relu', normalize_activations: false })).activation).toEqual({
      kind: 'relu',
    });
  });

  it('says whether latents are scaled before they are decoded', async () => {
    const factors = Float32Array.from({ length: 128 }, (_, i) => i / 8);
    for (const name of ['finetuning_scaling_factor', 'scaling_factor']) {
      const { decoder, encoder } = await read({ finetuning_scaling_factor: true }, { [name]: factors });
      expect(decoder[24 * 64 + 5]).toBe(3 * plain.decoder[24 * 64 + 5]!);
      expect(encoder).toEqual(plain.encoder);
    }
    // files of some versions have the tensor though nothing was tuned
    const ones = new Float32Array(128).fill(1);
    expect((await read({}, { scaling_factor: ones })).decoder).toEqual(plain.decoder);
    await expect(read({}, { scaling_factor: factors })).rejects.toThrow(
      errorWith('invalid-file', { key: 'finetuning_scaling_factor', tensor: 'scaling_factor' }),
    );
    await expect(read({ finetuning_scaling_factor: true })).rejects.toThrow(
      errorWith('missing-tensor', { tensor: 'finetuning_scaling_factor', expectedShape: [128] }),
    );
  });

  it('of a JumpReLU below 0 gives relu(x): what is negative is never active', async () => {
    const threshold = Float32Array.from({ length: 128 }, (_, i) => (i - 2) / 4);
    const { activation } = await read({ architecture: 'jumprelu' }, { threshold });
    expect(activation).toMatchObject({ kind: 'jumprelu' });
    expect('threshold' in activation && [...activation.threshold.slice(0, 4)]).toEqual([0, 0, 0, 0.25]);
  });

  it.each([
    ['activation_fn_str', 'gelu'],
    ['activation_fn', 'identity'],
    ['activation_fn_kwargs', { k: 3, postact_fn: 'identity' }],
    ['normalize_activations', 'layer_norm'],
    ['normalize_activations', 'constant_norm_rescale'],
    ['rescale_acts_by_decoder_norm', true],
    ['reshape_activations', 'hook_z'],
    ['hook_head_index', 3],
    ['is_transcoder', true],
    ['hook_name_out', 'blocks.1.hook_mlp_out'],
    ['d_out', 32],
    ['finetuning_scaling_factor', 'yes'],
  ])('with %s %j is refused by that key', async (key, value) => {
    await expect(read({ [key]: value })).rejects.toThrow(
      errorWith('invalid-file', { path: join(own(), 'cfg.json'), key: expect.stringContaining(key) }),
    );
  });

  it('of another activation than the architecture has, or beside tensors that it does not use, is refused', async () => {
    const threshold = new Float32Array(128);
    await expect(read({ architecture: 'jumprelu', activation_fn_str: 'tanh-relu' }, { threshold })).rejects.toThrow(
      errorWith('invalid-file', { key: 'activation_fn_str' }),
    );
    await expect(read({}, { threshold })).rejects.toThrow(errorWith('unsupported-format', { tensor: 'threshold' }));
    await expect(read({}, { W_skip: threshold })).rejects.toThrow(
      errorWith('unsupported-format', { tensor: 'W_skip' }),
    );
  });
});

describe('a model file', () => {
  it('is a model like any other: the same outputs, latents as sources, scores for their edges', async () => {
    const path = join(folder, 'ioi-latents.json');
    await cp(shipped, join(folder, 'sae'), { recursive: true });
    const autoencoder = readAutoencoder(shipped);
    const plain = await open(model);
    const strengths = await strongestLatents({ model: plain, backend, autoencoder, batches: [batch] });
    const latents = strengths.slice(0, 6).map(({ latent }) => latent);
    await writeModelFile(path, { model: 'ioi-mini', autoencoders: [{ folder: 'sae', site: 'L0.mlp', latents }] });
    const loaded = await loadModel(relative(process.cwd(), path));
    expect(loaded.tokenizer).not.toBeNull();
    const patchable = await open(loaded.model);
    const { graph } = patchable;
    expect(graph.sources.length).toBe(plain.graph.sources.length + 6);
    const [a, b] = [await plain.run(inputOf(batch, 'clean')), await patchable.run(inputOf(batch, 'clean'))];
    expect(Math.max(...a.data.map((x, i) => Math.abs(x - b.data[i]!)))).toBeLessThan(1e-5);
    const { tensors } = await patchable.maskGradient(batch, {
      input: 'clean',
      patch: { kind: 'resample', from: 'corrupt' },
      objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' },
    });
    const whole = await plain.maskGradient(batch, {
      input: 'clean',
      patch: { kind: 'resample', from: 'corrupt' },
      objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' },
    });
    const score = (own: typeof plain, from: typeof tensors, name: string): number => {
      const [edge] = edgesByName(own.graph, name);
      const { module, offset } = scorePlace(own.graph, edge!);
      return from[module]!.data[offset]!;
    };
    // at mask 0 an edge's score is linear in what its source writes: latents and error share that of the MLP
    for (const destination of ['A1.0.V', 'MLP 2', 'Resid End']) {
      const parts = [...latents.map((l) => `MLP 0 Latent ${l}`), 'MLP 0 Error'].map((source) =>
        score(patchable, tensors, `${source}->${destination}`),
      );
      const expected = score(plain, whole.tensors, `MLP 0->${destination}`);
      expect(parts.reduce((sum, x) => sum + x, 0)).toBeCloseTo(expected, 4);
      expect(parts.some((x) => x !== 0)).toBe(true);
    }
    await plain.dispose();
    await patchable.dispose();
  });

  it('of another form is refused by its key', async () => {
    const path = join(folder, 'wrong.json');
    await writeFile(path, JSON.stringify({ format: 'auto-circuit model 1', model: 'x', autoencoders: [] }));
    expect(() => readModelFile(path)).toThrow(/autoencoders is wrong/);
    await expect(loadModel(join(folder, 'none.json'))).rejects.toThrow(/cannot read .*none.json/);
  });

  it('names what an autoencoder folder lacks', async () => {
    const own = join(folder, 'other');
    await cp(shipped, own, { recursive: true });
    const config = { d_in: 64, d_sae: 128, hook_name: 'blocks.0.attn.hook_z' };
    const write = (changes: Record<string, unknown>) =>
      writeFile(join(own, 'cfg.json'), JSON.stringify({ ...config, ...changes }));
    await write({});
    expect(() => readAutoencoder(own)).toThrow(errorWith('unfit-autoencoder', { hook: 'blocks.0.attn.hook_z' }));
    expect(readAutoencoder(own, 'L2.mlp').site).toBe('L2.mlp');
    for (const [hook, site] of [
      ['blocks.1.hook_resid_pre', 'L0.post'],
      ['blocks.1.hook_resid_mid', 'L1.mid'],
      ['blocks.2.hook_resid_post', 'L2.post'],
    ] as const) {
      await write({ hook_name: null, metadata: { hook_name: hook } });
      expect(readAutoencoder(own).site).toBe(site);
    }
    await write({ hook_name: 'blocks.0.hook_resid_pre' });
    expect(() => readAutoencoder(own)).toThrow(errorWith('unfit-autoencoder', { hook: 'blocks.0.hook_resid_pre' }));
    await write({ architecture: 'gated' });
    expect(() => readAutoencoder(own, 'L0.mlp')).toThrow(/only standard, jumprelu and topk/);
    await write({ architecture: 'jumprelu' });
    expect(() => readAutoencoder(own, 'L0.mlp')).toThrow(
      errorWith('missing-tensor', { tensor: 'threshold', expectedShape: [128] }),
    );
    await write({ architecture: 'topk' });
    expect(() => readAutoencoder(own, 'L0.mlp')).toThrow(
      errorWith('invalid-file', { path: join(own, 'cfg.json'), key: 'k' }),
    );
    await write({ d_sae: 64, architecture: 'standard' });
    expect(() => readAutoencoder(own, 'L0.mlp')).toThrow(
      errorWith('wrong-tensor', { tensor: 'W_enc', shape: [64, 128], expectedShape: [64, 64] }),
    );
    await rm(join(own, 'sae_weights.safetensors'));
    expect(() => readAutoencoder(own, 'L0.mlp')).toThrow(errorWith('file-not-found', { path: own }));
  });
});
