/** @file Phi 3 and 4: queries, keys and values in one matrix, gate and up in another; LongRoPE. */
import { z } from 'zod';
import { count, parseConfig, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, prefixOf, rowRange } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import { type LayerWindows, readWindows } from '../checkpoint/windows.js';
import { addAllRotary, addUnembedding, ruleList } from '../recipes/rule-list.js';
import { addHeadInputs, addOutput, addScale, epsilonKey, sameRotary, sizeKeys, sizesOf } from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';

const schema = z.looseObject({
  ...sizeKeys,
  rms_norm_eps: epsilonKey.default(1e-5),
  hidden_act: z.string().default('silu'),
  tie_word_embeddings: z.boolean().default(false),
  /** Older names of LongRoPE are `su` and `yarn`; it needs the original context. */
  original_max_position_embeddings: count.nullish(),
});
const scalingTypes = z.looseObject({
  rope_scaling: z.looseObject({ type: z.string().nullish(), rope_type: z.string().nullish() }).nullish(),
});
interface Phi3Config extends DecoderConfig {
  readonly tied: boolean;
  readonly rotary: RotarySettings;
  readonly windows: LayerWindows;
}

function readConfig(config: RawConfig, source: string): Phi3Config {
  const keys = parseConfig(schema, config, source);
  const sizes = sizesOf(keys, 'rmsNorm', source);
  const rotary = readRotary(withLongRope(config, source), sizes.dHead, source);
  const { layers } = sizes;
  return {
    sizes,
    activation: keys.hidden_act,
    epsilon: keys.rms_norm_eps,
    tied: keys.tie_word_embeddings,
    rotary,
    windows: readWindows({ ...config, layer_types: undefined }, source, { layers, slides: () => true }),
  };
}
/** The config with the name that LongRoPE has today. */
function withLongRope(config: RawConfig, source: string): RawConfig {
  const { rope_scaling } = parseConfig(scalingTypes, config, source);
  const type = rope_scaling?.rope_type ?? rope_scaling?.type;
  if (type !== 'su' && type !== 'yarn') return config;
  return { ...config, rope_scaling: { ...rope_scaling, rope_type: 'longrope' } };
}

function rules({ sizes, tied, rotary }: Phi3Config, raw: RawCheckpoint) {
  const { layers, heads, kvHeads, dHead, dModel: D, dMlp: F, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['model.', ''], 'embed_tokens.weight');
  const list = ruleList();
  const packed = (heads + 2 * kvHeads) * dHead;
  const starts = { q: 0, k: heads * dHead, v: (heads + kvHeads) * dHead };
  list.add('embed.W', [V, D], asIs(`${prefix}embed_tokens.weight`, [V, D]));
  addAllRotary(list.add, 'rope', rotary, positions);
  for (let l = 0; l < layers; l++) {
    const [layer, add] = [`${prefix}layers.${l}.`, list.inLayer(l)];
    addScale(add, 'ln1', `${layer}input_layernorm`, D);
    const inputs = `${layer}self_attn.qkv_proj.weight`;
    addHeadInputs(add, sizes, (input, rows) => rowRange(inputs, [packed, D], starts[input], rows), false);
    addOutput(add, `${layer}self_attn.o_proj`, sizes, false);
    addScale(add, 'ln2', `${layer}post_attention_layernorm`, D);
    const gateAndUp = `${layer}mlp.gate_up_proj.weight`;
    add('mlp.gate.W', [F, D], rowRange(gateAndUp, [2 * F, D], 0, F));
    add('mlp.up.W', [F, D], rowRange(gateAndUp, [2 * F, D], F, F));
    add('mlp.down.W', [D, F], asIs(`${layer}mlp.down_proj.weight`, [D, F]));
  }
  addScale(list.add, 'final.ln', `${prefix}norm`, D);
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  return list.rules;
}

/** Phi 3, 3.5 and 4. */
export const phi3 = decoderFamily<Phi3Config>({
  computes: ['layer_types', 'partial_rotary_factor', 'sliding_window'],
  name: 'phi3',
  doc: 'Phi 3, 3.5 and 4: Llama with packed matrices, rotary positions on part of each head, LongRoPE, sliding windows',
  modelTypes: ['phi3'],
  readConfig,
  rules,
  form: ({ sizes, rotary, windows }) => ({ mlpKind: 'gated', rotary: sameRotary(rotary, sizes), windows }),
});
