/** @file Mixtral, Qwen 3 MoE and OLMoE: Llama with experts in place of MLPs; Qwen 3 and OLMoE norm their queries and keys. */
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { z } from 'zod';
import type { DecoderForm } from '../architectures/decoder.js';
import type { ExpertsForm } from '../architectures/experts.js';
import { count, parseConfig, partCount, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, eachTransposed, type Loader, prefixOf, rowsOfEach, stackedMatrices } from '../checkpoint/layouts.js';
import { type RotarySettings, readRotary } from '../checkpoint/rotary.js';
import { type LayerWindows, readWindows } from '../checkpoint/windows.js';
import { type AddRule, addGatedMlp, addRotary, addUnembedding, ruleList } from '../recipes/rule-list.js';
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
  rms_norm_eps: epsilonKey.nullish(),
  hidden_act: z.string().default('silu'),
  attention_bias: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(false),
  rope_theta: z.number().positive().nullish(),
  /** Experts, under the two names that it has. */
  num_experts: partCount.nullish(),
  num_local_experts: partCount.nullish(),
  num_experts_per_tok: partCount.nullish(),
  /** Width of an expert, where it is not that of an MLP. */
  moe_intermediate_size: count.nullish(),
  /** Whether the weights of the chosen experts add up to 1. */
  norm_topk_prob: z.boolean().default(false),
  /** Qwen: one layer in so many has experts, but for those listed. */
  decoder_sparse_step: count.default(1),
  mlp_only_layers: z.array(z.number().int().nonnegative()).default([]),
  clip_qkv: z.number().positive().nullish(),
  use_sliding_window: z.boolean().default(false),
  max_window_layers: z.number().int().nonnegative().default(28),
});
type Keys = z.output<typeof schema>;

interface MixtureConfig extends DecoderConfig {
  readonly biased: boolean;
  readonly tied: boolean;
  readonly rotary: RotarySettings;
  readonly windows: LayerWindows;
  readonly experts: ExpertsForm;
  readonly headNorms: NonNullable<DecoderForm['headNorms']> | null;
  readonly clip: number | null;
}

/** What differs between the three. */
interface Kind {
  /** Where the config does not say. */
  readonly epsilon: number;
  readonly base: number;
  readonly experts: number;
  readonly chosen: number;
  /** What the weights of the chosen are, by the config. */
  readonly softmaxOver: (keys: Keys) => ExpertsForm['softmaxOver'];
  readonly headNorms: MixtureConfig['headNorms'];
  readonly windows: (keys: Keys, config: RawConfig, source: string) => LayerWindows;
}
const byKey = ({ norm_topk_prob: sumToOne }: Keys): ExpertsForm['softmaxOver'] => (sumToOne ? 'chosen' : 'all');
const none = ({ num_hidden_layers: layers }: Keys): LayerWindows => new Array<null>(layers).fill(null);
const KINDS: Readonly<Record<string, Kind>> = {
  mixtral: {
    ...{ epsilon: 1e-5, base: 1e6, experts: 8, chosen: 2, softmaxOver: () => 'chosen', headNorms: null },
    windows: ({ num_hidden_layers: layers }, config, source) =>
      readWindows({ ...config, layer_types: undefined }, source, { layers, slides: () => true }),
  },
  qwen3_moe: {
    ...{ epsilon: 1e-6, base: 1e4, experts: 128, chosen: 8, softmaxOver: byKey, headNorms: 'shared' },
    windows: (keys, config, source) =>
      keys.use_sliding_window
        ? readWindows({ ...config, layer_types: undefined }, source, {
            ...{ layers: keys.num_hidden_layers, slides: () => true, defaultWindow: 4096 },
          })
        : none(keys),
  },
  olmoe: { epsilon: 1e-5, base: 1e4, experts: 64, chosen: 8, softmaxOver: byKey, headNorms: 'across', windows: none },
};

function readConfig(config: RawConfig, source: string): MixtureConfig {
  const keys = parseConfig(schema, config, source);
  const kind = KINDS[config.model_type]!;
  const sizes = sizesOf(keys, 'rmsNorm', source);
  const rotary = readRotary({ ...config, rope_theta: keys.rope_theta ?? kind.base }, sizes.dHead, source);
  const count = keys.num_experts ?? keys.num_local_experts ?? kind.experts;
  const chosen = keys.num_experts_per_tok ?? kind.chosen;
  if (chosen > count) {
    throw new AutoCircuitError({
      code: 'invalid-file',
      fields: { path: source, key: 'num_experts_per_tok' },
      where: 'checkpoint',
      what: `${source}: a token goes to more experts than there are`,
      expected: `at most ${count} as num_experts_per_tok`,
      got: `${chosen}`,
    });
  }
  const isMixture = (l: number): boolean =>
    !keys.mlp_only_layers.includes(l) && (l + 1) % keys.decoder_sparse_step === 0;
  return {
    sizes: withinRotary(sizes, rotary),
    activation: keys.hidden_act,
    epsilon: keys.rms_norm_eps ?? kind.epsilon,
    biased: keys.attention_bias,
    tied: keys.tie_word_embeddings,
    rotary,
    windows: kind.windows(keys, config, source),
    headNorms: kind.headNorms,
    clip: keys.clip_qkv ?? null,
    experts: {
      counts: Array.from({ length: sizes.layers }, (_, l) => (isMixture(l) ? count : 0)),
      chosen,
      dExpert: keys.moe_intermediate_size ?? keys.intermediate_size,
      softmaxOver: kind.softmaxOver(keys),
    },
  };
}

function rules({ sizes, biased, tied, rotary, experts, headNorms }: MixtureConfig, raw: RawCheckpoint) {
  const { layers, heads, kvHeads, dHead, dModel: D, dMlp: F, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['model.', ''], 'embed_tokens.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}embed_tokens.weight`, [V, D]));
  addRotary(list.add, 'rope', rotary, positions);
  for (let l = 0; l < layers; l++) {
    const [layer, add] = [`${prefix}layers.${l}.`, list.inLayer(l)];
    addScale(add, 'ln1', `${layer}input_layernorm`, D);
    addLinearInputs(add, `${layer}self_attn`, sizes, biased);
    for (const [input, n] of [
      ['q', heads],
      ['k', kvHeads],
    ] as const) {
      const from = `${layer}self_attn.${input}_norm.weight`;
      if (headNorms === 'shared') add(`attn.${input}.norm.w`, [dHead], asIs(from, [dHead]));
      if (headNorms === 'across') add(`attn.${input}.norm.w`, [n, dHead], asIs(from, [n * dHead]));
    }
    addOutput(add, `${layer}self_attn.o_proj`, sizes, biased);
    addScale(add, 'ln2', `${layer}post_attention_layernorm`, D);
    const count = experts.counts[l]!;
    if (count > 0) addExperts(add, raw, layer, { count, dExpert: experts.dExpert, dModel: D });
    else addGatedMlp(add, `${layer}mlp`, D, F);
  }
  addScale(list.add, 'final.ln', `${prefix}norm`, D);
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  return list.rules;
}

/** The names of an expert's matrices: Mixtral's own, and those of the others. */
const MIXTRAL_PARTS = { gate: 'w1', up: 'w3', down: 'w2' } as const;
const PARTS = { gate: 'gate_proj', up: 'up_proj', down: 'down_proj' } as const;

/** The router and the experts of a layer, from a matrix for each or from all in one (`gate_up_proj` [experts, 2 · dExpert, dModel]). */
function addExperts(
  add: AddRule,
  raw: RawCheckpoint,
  layer: string,
  { count: E, dExpert: F, dModel: D }: { readonly count: number; readonly dExpert: number; readonly dModel: number },
): void {
  const mlp = raw.has(`${layer}block_sparse_moe.gate.weight`) ? `${layer}block_sparse_moe` : `${layer}mlp`;
  const parts = raw.has(`${mlp}.experts.0.w1.weight`) ? MIXTRAL_PARTS : PARTS;
  const joined = raw.has(`${mlp}.experts.gate_up_proj`);
  const each = (part: keyof typeof PARTS, shape: readonly [number, number]): Loader => {
    const names = Array.from({ length: E }, (_, e) => `${mlp}.experts.${e}.${parts[part]}.weight`);
    return stackedMatrices(names, shape);
  };
  const both = asIs(`${mlp}.experts.gate_up_proj`, [E, 2 * F, D]);
  add('mlp.router.W', [E, D], asIs(`${mlp}.gate.weight`, [E, D]));
  for (const [part, from] of [
    ['gate', 0],
    ['up', F],
  ] as const)
    add(`mlp.${part}.W`, [E, F, D], joined ? rowsOfEach(both, E, [2 * F, D], { from, taken: F }) : each(part, [F, D]));
  const down = joined ? asIs(`${mlp}.experts.down_proj`, [E, D, F]) : each('down', [D, F]);
  add('mlp.down.W', [E, F, D], eachTransposed(down, E, [D, F]));
}

/** Mixtral, Qwen 3 MoE and OLMoE. */
export const mixtures = decoderFamily<MixtureConfig>({
  computes: [
    ...['attention_bias', 'clip_qkv', 'layer_types', 'num_experts', 'num_local_experts', 'partial_rotary_factor'],
    ...['sliding_window', 'use_sliding_window'],
  ],
  name: 'mixtures',
  doc: 'Mixtral, Qwen 3 MoE, OLMoE: Llama with a mixture of experts in place of MLPs',
  modelTypes: Object.keys(KINDS),
  readConfig,
  rules,
  form: ({ sizes, rotary, windows, experts, headNorms, clip }) => ({
    mlpKind: 'gated',
    rotary: sameRotary(rotary, sizes),
    windows,
    experts,
    clip,
    ...(headNorms ? { headNorms } : {}),
  }),
});
