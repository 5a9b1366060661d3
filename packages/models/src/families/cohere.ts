/** @file Cohere (Command R, Aya) and Cohere 2 (Command R7B): one layer norm for both modules, scaled logits; Cohere 2 slides. */
import { z } from 'zod';
import { count, parseConfig, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, pairsToHalves, prefixOf } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import { type LayerWindows, readWindows } from '../checkpoint/windows.js';
import { addGatedMlp, addRotary, addUnembedding, ruleList } from '../recipes/rule-list.js';
import {
  addHeadInputs,
  addOutput,
  addScale,
  epsilonKey,
  sizeKeysWithHeadDim,
  sizesOf,
  withinRotary,
} from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';

const schema = z.looseObject({
  ...sizeKeysWithHeadDim,
  layer_norm_eps: epsilonKey.default(1e-5),
  hidden_act: z.string().default('silu'),
  attention_bias: z.boolean().default(false),
  /** Whether queries and keys are normed, each head by weights of its own. */
  use_qk_norm: z.boolean().default(false),
  logit_scale: z.number().positive().default(0.0625),
  tie_word_embeddings: z.boolean().default(true),
  /** Cohere 2 says that its positions turn pairs of neighbours, which those of both do. */
  position_embedding_type: z.literal('rope_gptj').nullish(),
  /** Cohere 2: one layer in so many sees everything. */
  sliding_window_pattern: count.default(4),
});
interface CohereConfig extends DecoderConfig {
  readonly biased: boolean;
  readonly headNorms: boolean;
  readonly logitScale: number;
  readonly tied: boolean;
  readonly rotary: RotarySettings;
  readonly windows: LayerWindows;
  /** By layer: whether it has positions. */
  readonly rotates: readonly boolean[];
}
/** Where the configs do not say: the base of Cohere's positions, and the window of Cohere 2. */
const [BASE, WINDOW] = [500_000, 4096];

function readConfig(config: RawConfig, source: string): CohereConfig {
  const keys = parseConfig(schema, config, source);
  const sizes = sizesOf(keys, 'layerNorm', source);
  const { layers } = sizes;
  const second = config.model_type === 'cohere2';
  const rotary = readRotary(second ? config : { rope_theta: BASE, ...config }, sizes.dHead, source);
  const windows = second
    ? readWindows(config, source, {
        layers,
        slides: (l) => (l + 1) % keys.sliding_window_pattern !== 0,
        defaultWindow: WINDOW,
      })
    : new Array<null>(layers).fill(null);
  return {
    sizes: withinRotary(sizes, rotary),
    activation: keys.hidden_act,
    epsilon: keys.layer_norm_eps,
    biased: keys.attention_bias,
    headNorms: !second && keys.use_qk_norm,
    logitScale: keys.logit_scale,
    tied: keys.tie_word_embeddings,
    rotary,
    windows,
    rotates: windows.map((window) => !second || window !== null), // Cohere 2 has positions where it slides
  };
}

function rules({ sizes, biased, headNorms, tied, rotary }: CohereConfig, raw: RawCheckpoint) {
  const { layers, heads, kvHeads, dHead, dModel: D, dMlp: F, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['model.', ''], 'embed_tokens.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}embed_tokens.weight`, [V, D]));
  addRotary(list.add, 'rope', rotary, positions);
  for (let l = 0; l < layers; l++) {
    const [layer, add] = [`${prefix}layers.${l}.`, list.inLayer(l)];
    const norm = `${layer}input_layernorm`;
    addScale(add, 'ln1', norm, D);
    addHeadInputs(
      add,
      sizes,
      (input, rows, part) => {
        const name = `${layer}self_attn.${input}_proj.${part}`;
        const load = asIs(name, part === 'weight' ? [rows, D] : [rows]);
        return input === 'v' ? load : pairsToHalves(load, rows / dHead, dHead, rotary.dims);
      },
      biased,
    );
    for (const [input, n] of [
      ['q', heads],
      ['k', kvHeads],
    ] as const) {
      const weight = asIs(`${layer}self_attn.${input}_norm.weight`, [n, dHead]);
      if (headNorms) add(`attn.${input}.norm.w`, [n, dHead], pairsToHalves(weight, n, dHead, rotary.dims));
    }
    addOutput(add, `${layer}self_attn.o_proj`, sizes, biased);
    addScale(add, 'ln2', norm, D);
    addGatedMlp(add, `${layer}mlp`, D, F);
  }
  addScale(list.add, 'final.ln', `${prefix}norm`, D);
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  return list.rules;
}

/** Cohere 1 and 2. */
export const cohere = decoderFamily<CohereConfig>({
  computes: [
    ...['attention_bias', 'layer_types', 'logit_scale', 'partial_rotary_factor', 'position_embedding_type'],
    ...['sliding_window', 'use_qk_norm'],
  ],
  name: 'cohere',
  doc: 'Cohere (Command R, Aya) and Cohere 2: attention and gated MLP side by side behind one layer norm, scaled logits',
  modelTypes: ['cohere', 'cohere2'],
  readConfig,
  rules,
  form: ({ rotary, rotates, windows, headNorms, logitScale }) => ({
    mlpKind: 'gated',
    parallel: true,
    sharedNorm: true,
    rotary: { dims: rotary.dims, tables: rotates.map((turns) => (turns ? 'rope' : null)) },
    windows,
    logitScale,
    ...(headNorms ? { headNorms: 'own' } : {}),
  }),
});
