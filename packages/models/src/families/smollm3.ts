/** @file SmolLM3: Llama in which every fourth layer has no positions. */
import { z } from 'zod';
import { count, parseConfig, type RawConfig } from '../checkpoint/config.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import { type LayerWindows, readWindows } from '../checkpoint/windows.js';
import { epsilonKey, sizeKeysWithHeadDim, sizesOf, withinRotary } from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';
import { llamaLikeRules } from './llama-like.js';

const schema = z
  .looseObject({
    ...sizeKeysWithHeadDim,
    rms_norm_eps: epsilonKey.default(1e-6),
    hidden_act: z.string().default('silu'),
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
    tie_word_embeddings: z.boolean().default(true),
    /** By layer: 1 where it has rotary positions (the name says the opposite). */
    no_rope_layers: z.array(z.union([z.literal(0), z.literal(1)])).nullish(),
    no_rope_layer_interval: count.default(4),
    use_sliding_window: z.boolean().default(false),
  })
  .refine((keys) => !keys.no_rope_layers || keys.no_rope_layers.length === keys.num_hidden_layers, {
    path: ['no_rope_layers'],
    error: 'must have an entry for every layer',
  });
interface SmolLm3Config extends DecoderConfig {
  readonly biased: boolean;
  readonly mlpBiased: boolean;
  readonly tied: boolean;
  readonly rotary: RotarySettings;
  /** By layer: whether it has positions. */
  readonly rotates: readonly boolean[];
  readonly windows: LayerWindows;
}

function readConfig(config: RawConfig, source: string): SmolLm3Config {
  const keys = parseConfig(schema, config, source);
  const sizes = sizesOf(keys, 'rmsNorm', source);
  const { layers } = sizes;
  const rotary = readRotary(config, sizes.dHead, source);
  const rotates = Array.from({ length: layers }, (_, l) =>
    keys.no_rope_layers ? keys.no_rope_layers[l] === 1 : (l + 1) % keys.no_rope_layer_interval !== 0,
  );
  return {
    sizes: withinRotary(sizes, rotary),
    activation: keys.hidden_act,
    epsilon: keys.rms_norm_eps,
    biased: keys.attention_bias,
    mlpBiased: keys.mlp_bias,
    tied: keys.tie_word_embeddings,
    rotary,
    rotates,
    windows: keys.use_sliding_window
      ? readWindows(config, source, { layers, slides: (l) => !rotates[l] })
      : new Array<null>(layers).fill(null),
  };
}

/** SmolLM3. */
export const smollm3 = decoderFamily<SmolLm3Config>({
  computes: [
    'attention_bias',
    'layer_types',
    'mlp_bias',
    'no_rope_layer_interval',
    'no_rope_layers',
    'partial_rotary_factor',
    'sliding_window',
    'use_sliding_window',
  ],
  name: 'smollm3',
  doc: 'SmolLM3: Llama in which some layers have no positions',
  modelTypes: ['smollm3'],
  readConfig,
  rules: llamaLikeRules,
  form: ({ rotary, rotates, windows }) => ({
    mlpKind: 'gated',
    rotary: { dims: rotary.dims, tables: rotates.map((turns) => (turns ? 'rope' : null)) },
    windows,
  }),
});
