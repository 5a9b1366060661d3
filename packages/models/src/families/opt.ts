/** @file OPT: GPT-2 with ReLU, whose learned positions begin at the third row of their table. */
import { z } from 'zod';
import { count, parseConfig, partCount, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, prefixOf, rowRange } from '../checkpoint/layouts.js';
import { addLayerNorm, addUnembedding, ruleList } from '../recipes/rule-list.js';
import { addLinearInputs, addOutput, addPlainMlp, sizesOf, unsupported } from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';

const schema = z
  .looseObject({
    num_hidden_layers: partCount,
    num_attention_heads: partCount,
    hidden_size: count,
    ffn_dim: count,
    max_position_embeddings: count,
    vocab_size: count,
    word_embed_proj_dim: count.nullish(),
    activation_function: z.string().default('relu'),
    enable_bias: z.boolean().default(true),
    layer_norm_elementwise_affine: z.boolean().default(true),
    /** OPT-350m. */
    do_layer_norm_before: z
      .literal(true, 'a norm of the residual after each module is not supported (OPT-350m)')
      .default(true),
    _remove_final_layer_norm: unsupported('a model without its last norm'),
    tie_word_embeddings: z.boolean().default(true),
  })
  .refine((keys) => (keys.word_embed_proj_dim ?? keys.hidden_size) === keys.hidden_size, {
    path: ['word_embed_proj_dim'],
    error: 'embeddings of another count than hidden_size are not supported (OPT-350m)',
  });
interface OptConfig extends DecoderConfig {
  readonly biased: boolean;
  readonly hasNormWeights: boolean;
  readonly tied: boolean;
}
/** Rows of the position table before the first position, and what PyTorch's layer norm adds; the config has no keys for them. */
const [FIRST_POSITION, EPSILON] = [2, 1e-5];

function readConfig(config: RawConfig, source: string): OptConfig {
  const keys = parseConfig(schema, config, source);
  return {
    sizes: sizesOf({ ...keys, intermediate_size: keys.ffn_dim }, 'layerNorm', source),
    activation: keys.activation_function,
    epsilon: EPSILON,
    biased: keys.enable_bias,
    hasNormWeights: keys.layer_norm_elementwise_affine,
    tied: keys.tie_word_embeddings,
  };
}

function rules({ sizes, biased, hasNormWeights, tied }: OptConfig, raw: RawCheckpoint) {
  const { layers, dModel: D, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['model.decoder.', 'decoder.', ''], 'embed_tokens.weight');
  const list = ruleList();
  const rows = positions + FIRST_POSITION;
  list.add('embed.W', [V, D], asIs(`${prefix}embed_tokens.weight`, [V, D]));
  list.add('pos.W', [positions, D], rowRange(`${prefix}embed_positions.weight`, [rows, D], FIRST_POSITION, positions));
  for (let l = 0; l < layers; l++) {
    const [layer, add] = [`${prefix}layers.${l}.`, list.inLayer(l)];
    if (hasNormWeights) addLayerNorm(add, 'ln1', `${layer}self_attn_layer_norm`, D);
    addLinearInputs(add, `${layer}self_attn`, sizes, biased);
    addOutput(add, `${layer}self_attn.out_proj`, sizes, biased);
    if (hasNormWeights) addLayerNorm(add, 'ln2', `${layer}final_layer_norm`, D);
    addPlainMlp(add, `${layer}fc1`, `${layer}fc2`, sizes, biased);
  }
  if (hasNormWeights) addLayerNorm(list.add, 'final.ln', `${prefix}final_layer_norm`, D);
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  return list.rules;
}

/** OPT and Galactica. */
export const opt = decoderFamily<OptConfig>({
  computes: ['_remove_final_layer_norm', 'do_layer_norm_before'],
  name: 'opt',
  doc: 'OPT (but 350m) and Galactica: learned positions, layer norm, ReLU or GELU',
  modelTypes: ['opt'],
  readConfig,
  rules,
  form: () => ({ mlpKind: 'plain' }),
});
