/** @file Qwen 3: Llama with a norm of each head's queries and keys; upper layers slide where the config asks for it. */
import { z } from 'zod';
import { count, parseConfig, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, prefixOf } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import { type LayerWindows, readWindows } from '../checkpoint/windows.js';
import { addGatedMlp, addRotary, addUnembedding, ruleList } from '../recipes/rule-list.js';
import {
  addLinearInputs,
  addOutput,
  addScale,
  epsilonKey,
  sameRotary,
  sizeKeysWithHeadDim,
  sizesOf,
  withinRotary,
} from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';

const schema = z.looseObject({
  ...sizeKeysWithHeadDim,
  head_dim: count.default(128),
  rms_norm_eps: epsilonKey.default(1e-6),
  hidden_act: z.string().default('silu'),
  attention_bias: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(false),
  /** Whether layers from `max_window_layers` on slide. */
  use_sliding_window: z.boolean().default(false),
  max_window_layers: z.number().int().nonnegative().default(28),
});
interface Qwen3Config extends DecoderConfig {
  readonly biased: boolean;
  readonly tied: boolean;
  readonly rotary: RotarySettings;
  readonly windows: LayerWindows;
}

function readConfig(config: RawConfig, source: string): Qwen3Config {
  const keys = parseConfig(schema, config, source);
  const sizes = sizesOf(keys, 'rmsNorm', source);
  const { layers } = sizes;
  const rotary = readRotary(config, sizes.dHead, source);
  return {
    sizes: withinRotary(sizes, rotary),
    activation: keys.hidden_act,
    epsilon: keys.rms_norm_eps,
    biased: keys.attention_bias,
    tied: keys.tie_word_embeddings,
    rotary,
    windows: keys.use_sliding_window
      ? readWindows(config, source, { layers, slides: (l) => l >= keys.max_window_layers, defaultWindow: 4096 })
      : new Array<null>(layers).fill(null),
  };
}

function rules({ sizes, biased, tied, rotary }: Qwen3Config, raw: RawCheckpoint) {
  const { layers, dHead, dModel: D, dMlp: F, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['model.', ''], 'embed_tokens.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}embed_tokens.weight`, [V, D]));
  addRotary(list.add, 'rope', rotary, positions);
  for (let l = 0; l < layers; l++) {
    const [layer, add] = [`${prefix}layers.${l}.`, list.inLayer(l)];
    addScale(add, 'ln1', `${layer}input_layernorm`, D);
    addLinearInputs(add, `${layer}self_attn`, sizes, biased);
    for (const input of ['q', 'k']) addScale(add, `attn.${input}.norm`, `${layer}self_attn.${input}_norm`, dHead);
    addOutput(add, `${layer}self_attn.o_proj`, sizes, biased);
    addScale(add, 'ln2', `${layer}post_attention_layernorm`, D);
    addGatedMlp(add, `${layer}mlp`, D, F);
  }
  addScale(list.add, 'final.ln', `${prefix}norm`, D);
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  return list.rules;
}

/** Qwen 3. */
export const qwen3 = decoderFamily<Qwen3Config>({
  computes: ['attention_bias', 'layer_types', 'partial_rotary_factor', 'sliding_window', 'use_sliding_window'],
  name: 'qwen3',
  doc: 'Qwen 3: Llama with a norm of queries and keys in each head; sliding windows in upper layers',
  modelTypes: ['qwen3'],
  readConfig,
  rules,
  form: ({ sizes, rotary, windows }) => ({
    mlpKind: 'gated',
    rotary: sameRotary(rotary, sizes),
    windows,
    headNorms: 'shared',
  }),
});
