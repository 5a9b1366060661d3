/** @file What recipes read from config.json: Gemma’s generations, and sliding windows. */
/** What older and newer config files say of windows and rotary bases, and the text model inside one with pictures. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { canonicalWeights } from '../checkpoint/canonical.js';
import type { RawConfig } from '../checkpoint/config.js';
import { memoryCheckpoint, openCheckpoint } from '../checkpoint/hf-folder.js';
import { readWindows } from '../checkpoint/windows.js';
import { errorWith } from '../testing/error-matcher.js';
import { gemmaRecipe } from './gemma.js';
import { llamaRecipe } from './llama.js';

const SMALL = { num_hidden_layers: 7, hidden_size: 8, intermediate_size: 12 };
const gemma = (config: RawConfig) => gemmaRecipe.readConfig({ ...SMALL, ...config }, 'config');
const LLAMA = { ...SMALL, num_attention_heads: 2, max_position_embeddings: 8, vocab_size: 5 };
const windowsOf = (config: RawConfig) => llamaRecipe.readConfig({ ...LLAMA, ...config }, 'config').windows;

describe('Gemma 2', () => {
  it('slides in every second layer, and has caps where the config does not say otherwise', () => {
    const config = gemma({ model_type: 'gemma2' });
    expect(config.windows).toEqual([4096, null, 4096, null, 4096, null, 4096]);
    expect([config.scoreCap, config.logitCap]).toEqual([50, 30]);
    expect([config.vocab_size, config.max_position_embeddings]).toEqual([256_000, 8192]);
    expect(config.localRotary).toBeNull();
    expect(gemma({ model_type: 'gemma2', attn_logit_softcapping: null }).scoreCap).toBeNull();
  });
});

describe('Gemma 3', () => {
  const older = {
    ...{ model_type: 'gemma3_text', sliding_window: 512, sliding_window_pattern: 3 },
    ...{ rope_theta: 1e6, rope_local_base_freq: 1e4, rope_scaling: { rope_type: 'linear', factor: 8 } },
  };
  it('is read the same from older and newer keys', () => {
    const kinds = ['sliding_attention', 'sliding_attention', 'full_attention'];
    const newer = {
      ...{ model_type: 'gemma3_text', sliding_window: 512, layer_types: [...kinds, ...kinds, kinds[0]] },
      rope_parameters: {
        sliding_attention: { rope_type: 'default', rope_theta: 1e4 },
        full_attention: { rope_type: 'linear', factor: 8, rope_theta: 1e6 },
      },
    };
    const [a, b] = [gemma(older), gemma(newer)];
    expect(a.windows).toEqual([512, 512, null, 512, 512, null, 512]);
    expect(b.windows).toEqual(a.windows);
    expect(a.rotary).toEqual({ theta: 1e6, dims: 256, scaling: { kind: 'linear', factor: 8 } });
    expect(a.localRotary).toEqual({ theta: 1e4, dims: 256, scaling: { kind: 'default' } });
    expect([b.rotary, b.localRotary]).toEqual([a.rotary, a.localRotary]);
    expect([a.scoreCap, a.logitCap]).toEqual([null, null]);
  });

  it('sees everything in every sixth layer, with bases of its own, where the config leaves that out', () => {
    const config = gemma({ model_type: 'gemma3_text' });
    expect(config.windows).toEqual([4096, 4096, 4096, 4096, 4096, null, 4096]);
    expect([config.rotary.theta, config.localRotary?.theta]).toEqual([1e6, 1e4]);
  });

  it('is found inside a model with pictures', () => {
    const alone = openCheckpoint(fileURLToPath(new URL('../../test-data/families/gemma3', import.meta.url)));
    const { model_type: _, ...text_config } = alone.config;
    const renamed = alone.names.map((name) => [
      name.replace(/^model\./, 'language_model.model.'),
      { shape: alone.tensor(name).shape, data: alone.read(name) },
    ]);
    const inside = memoryCheckpoint('inside', { model_type: 'gemma3', text_config }, Object.fromEntries(renamed));
    const [a, b] = [alone, inside].map((raw) => canonicalWeights(raw, gemmaRecipe, 'none').tensors);
    expect([...b!.keys()]).toEqual([...a!.keys()]);
    for (const [name, tensor] of a!) expect(b!.get(name)!.load()).toEqual(tensor.load());
  });

  it('keeps its norms as what is added to 1', () => {
    const raw = openCheckpoint(fileURLToPath(new URL('../../test-data/families/gemma3', import.meta.url)));
    const { tensors } = canonicalWeights(raw, gemmaRecipe, 'none');
    const stored = raw.read('model.layers.0.self_attn.q_norm.weight');
    expect(tensors.get('L0.attn.q.norm.w')!.load()[2]).toBeCloseTo(1 + stored[2]!, 6);
  });

  it('with attention to later tokens is refused', () => {
    expect(() => gemma({ ...older, use_bidirectional_attention: true })).toThrow(/attention to later tokens/);
  });
});

describe('windows', () => {
  it('are in all layers of Mistral, unless the config has null for them', () => {
    expect(windowsOf({ model_type: 'mistral' })).toEqual(new Array(7).fill(4096));
    expect(windowsOf({ model_type: 'mistral', sliding_window: 3 })).toEqual(new Array(7).fill(3));
    expect(windowsOf({ model_type: 'mistral', sliding_window: null })).toEqual(new Array(7).fill(null));
  });

  it('are in the upper layers of Qwen 2 that asks for them, and never in Llama', () => {
    const qwen2 = { model_type: 'qwen2', sliding_window: 5, max_window_layers: 6 };
    expect(windowsOf(qwen2)).toEqual(new Array(7).fill(null));
    expect(windowsOf({ ...qwen2, use_sliding_window: true })).toEqual([null, null, null, null, null, null, 5]);
    expect(windowsOf({ model_type: 'llama', sliding_window: 5 })).toEqual(new Array(7).fill(null));
  });

  it('that contradict the config are refused', () => {
    const read = (config: Record<string, unknown>) => () =>
      readWindows({ model_type: 'x', ...config }, 'config', { layers: 2, slides: () => true });
    expect(read({ layer_types: ['full_attention'] })).toThrow(
      errorWith('invalid-file', { path: 'config', key: 'layer_types' }),
    );
    expect(read({ layer_types: ['full_attention', 'chunked_attention'] })).toThrow(
      errorWith('unsupported-model', { key: 'layer_types', name: 'chunked_attention' }),
    );
    expect(read({ layer_types: ['full_attention', 'sliding_attention'] })).toThrow(
      errorWith('invalid-file', { path: 'config', key: 'sliding_window' }),
    );
    expect(read({ sliding_window: 0 })).toThrow(/sliding_window is wrong/);
  });
});
