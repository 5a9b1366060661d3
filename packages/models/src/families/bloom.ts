/** @file BLOOM: linear biases in place of positions (ALiBi), a norm of the embeddings, queries, keys and values packed by head. */
import { z } from 'zod';
import { count, parseConfig, partCount, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, headPart, prefixOf } from '../checkpoint/layouts.js';
import { addLayerNorm, addUnembedding, ruleList } from '../recipes/rule-list.js';
import {
  addHeadInputs,
  addOutput,
  addPlainMlp,
  alibiSlopes,
  epsilonKey,
  renamed,
  sizesOf,
  unsupported,
} from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';

const schema = z.looseObject({
  n_layer: partCount,
  n_head: partCount,
  hidden_size: count,
  vocab_size: count,
  layer_norm_epsilon: epsilonKey.default(1e-5),
  /** The length that it was trained on; linear biases know no longest prompt. */
  seq_length: count.nullish(),
  apply_residual_connection_post_layernorm: unsupported('a residual stream that goes through the norms'),
  tie_word_embeddings: z.boolean().default(true),
});
interface BloomConfig extends DecoderConfig {
  readonly tied: boolean;
}
/** The longest prompt where the config has no length: what BLOOM was trained on. */
const TRAINED_LENGTH = 2048;

function readConfig(raw: RawConfig, source: string): BloomConfig {
  const names = { n_embed: 'hidden_size', num_hidden_layers: 'n_layer', num_attention_heads: 'n_head' };
  const keys = parseConfig(schema, renamed(raw, names), source);
  const sizes = {
    num_hidden_layers: keys.n_layer,
    num_attention_heads: keys.n_head,
    hidden_size: keys.hidden_size,
    intermediate_size: 4 * keys.hidden_size,
    max_position_embeddings: keys.seq_length ?? TRAINED_LENGTH,
    vocab_size: keys.vocab_size,
  };
  return {
    sizes: sizesOf(sizes, 'layerNorm', source),
    activation: 'gelu_new',
    epsilon: keys.layer_norm_epsilon,
    tied: keys.tie_word_embeddings,
  };
}

function rules({ sizes, tied }: BloomConfig, raw: RawCheckpoint) {
  const { layers, heads, dModel: D, vocabulary: V } = sizes;
  const prefix = prefixOf(raw, ['transformer.', ''], 'word_embeddings.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}word_embeddings.weight`, [V, D]));
  addLayerNorm(list.add, 'embed.ln', `${prefix}word_embeddings_layernorm`, D);
  for (let l = 0; l < layers; l++) {
    const [h, add] = [`${prefix}h.${l}.`, list.inLayer(l)];
    addLayerNorm(add, 'ln1', `${h}input_layernorm`, D);
    const packed = `${h}self_attention.query_key_value`;
    addHeadInputs(
      add,
      sizes,
      (input, _, part) => {
        const shape = part === 'weight' ? [3 * D, D] : [3 * D];
        return headPart(`${packed}.${part}`, shape, heads, 3, ['q', 'k', 'v'].indexOf(input));
      },
      true,
    );
    addOutput(add, `${h}self_attention.dense`, sizes, true);
    addLayerNorm(add, 'ln2', `${h}post_attention_layernorm`, D);
    addPlainMlp(add, `${h}mlp.dense_h_to_4h`, `${h}mlp.dense_4h_to_h`, sizes, true);
  }
  addLayerNorm(list.add, 'final.ln', `${prefix}ln_f`, D);
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  return list.rules;
}

/** BLOOM. */
export const bloom = decoderFamily<BloomConfig>({
  computes: ['apply_residual_connection_post_layernorm'],
  name: 'bloom',
  doc: 'BLOOM: linear biases in place of positions (ALiBi), a norm of the embeddings, layer norm, GELU',
  modelTypes: ['bloom'],
  readConfig,
  rules,
  form: ({ sizes }) => ({ mlpKind: 'plain', slopes: alibiSlopes(sizes.heads), embeddingNorm: true }),
});
