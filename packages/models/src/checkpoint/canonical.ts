/**
 * @file Canonical weights: one set of names and layouts for every architecture (float32, row-major), made from a raw
 * checkpoint by a recipe, then processed. H query heads, KV key-value heads, dh head dim, D dModel, F dMlp, V vocabulary:
 *
 * `embed.W [V,D]` · `pos.W [ctx,D]` · `rope.cos`, `rope.sin [rows,dh/2]` · per layer `L{l}.`: `ln1.w`, `ln1.b`, `ln2.w`, `ln2.b [D]` ·
 * `attn.q.W [H,dh,D]`, `attn.k.W`, `attn.v.W [KV,dh,D]` (q = x·Wᵀ), `attn.q.b [H,dh]`, … · `attn.o.W [H,dh,D]` (z·W), `attn.o.b [D]` ·
 * `mlp.in.W [D,F]`, `mlp.in.b [F]`, `mlp.out.W [F,D]`, `mlp.out.b [D]`, or `mlp.gate.W`, `mlp.up.W [F,D]`, `mlp.down.W [D,F]`, or
 * with experts `mlp.gate.W`, `mlp.up.W`, `mlp.down.W [E,F,D]`, `mlp.gate.b`, `mlp.up.b [E,F]`, `mlp.down.b [E,D]`, `mlp.router.W [E,D]`,
 * `mlp.router.b [E]`; with sinks `attn.sinks [H]` ·
 * `final.ln.w`, `final.ln.b [D]` · `unembed.W [V,D]` (absent when it is `embed.W`), `unembed.b [V]`.
 * A norm's weights are absent once they are folded into what reads it.
 *
 * Tensors are lazy: a model larger than memory is converted one tensor at a time.
 */
import { AutoCircuitError, elementCount } from '@auto-circuit/core/plugin';
import { DEFAULT_POSITIONS } from './computed-tables.js';
import type { RawConfig } from './config.js';
import type { RawCheckpoint } from './hf-folder.js';
import { refuseKeys } from './number-keys.js';
import { applyProcessing, type ProcessingRequest, type ProcessingStep } from './processing.js';
import type { CanonicalTensor, CanonicalTensors, ModelSizes } from './tensors.js';

/** Where one canonical tensor comes from. */
export interface TensorRule {
  readonly name: string;
  readonly shape: readonly number[];
  /** Reads and rearranges raw tensors; see `layouts.ts`. */
  readonly from: (raw: RawCheckpoint) => Float32Array;
  /** For a table that is computed, [positions, …]: its first `rows` rows. */
  readonly firstRows?: (rows: number) => Float32Array;
}

/** How one model family's checkpoints become canonical weights. */
export interface WeightRecipe<C = unknown> {
  /** Part of the cache key: change it when the rules change. */
  readonly name: string;
  readonly modelTypes: readonly string[];
  /**
   * The keys that change what a model computes (`number-keys.ts`) and are computed, or that the model's own code does not read
   * either; a config with another one is refused. Default none.
   */
  readonly computes?: readonly string[];
  /** Checks config.json. @param source what errors call it @throws AutoCircuitError that names the wrong key */
  readonly readConfig: (config: RawConfig, source: string) => C;
  readonly sizes: (config: C) => ModelSizes;
  readonly rules: (config: C, raw: RawCheckpoint) => readonly TensorRule[];
}

/** A checkpoint in canonical form. */
export interface CanonicalWeights<C = unknown> {
  readonly config: C;
  readonly sizes: ModelSizes;
  readonly tensors: CanonicalTensors;
  /** The steps that changed the weights, in order. */
  readonly processing: readonly ProcessingStep[];
  /** What a user should know, in lines: quantised weights, a config that contradicts the file. */
  readonly notes: readonly string[];
}

/**
 * Canonical, processed weights of a checkpoint. Nothing is read until a tensor is loaded (but for an unembedding in a
 * checkpoint whose config has none: it is compared with the embedding).
 * @param positions rows of computed tables, at most; default 8,192
 * @throws AutoCircuitError for a config the recipe cannot read, a key in it that changes numbers and is not computed, or a step
 *   that would change what the model computes
 */
export function canonicalWeights<C>(
  raw: RawCheckpoint,
  recipe: WeightRecipe<C>,
  process: ProcessingRequest = 'all',
  { positions = DEFAULT_POSITIONS }: { readonly positions?: number } = {},
): CanonicalWeights<C> {
  if (!recipe.modelTypes.includes(raw.config.model_type)) {
    throw new AutoCircuitError({
      code: 'unknown-architecture',
      fields: { modelType: raw.config.model_type, known: recipe.modelTypes },
      where: 'checkpoint',
      what: `${raw.source} is not a ${recipe.name} model`,
      expected: `model_type ${recipe.modelTypes.join(' or ')}`,
      got: raw.config.model_type,
    });
  }
  const config = recipe.readConfig(raw.config, raw.source);
  refuseKeys(raw.config, raw.source, recipe.computes);
  const sizes = recipe.sizes(config);
  const rules = recipe.rules(config, raw);
  const untied = unembeddingBeside(raw, rules);
  const all = untied ? [...rules, untied.rule] : rules;
  const tensors = new Map(all.map((rule) => [rule.name, lazyTensor(raw, withRows(rule, positions))]));
  const notes = Object.freeze([...(raw.notes ?? []), ...(untied ? [untied.note] : [])]);
  return Object.freeze({ config, sizes, ...applyProcessing(raw.source, tensors, sizes, process), notes });
}

/** The names under which checkpoints keep an unembedding, and an embedding. */
const UNEMBEDDING = /(^|\.)(lm_head|embed_out)\.weight$/;
const EMBEDDING = /(^|\.)(embed_tokens|wte|embed_in|word_embeddings)\.weight$/;

/**
 * The unembedding of a checkpoint whose config ties it to the embedding, though the file has another matrix for it. The file
 * counts, as in transformers 5 (`tie_weights`); transformers 4 took the config's word.
 */
function unembeddingBeside(
  raw: RawCheckpoint,
  rules: readonly TensorRule[],
): { readonly rule: TensorRule; readonly note: string } | null {
  const embedding = rules.find(({ name }) => name === 'embed.W');
  const name = raw.names.find((own) => UNEMBEDDING.test(own));
  if (!embedding || name === undefined || rules.some((rule) => rule.name === 'unembed.W')) return null;
  const { shape } = embedding;
  const own = raw.read(name, shape);
  const stored = raw.names.find((other) => EMBEDDING.test(other)); // a recipe may scale what it makes of it
  const tied = stored === undefined ? embedding.from(raw) : raw.read(stored, shape);
  if (own.every((x, i) => x === tied[i])) return null;
  return {
    rule: { name: 'unembed.W', shape, from: (from) => from.read(name, shape) },
    note: `[checkpoint] the config of ${raw.source} ties the unembedding to the embedding, but ${name} is another matrix: it is used, and the two are not tied`,
  };
}

/** A computed table with as many rows as are needed. */
function withRows(rule: TensorRule, positions: number): TensorRule {
  const { shape, firstRows } = rule;
  const rows = Math.min(shape[0] ?? 0, positions);
  return firstRows ? { ...rule, shape: [rows, ...shape.slice(1)], from: () => firstRows(rows) } : rule;
}

function lazyTensor(raw: RawCheckpoint, { name, shape, from, firstRows }: TensorRule): CanonicalTensor {
  const load = () => {
    const data = from(raw);
    if (data.length !== elementCount(shape)) {
      throw new AutoCircuitError({
        code: 'internal',
        fields: { tensor: name },
        where: 'checkpoint',
        what: `the rule for ${name} does not fill its shape`,
        expected: `${elementCount(shape)} numbers`,
        got: `${data.length}`,
        kind: 'internal',
      });
    }
    return data;
  };
  return Object.freeze({ name, shape: Object.freeze([...shape]), computed: firstRows !== undefined, load });
}
