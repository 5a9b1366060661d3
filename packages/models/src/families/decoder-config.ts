/** @file Keys and rules that families of decoders share, under the names that Llama gave them. */
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { z } from 'zod';
import type { DecoderForm } from '../architectures/decoder.js';
import { count, partCount, type RawConfig } from '../checkpoint/config.js';
import { asIs, type Loader, transposed } from '../checkpoint/layouts.js';
import { longRotary, type RotarySettings, rotaryPositions } from '../checkpoint/rotary.js';
import type { ModelSizes } from '../checkpoint/tensors.js';
import type { AddRule } from '../recipes/rule-list.js';

/** Sizes in config.json, as most families name them. */
export const sizeKeys = {
  num_hidden_layers: partCount,
  num_attention_heads: partCount,
  num_key_value_heads: partCount.nullish(),
  hidden_size: count,
  intermediate_size: count,
  max_position_embeddings: count,
  vocab_size: count,
} as const;
/** The same with a size of heads that need not be dModel / heads. */
export const sizeKeysWithHeadDim = { ...sizeKeys, head_dim: count.nullish() } as const;
/** A small number that a norm adds. */
export const epsilonKey = z.number().positive();
/** A key that is computed only while it is false. */
export const unsupported = (what: string) => z.literal(false, `${what} is not supported`).nullish();

interface Keys {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads?: number | null | undefined;
  readonly hidden_size: number;
  readonly head_dim?: number | null | undefined;
  readonly intermediate_size: number;
  readonly max_position_embeddings: number;
  readonly vocab_size: number;
}

/**
 * The sizes that these keys say. Without KV heads there are as many as heads, without a size of heads it is dModel / heads.
 * @throws AutoCircuitError `invalid-file` where heads do not share dModel, or the KV heads, evenly
 */
export function sizesOf(keys: Keys, norm: ModelSizes['norm'], source: string): ModelSizes {
  const { num_attention_heads: heads, hidden_size: dModel } = keys;
  const kvHeads = keys.num_key_value_heads ?? heads;
  const dHead = keys.head_dim ?? dModel / heads;
  const wrong = (key: string, expected: string): AutoCircuitError =>
    new AutoCircuitError({
      code: 'invalid-file',
      fields: { path: source, key },
      where: 'checkpoint',
      what: `${source}: ${key} is wrong`,
      expected,
      got: `${heads} heads, ${kvHeads} for keys and values, hidden_size ${dModel}`,
    });
  if (!Number.isInteger(dHead)) throw wrong('hidden_size', 'a multiple of the number of heads');
  if (heads % kvHeads !== 0) throw wrong('num_attention_heads', 'a multiple of the number of KV heads');
  return {
    ...{ layers: keys.num_hidden_layers, heads, kvHeads, dHead, dModel, norm, logitSoftCap: false },
    dMlp: keys.intermediate_size,
    vocabulary: keys.vocab_size,
    positions: keys.max_position_embeddings,
  };
}

/** A config with keys under the names that a family's own class gives them: `{ n_embed: 'hidden_size' }` for old files. */
export function renamed(config: RawConfig, names: Readonly<Record<string, string>>): RawConfig {
  const known = Object.entries(names).filter(([from, to]) => config[from] !== undefined && config[to] === undefined);
  return { ...config, ...Object.fromEntries(known.map(([from, to]) => [to, config[from]])) };
}

/** `attn.o.W` [heads, dHead, dModel] from a matrix `FROM.weight` [dModel, heads · dHead], and `attn.o.b` [dModel]. */
export function addOutput(add: AddRule, from: string, sizes: ModelSizes, biased: boolean): void {
  const { heads, dHead, dModel } = sizes;
  add('attn.o.W', [heads, dHead, dModel], transposed(`${from}.weight`, [dModel, heads * dHead]));
  if (biased) add('attn.o.b', [dModel], asIs(`${from}.bias`, [dModel]));
}

/** `mlp.in` and `mlp.out` from two matrices [out, in], with biases or without. */
export function addPlainMlp(add: AddRule, into: string, out: string, sizes: ModelSizes, biased: boolean): void {
  const { dModel, dMlp } = sizes;
  add('mlp.in.W', [dModel, dMlp], transposed(`${into}.weight`, [dMlp, dModel]));
  if (biased) add('mlp.in.b', [dMlp], asIs(`${into}.bias`, [dMlp]));
  add('mlp.out.W', [dMlp, dModel], transposed(`${out}.weight`, [dModel, dMlp]));
  if (biased) add('mlp.out.b', [dModel], asIs(`${out}.bias`, [dModel]));
}

/** Queries, keys and values, each by the loader of its weights [n · dHead, dModel] and, where it has one, of its bias [n · dHead]. */
export function addHeadInputs(
  add: AddRule,
  { heads, kvHeads, dHead, dModel }: ModelSizes,
  of: (input: 'q' | 'k' | 'v', rows: number, part: 'weight' | 'bias') => Loader,
  biased: boolean,
): void {
  for (const part of biased ? (['weight', 'bias'] as const) : (['weight'] as const)) {
    for (const [input, n] of [
      ['q', heads],
      ['k', kvHeads],
      ['v', kvHeads],
    ] as const) {
      if (part === 'weight') add(`attn.${input}.W`, [n, dHead, dModel], of(input, n * dHead, part));
      else add(`attn.${input}.b`, [n, dHead], of(input, n * dHead, part));
    }
  }
}

/** A norm's weight alone: `NAME.w` [size] from `FROM.weight`. */
export function addScale(add: AddRule, name: string, from: string, size: number): void {
  add(`${name}.w`, [size], asIs(`${from}.weight`, [size]));
}

/**
 * The slopes of linear biases for so many heads (ALiBi, Press et al. 2021, https://arxiv.org/abs/2108.12409): powers of
 * 2^(−8/n) for n heads; where n is no power of two, those of the next smaller one, then every second one of its double.
 */
export function alibiSlopes(heads: number): number[] {
  const whole = 2 ** Math.floor(Math.log2(heads));
  const powers = (n: number): number[] => Array.from({ length: n }, (_, i) => 2 ** ((-8 * (i + 1)) / n));
  const between = powers(2 * whole).filter((_, i) => i % 2 === 0);
  return [...powers(whole), ...between.slice(0, heads - whole)];
}

/** Queries, keys and values from a matrix each: `FROM.q_proj.weight` [heads · dHead, dModel], and so on, with biases or without. */
export function addLinearInputs(add: AddRule, from: string, sizes: ModelSizes, biased: boolean): void {
  addHeadInputs(
    add,
    sizes,
    (input, rows, part) => asIs(`${from}.${input}_proj.${part}`, part === 'weight' ? [rows, sizes.dModel] : [rows]),
    biased,
  );
}

/** The same tables of rotary positions in every layer; two pairs of them where long prompts have other frequencies (`addAllRotary`). */
export const sameRotary = (rotary: RotarySettings, { layers }: ModelSizes): NonNullable<DecoderForm['rotary']> => {
  const long = longRotary(rotary);
  return {
    dims: rotary.dims,
    tables: new Array<string>(layers).fill('rope'),
    ...(long ? { longBeyond: long.beyond } : {}),
  };
};

/** Sizes whose longest prompt is no longer than the rotary tables hold for. */
export const withinRotary = (sizes: ModelSizes, rotary: RotarySettings): ModelSizes => ({
  ...sizes,
  positions: rotaryPositions(rotary, sizes.positions),
});
