/** @file Canonical weights and processing, against golden data of TransformerLens and against hand-made checkpoints. */
import { fileURLToPath } from 'node:url';
import { openSafetensors } from '@auto-circuit/core/run';
import { describe, expect, it } from 'vitest';
import { gpt2Recipe } from '../recipes/gpt2.js';
import { llamaRecipe } from '../recipes/llama.js';
import { errorWith } from '../testing/error-matcher.js';
import { type CanonicalWeights, canonicalWeights } from './canonical.js';
import { memoryCheckpoint, openCheckpoint, type RawCheckpoint } from './hf-folder.js';
import { rotaryFrequencies } from './rotary.js';

const testData = (path: string) => fileURLToPath(new URL(`../../test-data/${path}`, import.meta.url));

/** Where TransformerLens keeps a canonical tensor, and whether its last two axes (or all, for matrices) are swapped. */
function lensName(name: string): { lens: string; swapped: boolean } {
  const layer = /^L(\d+)\.(attn|mlp)\.(\w+)\.([Wb])$/.exec(name);
  if (layer) {
    const [, l, module, part, kind] = layer;
    const swapped = kind === 'W' && module === 'attn' && part !== 'o';
    return { lens: `blocks.${l}.${module}.${kind}_${module === 'attn' ? part!.toUpperCase() : part}`, swapped };
  }
  const top = {
    'embed.W': 'embed.W_E',
    'pos.W': 'pos_embed.W_pos',
    'unembed.W': 'unembed.W_U',
    'unembed.b': 'unembed.b_U',
  };
  return { lens: top[name as keyof typeof top], swapped: name === 'unembed.W' };
}

/** [..., a, b] → [..., b, a] */
function swapLast(data: Float32Array, shape: readonly number[]): Float32Array {
  const [a, b] = [shape.at(-2)!, shape.at(-1)!];
  return data.map((_, i) => {
    const [matrix, rest] = [Math.floor(i / (a * b)), i % (a * b)];
    return data[matrix * a * b + (rest % a) * b + Math.floor(rest / a)]!;
  });
}

// float32 sums of at most 96 products: their rounding stays below 96 · 2^-24 of the largest term (here below 2)
const TOLERANCE = 96 * 2 ** -24 * 2;

function largestDifference(a: Float32Array, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, x, i) => Math.max(largest, Math.abs(x - b[i]!)), 0);
}

describe.each(['gpt2_2l2h_batches', 'attnonly_2l3h'])('GPT-2 with all processing: %s', (name) => {
  const canonical = canonicalWeights(openCheckpoint(testData(name)), gpt2Recipe);
  const expected = openSafetensors(testData(`${name}/expected-weights.safetensors`));
  const lensNames = new Map([...canonical.tensors.keys()].map((key) => [`weights/${lensName(key).lens}`, key]));

  it('has exactly the tensors that TransformerLens has', () => {
    expect([...lensNames.keys()].sort()).toEqual([...expected.tensors.keys()].sort());
    expect(canonical.processing).toEqual(['fold-norm', 'center-writes', 'center-unembed', 'fold-value-biases']);
  });

  it.each([...lensNames])('%s', (key, own) => {
    const tensor = canonical.tensors.get(own)!;
    const { swapped } = lensName(own);
    const data = swapped ? swapLast(tensor.load(), tensor.shape) : tensor.load();
    expect(largestDifference(data, expected.read(key))).toBeLessThan(TOLERANCE);
  });
});

/** Deterministic numbers in (-0.5, 0.5), none of them symmetric. */
const numbers = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, i) => ((i * 37 + seed * 11) % 101) / 101 - 0.5);

function tinyLlama(changes: Record<string, unknown> = {}): RawCheckpoint {
  const shapes: Record<string, number[]> = {
    'model.embed_tokens.weight': [5, 4],
    'model.norm.weight': [4],
    'model.layers.0.input_layernorm.weight': [4],
    'model.layers.0.post_attention_layernorm.weight': [4],
    'model.layers.0.self_attn.q_proj.weight': [4, 4],
    'model.layers.0.self_attn.k_proj.weight': [2, 4],
    'model.layers.0.self_attn.v_proj.weight': [2, 4],
    'model.layers.0.self_attn.v_proj.bias': [2],
    'model.layers.0.self_attn.o_proj.weight': [4, 4],
    'model.layers.0.mlp.gate_proj.weight': [3, 4],
    'model.layers.0.mlp.up_proj.weight': [3, 4],
    'model.layers.0.mlp.down_proj.weight': [4, 3],
  };
  const config = {
    model_type: 'llama',
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    hidden_size: 4,
    intermediate_size: 3,
    max_position_embeddings: 8,
    vocab_size: 5,
    tie_word_embeddings: true,
    rope_theta: 100,
    ...changes,
  };
  const tensors = Object.entries(shapes).map(([key, shape], i) => [
    key,
    {
      shape,
      data: numbers(
        shape.reduce((a, b) => a * b),
        i + 1,
      ),
    },
  ]);
  return memoryCheckpoint('tiny', config, Object.fromEntries(tensors));
}
const load = (canonical: CanonicalWeights, name: string) => canonical.tensors.get(name)!.load();

describe('Llama', () => {
  it('without processing keeps numbers, ties the embedding, and transposes the output projection', () => {
    const raw = tinyLlama();
    const canonical = canonicalWeights(raw, llamaRecipe, 'none');
    expect(canonical.processing).toEqual([]);
    expect(canonical.tensors.has('unembed.W')).toBe(false);
    expect(load(canonical, 'L0.attn.k.W')).toEqual(raw.read('model.layers.0.self_attn.k_proj.weight'));
    const output = raw.read('model.layers.0.self_attn.o_proj.weight'); // [dModel, heads·dHead]
    expect(load(canonical, 'L0.attn.o.W')[1 * 4 + 2]).toBe(output[2 * 4 + 1]);
    expect(canonical.tensors.get('L0.attn.o.W')!.shape).toEqual([2, 2, 4]);
  });

  it('rotary tables are cos and sin of position · theta^(-2i/dHead), once for both halves of a head', () => {
    const canonical = canonicalWeights(tinyLlama({ head_dim: undefined }), llamaRecipe, 'none');
    const cos = load(canonical, 'rope.cos'); // [8, 1]: one frequency, theta^0 = 1
    expect(cos).toHaveLength(8);
    expect(cos[3]).toBeCloseTo(Math.cos(3), 6);
    expect(load(canonical, 'rope.sin')[7]).toBeCloseTo(Math.sin(7), 6);
    // dims 4, theta 100: 1 and 100^(-1/2) = 0.1, halved by linear scaling with factor 2
    const frequencies = rotaryFrequencies({ theta: 100, dims: 4, scaling: { kind: 'linear', factor: 2 } });
    expect([...frequencies].map((x) => Number(x.toFixed(12)))).toEqual([0.5, 0.05]);
  });

  it('llama3 scaling slows long waves, keeps short ones and blends between', () => {
    const scaling = {
      kind: 'llama3',
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalPositions: 8192,
    } as const;
    const frequencies = rotaryFrequencies({ theta: 500_000, dims: 128, scaling });
    const plain = rotaryFrequencies({ theta: 500_000, dims: 128, scaling: { kind: 'default' } });
    expect(frequencies[0]).toBe(1);
    expect(frequencies[63]).toBeCloseTo(plain[63]! / 8, 15);
    // i = 32: 8192 · 500000^-0.5 / 2π = 1.84384 turns; blend (1.84384 - 1) / 3 = 0.281280; times (0.718720 / 8 + 0.281280)
    expect(frequencies[32]! / plain[32]!).toBeCloseTo(0.37112, 5);
  });

  it('folds norms without centring, and value biases into every query head of the group', () => {
    const raw = tinyLlama();
    const canonical = canonicalWeights(raw, llamaRecipe, 'all');
    expect(canonical.processing).toEqual(['fold-norm', 'center-unembed', 'fold-value-biases']);
    expect([...canonical.tensors.keys()].filter((name) => /ln/.test(name))).toEqual([]);
    const gain = raw.read('model.layers.0.input_layernorm.weight');
    const q = raw.read('model.layers.0.self_attn.q_proj.weight');
    expect(load(canonical, 'L0.attn.q.W')[6]).toBeCloseTo(q[6]! * gain[2]!, 6);
    const bias = raw.read('model.layers.0.self_attn.v_proj.bias');
    const output = raw.read('model.layers.0.self_attn.o_proj.weight'); // [dModel, 2 heads · 2]
    const d = 3;
    const byHand =
      bias[0]! * (output[d * 4]! + output[d * 4 + 2]!) + bias[1]! * (output[d * 4 + 1]! + output[d * 4 + 3]!);
    expect(load(canonical, 'L0.attn.o.b')[d]).toBeCloseTo(byHand, 6);
    expect([...load(canonical, 'L0.attn.v.b')]).toEqual([0, 0]);
    const unembed = load(canonical, 'unembed.W'); // [5, 4], columns sum to 0
    expect(unembed[2]! + unembed[6]! + unembed[10]! + unembed[14]! + unembed[18]!).toBeCloseTo(0, 6);
    expect(load(canonical, 'embed.W')).toEqual(raw.read('model.embed_tokens.weight'));
  });

  it('folding value biases alone leaves the embedding tied', () => {
    const canonical = canonicalWeights(tinyLlama(), llamaRecipe, ['fold-value-biases']);
    expect(canonical.tensors.has('unembed.W')).toBe(false);
  });

  it('has the biases that its config says, or they are missing', () => {
    const canonical = canonicalWeights(tinyLlama({ attention_bias: true }), llamaRecipe, 'none');
    expect(() => load(canonical, 'L0.attn.q.b')).toThrow(
      errorWith('missing-tensor', { tensor: 'model.layers.0.self_attn.q_proj.bias' }),
    );
    expect(canonical.tensors.has('L0.attn.o.b')).toBe(true);
    const qwen2 = canonicalWeights(tinyLlama({ model_type: 'qwen2' }), llamaRecipe, 'none');
    expect(() => load(qwen2, 'L0.attn.k.b')).toThrow(errorWith('missing-tensor'));
    expect(qwen2.tensors.has('L0.attn.o.b')).toBe(false);
  });

  it('refuses what would change the model or is not supported', () => {
    const attempt =
      (changes: Record<string, unknown>, process: readonly string[] = []) =>
      () =>
        canonicalWeights(tinyLlama(changes), llamaRecipe, process);
    expect(attempt({}, ['center-writes'])).toThrow(
      errorWith('invalid-option', { option: 'process', got: 'center-writes' }),
    );
    expect(attempt({}, ['centre-writes'])).toThrow(
      errorWith('unknown-name', { name: 'centre-writes', nearest: ['center-writes'] }),
    );
    expect(attempt({ rope_scaling: { type: 'mrope', factor: 2 } })).toThrow(
      errorWith('unsupported-model', { key: 'rope_type', name: 'mrope' }),
    );
    expect(attempt({ rope_scaling: { rope_type: 'linear' } })).toThrow(
      /tiny, rotary scaling: factor is wrong: expected number/,
    );
    expect(attempt({ hidden_size: 5 })).toThrow(/tiny: hidden_size is wrong: must be a multiple/);
    expect(attempt({ num_hidden_layers: '2' })).toThrow(/num_hidden_layers is wrong: expected number, got string/);
    expect(attempt({ model_type: 'gpt2' })).toThrow(
      errorWith('unknown-architecture', { modelType: 'gpt2', known: ['llama', 'qwen2', 'mistral'] }),
    );
  });
});
