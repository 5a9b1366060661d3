/** @file GPT-Neo: GPT-2 with unscaled attention, which sees a window only in every other layer. */
import { z } from 'zod';
import { count, parseConfig, partCount, type RawConfig } from '../checkpoint/config.js';
import type { RawCheckpoint } from '../checkpoint/hf-folder.js';
import { asIs, prefixOf } from '../checkpoint/layouts.js';
import type { LayerWindows } from '../checkpoint/windows.js';
import { addLayerNorm, addUnembedding, ruleList } from '../recipes/rule-list.js';
import { addLinearInputs, addOutput, addPlainMlp, epsilonKey, renamed, sizesOf } from './decoder-config.js';
import { type DecoderConfig, decoderFamily } from './family.js';

const kind = z.enum(['global', 'local']);
const schema = z
  .looseObject({
    num_layers: partCount,
    num_heads: partCount,
    hidden_size: count,
    intermediate_size: count.nullish(),
    max_position_embeddings: count,
    vocab_size: count,
    /** Runs of layers: kinds that alternate, and how often. */
    attention_types: z.array(z.tuple([z.array(kind), partCount])),
    window_size: count.default(256),
    layer_norm_epsilon: epsilonKey.default(1e-5),
    activation_function: z.string().default('gelu_new'),
    tie_word_embeddings: z.boolean().default(true),
  })
  .refine((keys) => layersOf(keys.attention_types) === keys.num_layers, {
    path: ['attention_types'],
    error: 'must have an entry for every layer',
  });
interface GptNeoConfig extends DecoderConfig {
  readonly tied: boolean;
  readonly windows: LayerWindows;
}

type Runs = readonly (readonly [readonly string[], number])[];
/** How many layers the runs have, before they are written out. */
const layersOf = (runs: Runs): number => runs.reduce((sum, [kinds, times]) => sum + kinds.length * times, 0);
/** The kind of every layer. */
const kindsOf = (types: Runs): string[] =>
  types.flatMap(([kinds, times]) => Array.from({ length: times }, () => kinds).flat());

function readConfig(raw: RawConfig, source: string): GptNeoConfig {
  const keys = parseConfig(
    schema,
    renamed(raw, { num_hidden_layers: 'num_layers', num_attention_heads: 'num_heads' }),
    source,
  );
  const sizes = {
    num_hidden_layers: keys.num_layers,
    num_attention_heads: keys.num_heads,
    hidden_size: keys.hidden_size,
    intermediate_size: keys.intermediate_size ?? 4 * keys.hidden_size,
    max_position_embeddings: keys.max_position_embeddings,
    vocab_size: keys.vocab_size,
  };
  return {
    sizes: sizesOf(sizes, 'layerNorm', source),
    activation: keys.activation_function,
    epsilon: keys.layer_norm_epsilon,
    tied: keys.tie_word_embeddings,
    windows: kindsOf(keys.attention_types).map((name) => (name === 'local' ? keys.window_size : null)),
  };
}

function rules({ sizes, tied }: GptNeoConfig, raw: RawCheckpoint) {
  const { layers, dModel: D, vocabulary: V, positions } = sizes;
  const prefix = prefixOf(raw, ['transformer.', ''], 'wte.weight');
  const list = ruleList();
  list.add('embed.W', [V, D], asIs(`${prefix}wte.weight`, [V, D]));
  list.add('pos.W', [positions, D], asIs(`${prefix}wpe.weight`, [positions, D]));
  for (let l = 0; l < layers; l++) {
    const [h, add] = [`${prefix}h.${l}.`, list.inLayer(l)];
    addLayerNorm(add, 'ln1', `${h}ln_1`, D);
    addLinearInputs(add, `${h}attn.attention`, sizes, false);
    addOutput(add, `${h}attn.attention.out_proj`, sizes, true);
    addLayerNorm(add, 'ln2', `${h}ln_2`, D);
    addPlainMlp(add, `${h}mlp.c_fc`, `${h}mlp.c_proj`, sizes, true);
  }
  addLayerNorm(list.add, 'final.ln', `${prefix}ln_f`, D);
  addUnembedding(list.add, tied, 'lm_head.weight', V, D);
  return list.rules;
}

/** GPT-Neo. */
export const gptNeo = decoderFamily<GptNeoConfig>({
  computes: [],
  name: 'gpt_neo',
  doc: 'GPT-Neo: learned positions, layer norm, unscaled attention, local in every other layer',
  modelTypes: ['gpt_neo'],
  readConfig,
  rules,
  form: ({ windows }) => ({ mlpKind: 'plain', attentionScale: 1, windows }),
});
