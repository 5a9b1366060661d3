/** @file Granite: Llama with factors for embeddings, attention, what modules write, and logits. */
import { z } from 'zod';
import { parseConfig, type RawConfig } from '../checkpoint/config.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import { epsilonKey, sameRotary, sizeKeysWithHeadDim, sizesOf, withinRotary } from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';
import { llamaLikeRules } from './llama-like.js';

const factor = z.number().positive().default(1);
const schema = z.looseObject({
  ...sizeKeysWithHeadDim,
  rms_norm_eps: epsilonKey.default(1e-6),
  hidden_act: z.string().default('silu'),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(false),
  embedding_multiplier: factor,
  /** In place of 1/√dHead. */
  attention_multiplier: factor,
  residual_multiplier: factor,
  /** Logits are divided by it. */
  logits_scaling: factor,
});
interface GraniteConfig extends DecoderConfig {
  readonly biased: boolean;
  readonly mlpBiased: boolean;
  readonly tied: boolean;
  readonly rotary: RotarySettings;
  readonly factors: Readonly<Record<'embedding' | 'attention' | 'residual' | 'logit', number>>;
}

function readConfig(config: RawConfig, source: string): GraniteConfig {
  const keys = parseConfig(schema, config, source);
  const sizes = sizesOf(keys, 'rmsNorm', source);
  const rotary = readRotary(config, sizes.dHead, source);
  return {
    sizes: withinRotary(sizes, rotary),
    activation: keys.hidden_act,
    epsilon: keys.rms_norm_eps,
    biased: keys.attention_bias,
    mlpBiased: keys.mlp_bias,
    tied: keys.tie_word_embeddings,
    rotary,
    factors: {
      embedding: keys.embedding_multiplier,
      attention: keys.attention_multiplier,
      residual: keys.residual_multiplier,
      logit: 1 / keys.logits_scaling,
    },
  };
}

/** Granite 3. */
export const granite = decoderFamily<GraniteConfig>({
  computes: [
    'attention_bias',
    'attention_multiplier',
    'embedding_multiplier',
    'logits_scaling',
    'mlp_bias',
    'partial_rotary_factor',
    'residual_multiplier',
  ],
  name: 'granite',
  doc: 'Granite 3: Llama with factors for embeddings, attention, the residual stream and logits',
  modelTypes: ['granite'],
  readConfig,
  rules: llamaLikeRules,
  form: ({ sizes, rotary, factors }) => ({
    mlpKind: 'gated',
    rotary: sameRotary(rotary, sizes),
    embeddingScale: factors.embedding,
    attentionScale: factors.attention,
    residualScale: factors.residual,
    logitScale: factors.logit,
  }),
});
