/** @file StarCoder2: rotary positions and sliding windows with layer norms and a plain MLP, with biases or without. */
import { z } from 'zod';
import { parseConfig, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, prefixOf } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import { type LayerWindows, readWindows } from '../checkpoint/windows.js';
import { addLayerNorm, addRotary, addUnembedding, ruleList } from '../recipes/rule-list.js';
import {
  addLinearInputs,
  addOutput,
  addPlainMlp,
  epsilonKey,
  sameRotary,
  sizeKeysWithHeadDim,
  sizesOf,
  withinRotary,
} from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';

const schema = z.looseObject({
  ...sizeKeysWithHeadDim,
  norm_epsilon: epsilonKey.default(1e-5),
  hidden_act: z.string().default('gelu_pytorch_tanh'),
  use_bias: z.boolean().default(true),
  tie_word_embeddings: z.boolean().default(true),
});
interface Starcoder2Config extends DecoderConfig {
  readonly biased: boolean;
  readonly tied: boolean;
  readonly rotary: RotarySettings;
  readonly windows: LayerWindows;
}

function readConfig(config: RawConfig, source: string): Starcoder2Config {
  const keys = parseConfig(schema, config, source);
  const sizes = sizesOf(keys, 'layerNorm', source);
  const rotary = readRotary(config, sizes.dHead, source);
  const { layers } = sizes;
  return {
    sizes: withinRotary(sizes, rotary),
    activation: keys.hidden_act,
    epsilon: keys.norm_epsilon,
    biased: keys.use_bias,
    tied: keys.tie_word_embeddings,
    rotary,
    windows: readWindows({ ...config, layer_types: undefined }, source, { layers, slides: () => true }),
  };
}

function rules({ sizes, biased, tied, rotary }: Starcoder2Config, raw: RawCheckpoint) {
  const { layers, dModel: D, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['model.', ''], 'embed_tokens.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}embed_tokens.weight`, [V, D]));
  addRotary(list.add, 'rope', rotary, positions);
  for (let l = 0; l < layers; l++) {
    const [layer, add] = [`${prefix}layers.${l}.`, list.inLayer(l)];
    addLayerNorm(add, 'ln1', `${layer}input_layernorm`, D);
    addLinearInputs(add, `${layer}self_attn`, sizes, biased);
    addOutput(add, `${layer}self_attn.o_proj`, sizes, biased);
    addLayerNorm(add, 'ln2', `${layer}post_attention_layernorm`, D);
    addPlainMlp(add, `${layer}mlp.c_fc`, `${layer}mlp.c_proj`, sizes, biased);
  }
  addLayerNorm(list.add, 'final.ln', `${prefix}norm`, D);
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  return list.rules;
}

/** StarCoder2. */
export const starcoder2 = decoderFamily<Starcoder2Config>({
  computes: ['layer_types', 'partial_rotary_factor', 'sliding_window', 'use_bias'],
  name: 'starcoder2',
  doc: 'StarCoder2: rotary positions, layer norm, grouped queries, GELU, sliding windows',
  modelTypes: ['starcoder2'],
  readConfig,
  rules,
  form: ({ sizes, rotary, windows }) => ({ mlpKind: 'plain', rotary: sameRotary(rotary, sizes), windows }),
});
