/** @file Recipes of GPT-2 and GPT-NeoX on checkpoints whose layout varies. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { canonicalWeights } from '../checkpoint/canonical.js';
import { memoryCheckpoint, openCheckpoint } from '../checkpoint/hf-folder.js';
import { columnsTransposed, headPart, part, transposed } from '../checkpoint/layouts.js';
import { errorWith } from '../testing/error-matcher.js';
import { gpt2AttentionScales, gpt2Recipe } from './gpt2.js';
import { neoxRecipe } from './neox.js';

const gpt2Folder = fileURLToPath(new URL('../../test-data/gpt2_2l2h_batches', import.meta.url));

describe('layouts', () => {
  const raw = memoryCheckpoint(
    'x',
    { model_type: 'x' },
    {
      m: { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      v: { shape: [6], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    },
  );

  it('take columns, parts and heads where they lie', () => {
    expect([...transposed('m', [2, 3])(raw)]).toEqual([1, 4, 2, 5, 3, 6]);
    expect([...columnsTransposed('m', [2, 3], 1, 2)(raw)]).toEqual([2, 5, 3, 6]);
    expect([...part('v', 6, 2, 2)(raw)]).toEqual([3, 4]);
    // two heads of three parts of one number: [q0 k0 v0 q1 k1 v1]
    expect([...headPart('v', [6], 2, 3, 1)(raw)]).toEqual([2, 5]);
    // two heads of one part of three numbers
    expect([...headPart('v', [6], 2, 1, 0)(raw)]).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe('GPT-2 checkpoints', () => {
  const onDisk = openCheckpoint(gpt2Folder);
  /** The same tensors under other names, and a config with other keys. */
  const changed = (
    rename: (name: string) => string,
    config: Record<string, unknown> = {},
    more: Record<string, Float32Array> = {},
  ) =>
    memoryCheckpoint(
      'changed',
      { ...onDisk.config, ...config },
      {
        ...Object.fromEntries(
          onDisk.names.map((name) => [rename(name), { shape: onDisk.tensor(name).shape, data: onDisk.read(name) }]),
        ),
        ...Object.fromEntries(Object.entries(more).map(([name, data]) => [name, { shape: [50, 16], data }])),
      },
    );
  const head = new Float32Array(50 * 16).fill(2);

  it('may lack the prefix, and hold an untied unembedding, old buffers or a tied copy', () => {
    const copy = onDisk.read('transformer.wte.weight');
    const plain = canonicalWeights(onDisk, gpt2Recipe, 'none');
    const bare = changed(
      (name) => name.replace('transformer.', ''),
      {},
      { 'h.0.attn.bias': head, 'lm_head.weight': copy },
    );
    const tied = canonicalWeights(bare, gpt2Recipe, 'none');
    expect([...tied.tensors.keys()]).toEqual([...plain.tensors.keys()]);
    expect(tied.tensors.has('unembed.W')).toBe(false);
    expect(tied.tensors.get('L1.attn.v.W')!.load()).toEqual(plain.tensors.get('L1.attn.v.W')!.load());
    const untied = changed((name) => name, { tie_word_embeddings: false }, { 'lm_head.weight': head });
    expect(canonicalWeights(untied, gpt2Recipe, 'none').tensors.get('unembed.W')!.load()).toEqual(head);
    const lacking = canonicalWeights(
      changed((name) => name, { tie_word_embeddings: false }),
      gpt2Recipe,
      'none',
    );
    expect(() => lacking.tensors.get('unembed.W')!.load()).toThrow(
      errorWith('missing-tensor', { tensor: 'lm_head.weight' }),
    );
  });

  it('that config and weights disagree about are refused by name', () => {
    const wider = canonicalWeights(
      changed((name) => name, { n_inner: 65 }),
      gpt2Recipe,
      'none',
    );
    expect(() => wider.tensors.get('L0.mlp.in.W')!.load()).toThrow(
      errorWith('wrong-tensor', {
        tensor: 'transformer.h.0.mlp.c_fc.weight',
        shape: [16, 64],
        expectedShape: [16, 65],
      }),
    );
  });

  it('say by which factor each layer scales its attention', () => {
    const scales = (config: Record<string, unknown>) =>
      gpt2AttentionScales(gpt2Recipe.readConfig({ ...onDisk.config, ...config }, 'config'));
    const usual = (onDisk.config.n_embd as number) / (onDisk.config.n_head as number);
    expect(scales({})).toBeUndefined();
    expect(scales({ scale_attn_weights: false })).toEqual([1, 1]);
    expect(scales({ scale_attn_by_inverse_layer_idx: true })).toEqual([usual ** -0.5, usual ** -0.5 / 2]);
    expect(scales({ scale_attn_weights: false, scale_attn_by_inverse_layer_idx: true })).toEqual([1, 1 / 2]);
  });
});

describe('GPT-NeoX checkpoints', () => {
  it('pack q, k and v per head, and rotate a quarter of each head unless the config says otherwise', () => {
    const [D, F, V, H] = [16, 3, 5, 2];
    const shapes: Record<string, number[]> = {
      'embed_in.weight': [V, D],
      'layers.0.input_layernorm.weight': [D],
      'layers.0.input_layernorm.bias': [D],
      'layers.0.attention.query_key_value.weight': [3 * D, D],
      'layers.0.attention.query_key_value.bias': [3 * D],
      'layers.0.attention.dense.weight': [D, D],
      'layers.0.attention.dense.bias': [D],
      'layers.0.post_attention_layernorm.weight': [D],
      'layers.0.post_attention_layernorm.bias': [D],
      'layers.0.mlp.dense_h_to_4h.weight': [F, D],
      'layers.0.mlp.dense_h_to_4h.bias': [F],
      'layers.0.mlp.dense_4h_to_h.weight': [D, F],
      'layers.0.mlp.dense_4h_to_h.bias': [D],
      'final_layer_norm.weight': [D],
      'final_layer_norm.bias': [D],
    };
    const counting = (n: number) => Float32Array.from({ length: n }, (_, i) => i);
    const tensors = Object.entries(shapes).map(([name, shape]) => [
      `gpt_neox.${name}`,
      { shape, data: counting(shape.reduce((a, b) => a * b)) },
    ]);
    const config = {
      model_type: 'gpt_neox',
      num_hidden_layers: 1,
      num_attention_heads: H,
      hidden_size: D,
      intermediate_size: F,
    };
    const raw = memoryCheckpoint(
      'neox',
      { ...config, max_position_embeddings: 4, vocab_size: V, tie_word_embeddings: true },
      Object.fromEntries(tensors),
    );
    const { tensors: canonical } = canonicalWeights(raw, neoxRecipe, 'none');
    // rows: head 0 q 0–7, k 8–15, v 16–23, head 1 q 24–31, k 32–39, v 40–47
    expect([...canonical.get('L0.attn.k.b')!.load()]).toEqual([
      8, 9, 10, 11, 12, 13, 14, 15, 32, 33, 34, 35, 36, 37, 38, 39,
    ]);
    expect(canonical.get('L0.attn.v.W')!.load()[8 * D + 3]).toBe(40 * D + 3);
    expect(canonical.get('L0.mlp.in.W')!.load()[2 * F + 1]).toBe(1 * D + 2);
    expect(canonical.get('rope.cos')!.shape).toEqual([4, 1]);
  });
});
