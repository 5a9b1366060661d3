/** @file The weights of families that are Llama but for what they compute: the same tensors under the same names. */
import type { TensorRule } from '../checkpoint/canonical.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, prefixOf } from '../checkpoint/layouts.js';
import type { RotarySettings } from '../checkpoint/rotary.js';
import type { ModelSizes } from '../checkpoint/tensors.js';
import { addGatedMlp, addRotary, addUnembedding, ruleList } from '../recipes/rule-list.js';
import { addLinearInputs, addOutput, addScale } from './decoder-config.js';

/** What the rules of a Llama-like checkpoint follow from. */
export interface LlamaLikeConfig {
  readonly sizes: ModelSizes;
  /** Whether attention and the MLP have biases. */
  readonly biased: boolean;
  readonly mlpBiased: boolean;
  /** Whether the embedding is the unembedding, too. */
  readonly tied: boolean;
  readonly rotary: RotarySettings;
}

/** Canonical tensors of a Llama-like checkpoint, in the order of the forward pass. */
export function llamaLikeRules(
  { sizes, biased, mlpBiased, tied, rotary }: LlamaLikeConfig,
  raw: RawCheckpoint,
): TensorRule[] {
  const { layers, dModel: D, dMlp: F, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['model.', ''], 'embed_tokens.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}embed_tokens.weight`, [V, D]));
  addRotary(list.add, 'rope', rotary, positions);
  for (let l = 0; l < layers; l++) {
    const [layer, add] = [`${prefix}layers.${l}.`, list.inLayer(l)];
    addScale(add, 'ln1', `${layer}input_layernorm`, D);
    addLinearInputs(add, `${layer}self_attn`, sizes, biased);
    addOutput(add, `${layer}self_attn.o_proj`, sizes, biased);
    addScale(add, 'ln2', `${layer}post_attention_layernorm`, D);
    addGatedMlp(add, `${layer}mlp`, D, F, mlpBiased);
  }
  addScale(list.add, 'final.ln', `${prefix}norm`, D);
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  return list.rules;
}
