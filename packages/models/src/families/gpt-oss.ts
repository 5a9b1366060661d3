/** @file gpt-oss: experts with bounded activations, attention with sinks, sliding windows in every other layer, YaRN, biases. */
import { z } from 'zod';
import type { ExpertsForm } from '../architectures/experts.js';
import { count, parseConfig, partCount, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, eachTransposed, type Loader, prefixOf, rowsOfEach } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import { type LayerWindows, readWindows } from '../checkpoint/windows.js';
import { type AddRule, addRotary, addUnembedding, ruleList } from '../recipes/rule-list.js';
import {
  addLinearInputs,
  addOutput,
  addScale,
  epsilonKey,
  sameRotary,
  sizeKeysWithHeadDim,
  sizesOf,
  withinRotary,
} from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';

const schema = z.looseObject({
  ...sizeKeysWithHeadDim,
  rms_norm_eps: epsilonKey.default(1e-5),
  head_dim: count.default(64),
  attention_bias: z.boolean().default(true),
  tie_word_embeddings: z.boolean().default(false),
  num_local_experts: partCount,
  num_experts_per_tok: partCount.nullish(),
  /** The same under its older name. */
  experts_per_token: partCount.nullish(),
  swiglu_limit: z.number().positive().default(7),
  swiglu_alpha: z.number().positive().default(1.702),
});
interface GptOssConfig extends DecoderConfig {
  readonly biased: boolean;
  readonly tied: boolean;
  readonly rotary: RotarySettings;
  readonly windows: LayerWindows;
  readonly experts: ExpertsForm;
}
/** Where the config does not say: the window, and how many experts a token goes to. */
const [WINDOW, CHOSEN] = [128, 4];

function readConfig(config: RawConfig, source: string): GptOssConfig {
  const keys = parseConfig(schema, config, source);
  const sizes = sizesOf(keys, 'rmsNorm', source);
  const { layers } = sizes;
  const rotary = readRotary(config, sizes.dHead, source);
  return {
    sizes: withinRotary(sizes, rotary),
    activation: 'silu', // its own comes with the experts
    epsilon: keys.rms_norm_eps,
    biased: keys.attention_bias,
    tied: keys.tie_word_embeddings,
    rotary,
    windows: readWindows(config, source, { layers, slides: (l) => l % 2 === 0, defaultWindow: WINDOW }),
    experts: {
      counts: new Array<number>(layers).fill(keys.num_local_experts),
      chosen: Math.min(keys.num_experts_per_tok ?? keys.experts_per_token ?? CHOSEN, keys.num_local_experts),
      dExpert: keys.intermediate_size,
      softmaxOver: 'chosen',
      bounded: { alpha: keys.swiglu_alpha, limit: keys.swiglu_limit },
    },
  };
}

function rules({ sizes, biased, tied, rotary, experts }: GptOssConfig, raw: RawCheckpoint) {
  const { layers, heads, dModel: D, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['model.', ''], 'embed_tokens.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}embed_tokens.weight`, [V, D]));
  addRotary(list.add, 'rope', rotary, positions);
  for (let l = 0; l < layers; l++) {
    const [layer, add] = [`${prefix}layers.${l}.`, list.inLayer(l)];
    addScale(add, 'ln1', `${layer}input_layernorm`, D);
    addLinearInputs(add, `${layer}self_attn`, sizes, biased);
    add('attn.sinks', [heads], asIs(`${layer}self_attn.sinks`, [heads]));
    addOutput(add, `${layer}self_attn.o_proj`, sizes, biased);
    addScale(add, 'ln2', `${layer}post_attention_layernorm`, D);
    addExperts(add, raw, `${layer}mlp`, experts.counts[l]!, experts.dExpert, D);
  }
  addScale(list.add, 'final.ln', `${prefix}norm`, D);
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  return list.rules;
}

/**
 * The router and the experts, from plain matrices `gate_up_proj` [experts, dModel, 2 · dExpert] and `down_proj` [experts, dExpert,
 * dModel], or from MXFP4, where each matrix lies the other way round (`gate_up_proj_blocks`). Gate and up take turns.
 */
function addExperts(add: AddRule, raw: RawCheckpoint, mlp: string, E: number, F: number, D: number): void {
  const from = (name: string): string => `${mlp}.experts.${name}`;
  const packed = raw.has(from('gate_up_proj_blocks'));
  add('mlp.router.W', [E, D], asIs(`${mlp}.router.weight`, [E, D]));
  add('mlp.router.b', [E], asIs(`${mlp}.router.bias`, [E]));
  const both: Loader = packed
    ? asIs(from('gate_up_proj_blocks'), [E, 2 * F, D])
    : eachTransposed(asIs(from('gate_up_proj'), [E, D, 2 * F]), E, [D, 2 * F]); // [experts, 2 · dExpert, dModel]
  const bias = asIs(from('gate_up_proj_bias'), [E, 2 * F]);
  for (const [part, first] of [
    ['gate', 0],
    ['up', 1],
  ] as const) {
    const rows = { from: first, taken: F, step: 2 };
    add(`mlp.${part}.W`, [E, F, D], rowsOfEach(both, E, [2 * F, D], rows));
    add(`mlp.${part}.b`, [E, F], rowsOfEach(bias, E, [2 * F, 1], rows));
  }
  const down: Loader = packed
    ? eachTransposed(asIs(from('down_proj_blocks'), [E, D, F]), E, [D, F])
    : asIs(from('down_proj'), [E, F, D]);
  add('mlp.down.W', [E, F, D], down);
  add('mlp.down.b', [E, D], asIs(from('down_proj_bias'), [E, D]));
}

/** gpt-oss. */
export const gptOss = decoderFamily<GptOssConfig>({
  computes: [
    'attention_bias',
    'layer_types',
    'num_local_experts',
    'partial_rotary_factor',
    'sliding_window',
    'swiglu_limit',
  ],
  name: 'gpt-oss',
  doc: 'gpt-oss: a mixture of experts, attention with sinks, sliding windows in every other layer, YaRN; weights in MXFP4 or plain',
  modelTypes: ['gpt_oss'],
  readConfig,
  rules,
  form: ({ sizes, rotary, windows, experts }) => ({
    mlpKind: 'gated',
    rotary: sameRotary(rotary, sizes),
    windows,
    experts,
    sinks: true,
  }),
});
