/** @file OLMo 2 and 3: norms after the modules, a norm of queries and of keys across all heads; OLMo 3 slides in most layers. */
import { z } from 'zod';
import { parseConfig, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, prefixOf } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import { type LayerWindows, readWindows } from '../checkpoint/windows.js';
import { addGatedMlp, addRotary, addUnembedding, ruleList } from '../recipes/rule-list.js';
import {
  addLinearInputs,
  addOutput,
  addScale,
  epsilonKey,
  sizeKeys,
  sizesOf,
  unsupported,
  withinRotary,
} from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';

const schema = z.looseObject({
  ...sizeKeys,
  rms_norm_eps: epsilonKey.default(1e-5),
  hidden_act: z.string().default('silu'),
  attention_bias: unsupported('a bias in attention'),
  clip_qkv: z.null('a bound of queries, keys and values is not supported').optional(),
  tie_word_embeddings: z.boolean().default(false),
});
interface Olmo2Config extends DecoderConfig {
  readonly tied: boolean;
  readonly rotary: RotarySettings;
  /** Of sliding layers, where it is another. */
  readonly localRotary: RotarySettings | null;
  readonly windows: LayerWindows;
}
/** OLMo 3 where its config does not say: the base of its positions, and its windows in three layers of four. */
const [BASE, WINDOW, PERIOD] = [500_000, 4096, 4];

const block = z.looseObject({}).nullish();
const rotaryKeys = z.looseObject({
  rope_theta: z.number().positive().nullish(),
  rope_parameters: z.looseObject({ full_attention: block, sliding_attention: block }).nullish(),
});

function readConfig(config: RawConfig, source: string): Olmo2Config {
  const keys = parseConfig(schema, config, source);
  const sizes = sizesOf(keys, 'rmsNorm', source);
  const { layers, dHead } = sizes;
  const slides = config.model_type === 'olmo3';
  const rotaries = slides
    ? byKindOfLayer(config, dHead, source)
    : { rotary: readRotary(config, dHead, source), localRotary: null };
  return {
    sizes: withinRotary(sizes, rotaries.rotary),
    activation: keys.hidden_act,
    epsilon: keys.rms_norm_eps,
    tied: keys.tie_word_embeddings,
    ...rotaries,
    windows: slides
      ? readWindows(config, source, { layers, slides: (l) => (l + 1) % PERIOD !== 0, defaultWindow: WINDOW })
      : new Array<null>(layers).fill(null),
  };
}

/** OLMo 3: a scaling is for the layers that see everything; both kinds have the same base. */
function byKindOfLayer(config: RawConfig, dHead: number, source: string): Pick<Olmo2Config, 'rotary' | 'localRotary'> {
  const { rope_parameters: kinds, rope_theta: theta } = parseConfig(rotaryKeys, config, source);
  const { rope_scaling: _, rope_parameters: __, ...plain } = config;
  const base = { ...plain, rope_theta: theta ?? BASE };
  const of = (kind: object): RotarySettings => readRotary({ ...base, rope_parameters: kind }, dHead, source);
  const rotary = kinds
    ? of(kinds.full_attention ?? {})
    : readRotary({ ...config, ...base, rope_scaling: config.rope_scaling }, dHead, source);
  const localRotary = of(kinds?.sliding_attention ?? {});
  const same = JSON.stringify(rotary) === JSON.stringify(localRotary);
  return { rotary, localRotary: same ? null : localRotary };
}

function rules({ sizes, tied, rotary, localRotary }: Olmo2Config, raw: RawCheckpoint) {
  const { layers, heads, kvHeads, dHead, dModel: D, dMlp: F, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['model.', ''], 'embed_tokens.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}embed_tokens.weight`, [V, D]));
  addRotary(list.add, 'rope', rotary, positions);
  if (localRotary) addRotary(list.add, 'rope.local', localRotary, positions);
  for (let l = 0; l < layers; l++) {
    const [layer, add] = [`${prefix}layers.${l}.`, list.inLayer(l)];
    addLinearInputs(add, `${layer}self_attn`, sizes, false);
    for (const [input, n] of [
      ['q', heads],
      ['k', kvHeads],
    ] as const)
      add(`attn.${input}.norm.w`, [n, dHead], asIs(`${layer}self_attn.${input}_norm.weight`, [n * dHead]));
    addOutput(add, `${layer}self_attn.o_proj`, sizes, false);
    addScale(add, 'attn.post', `${layer}post_attention_layernorm`, D);
    addGatedMlp(add, `${layer}mlp`, D, F);
    addScale(add, 'mlp.post', `${layer}post_feedforward_layernorm`, D);
  }
  addScale(list.add, 'final.ln', `${prefix}norm`, D);
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  return list.rules;
}

/** OLMo 2 and 3. */
export const olmo2 = decoderFamily<Olmo2Config>({
  computes: ['attention_bias', 'clip_qkv', 'layer_types', 'partial_rotary_factor', 'sliding_window'],
  name: 'olmo2',
  doc: 'OLMo 2 and 3: RMS norms after each module, a norm of queries and of keys across all heads, sliding windows',
  modelTypes: ['olmo2', 'olmo3'],
  readConfig,
  rules,
  form: ({ rotary, localRotary, windows }) => ({
    mlpKind: 'gated',
    norms: 'after',
    headNorms: 'across',
    rotary: {
      dims: rotary.dims,
      tables: windows.map((window) => (window !== null && localRotary ? 'rope.local' : 'rope')),
    },
    windows,
  }),
});
