/** @file GPT-J: both modules side by side behind one layer norm, positions that turn neighbouring dimensions. */
import { z } from 'zod';
import { count, parseConfig, partCount, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, pairsToHalves, prefixOf } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import { addLayerNorm, addRotary, addUnembedding, ruleList } from '../recipes/rule-list.js';
import { addHeadInputs, addOutput, addPlainMlp, epsilonKey, sameRotary, sizesOf } from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';

const schema = z.looseObject({
  n_layer: partCount,
  n_head: partCount,
  n_embd: count,
  n_inner: count.nullish(),
  n_positions: count,
  vocab_size: count,
  rotary_dim: count.default(64),
  layer_norm_epsilon: epsilonKey.default(1e-5),
  activation_function: z.string().default('gelu_new'),
  tie_word_embeddings: z.boolean().default(false),
});
interface GptJConfig extends DecoderConfig {
  readonly tied: boolean;
  readonly rotary: RotarySettings;
}

function readConfig(config: RawConfig, source: string): GptJConfig {
  const keys = parseConfig(schema, config, source);
  const sizes = sizesOf(
    {
      num_hidden_layers: keys.n_layer,
      num_attention_heads: keys.n_head,
      hidden_size: keys.n_embd,
      intermediate_size: keys.n_inner ?? 4 * keys.n_embd,
      max_position_embeddings: keys.n_positions,
      vocab_size: keys.vocab_size,
    },
    'layerNorm',
    source,
  );
  // the base is 10,000 whatever other keys say
  const share = { model_type: config.model_type, partial_rotary_factor: keys.rotary_dim / sizes.dHead };
  return {
    sizes,
    activation: keys.activation_function,
    epsilon: keys.layer_norm_epsilon,
    tied: keys.tie_word_embeddings,
    rotary: readRotary(share, sizes.dHead, source),
  };
}

function rules({ sizes, tied, rotary }: GptJConfig, raw: RawCheckpoint) {
  const { layers, dHead, dModel: D, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['transformer.', ''], 'wte.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}wte.weight`, [V, D]));
  addRotary(list.add, 'rope', rotary, positions);
  for (let l = 0; l < layers; l++) {
    const [h, add] = [`${prefix}h.${l}.`, list.inLayer(l)];
    addLayerNorm(add, 'ln1', `${h}ln_1`, D);
    addHeadInputs(
      add,
      sizes,
      (input, rows) => {
        const load = asIs(`${h}attn.${input}_proj.weight`, [rows, D]);
        return input === 'v' ? load : pairsToHalves(load, rows / dHead, dHead, rotary.dims);
      },
      false,
    );
    addOutput(add, `${h}attn.out_proj`, sizes, false);
    addLayerNorm(add, 'ln2', `${h}ln_1`, D);
    addPlainMlp(add, `${h}mlp.fc_in`, `${h}mlp.fc_out`, sizes, true);
  }
  addLayerNorm(list.add, 'final.ln', `${prefix}ln_f`, D);
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  list.add('unembed.b', [V], asIs('lm_head.bias', [V]));
  return list.rules;
}

/** GPT-J. */
export const gptj = decoderFamily<GptJConfig>({
  computes: ['partial_rotary_factor'],
  name: 'gptj',
  doc: 'GPT-J: attention and MLP side by side after one layer norm, rotary positions on part of each head',
  modelTypes: ['gptj'],
  readConfig,
  rules,
  form: ({ sizes, rotary }) => ({
    mlpKind: 'plain',
    parallel: true,
    sharedNorm: true,
    rotary: sameRotary(rotary, sizes),
  }),
});
