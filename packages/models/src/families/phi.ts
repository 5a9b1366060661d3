/** @file Phi 1, 1.5 and 2: attention and MLP side by side after one layer norm, biases everywhere, the unembedding's too. */
import { z } from 'zod';
import { parseConfig, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, prefixOf } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import { addLayerNorm, addRotary, addUnembedding, ruleList } from '../recipes/rule-list.js';
import {
  addLinearInputs,
  addOutput,
  addPlainMlp,
  epsilonKey,
  sameRotary,
  sizeKeys,
  sizesOf,
  withinRotary,
} from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';

const schema = z.looseObject({
  ...sizeKeys,
  layer_norm_eps: epsilonKey.default(1e-5),
  hidden_act: z.string().default('gelu_new'),
  /** Whether queries and keys are normed. */
  qk_layernorm: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(false),
});
interface PhiConfig extends DecoderConfig {
  readonly headNorms: boolean;
  readonly tied: boolean;
  readonly rotary: RotarySettings;
}
/** The share of a head that is rotated when the config does not say. */
const ROTARY_SHARE = 0.5;

function readConfig(config: RawConfig, source: string): PhiConfig {
  const keys = parseConfig(schema, config, source);
  const sizes = sizesOf(keys, 'layerNorm', source);
  const rotary = readRotary(config, sizes.dHead, source, ROTARY_SHARE);
  return {
    sizes: withinRotary(sizes, rotary),
    activation: keys.hidden_act,
    epsilon: keys.layer_norm_eps,
    headNorms: keys.qk_layernorm,
    tied: keys.tie_word_embeddings,
    rotary,
  };
}

function rules({ sizes, headNorms, tied, rotary }: PhiConfig, raw: RawCheckpoint) {
  const { layers, dHead, dModel: D, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['model.', ''], 'embed_tokens.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}embed_tokens.weight`, [V, D]));
  addRotary(list.add, 'rope', rotary, positions);
  for (let l = 0; l < layers; l++) {
    const [layer, add] = [`${prefix}layers.${l}.`, list.inLayer(l)];
    addLayerNorm(add, 'ln1', `${layer}input_layernorm`, D);
    addLinearInputs(add, `${layer}self_attn`, sizes, true);
    if (headNorms)
      for (const input of ['q', 'k'])
        addLayerNorm(add, `attn.${input}.norm`, `${layer}self_attn.${input}_layernorm`, dHead);
    addOutput(add, `${layer}self_attn.dense`, sizes, true);
    addLayerNorm(add, 'ln2', `${layer}input_layernorm`, D);
    addPlainMlp(add, `${layer}mlp.fc1`, `${layer}mlp.fc2`, sizes, true);
  }
  addLayerNorm(list.add, 'final.ln', `${prefix}final_layernorm`, D);
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  list.add('unembed.b', [V], asIs('lm_head.bias', [V]));
  return list.rules;
}

/** Phi 1, 1.5 and 2. */
export const phi = decoderFamily<PhiConfig>({
  computes: ['partial_rotary_factor', 'qk_layernorm'],
  name: 'phi',
  doc: 'Phi 1, 1.5 and 2: attention and MLP side by side after one layer norm, rotary positions on part of each head',
  modelTypes: ['phi'],
  readConfig,
  rules,
  form: ({ sizes, rotary, headNorms }) => ({
    mlpKind: 'plain',
    parallel: true,
    sharedNorm: true,
    rotary: sameRotary(rotary, sizes),
    ...(headNorms ? { headNorms: 'shared' } : {}),
  }),
});
