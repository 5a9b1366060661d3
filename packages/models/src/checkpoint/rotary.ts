/** @file Rotary position tables from config.json, computed in float64 (RoFormer, arXiv 2104.09864; the rotate-half convention). */
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { z } from 'zod';
import type { RawConfig } from './config.js';
import { parseConfig } from './config.js';
import { unsupportedName } from './errors.js';

/** The rotary settings of a model, whatever keys its config holds them under. */
export interface RotarySettings {
  readonly theta: number;
  /** Dimensions of a head that are rotated: dHead, or a share of it. */
  readonly dims: number;
  readonly scaling: RotaryScaling;
}
/** How frequencies are scaled for longer contexts than a model was trained on. */
export type RotaryScaling =
  | { readonly kind: 'default' }
  | { readonly kind: 'linear'; readonly factor: number }
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalPositions: number;
    }
  | {
      /** YaRN (Peng et al. 2023, https://arxiv.org/abs/2309.00071): slow frequencies are interpolated, fast ones kept. */
      readonly kind: 'yarn';
      readonly factor: number;
      /** Turns over the original context from which a frequency is kept, and up to which it is interpolated. */
      readonly fastTurns: number;
      readonly slowTurns: number;
      /** Whether the bounds between the two are whole frequencies. */
      readonly wholeBounds: boolean;
      readonly originalPositions: number;
      /** What cos and sin are multiplied by. */
      readonly attentionFactor: number;
    }
  | {
      /**
       * LongRoPE (Ding et al. 2024, https://arxiv.org/abs/2402.13753). A prompt that is longer than the original context has
       * other frequencies, at all of its positions.
       */
      readonly kind: 'longrope';
      /** By frequency: what it is divided by in prompts within the original context, [dims / 2]. */
      readonly divisors: readonly number[];
      /** The same in longer prompts, [dims / 2]. */
      readonly longDivisors: readonly number[];
      readonly originalPositions: number;
      /** What cos and sin are multiplied by. */
      readonly attentionFactor: number;
    };

const positive = z.number().positive();
const block = z.looseObject({
  rope_theta: positive.nullish(),
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  partial_rotary_factor: positive.nullish(),
  original_max_position_embeddings: positive.nullish(),
});
const rotaryKeys = z.looseObject({
  rope_theta: positive.nullish(),
  rotary_emb_base: positive.nullish(),
  partial_rotary_factor: positive.nullish(),
  rotary_pct: positive.nullish(),
  max_position_embeddings: positive.nullish(),
  /** Phi 3: before the one in the block. */
  original_max_position_embeddings: positive.nullish(),
  /** Newer configs. */
  rope_parameters: block.nullish(),
  /** Older configs: scaling only. */
  rope_scaling: block.nullish(),
});
/** How many times longer the context was made, where a block does not say: by the lengths. */
const extension = (factor: number | null | undefined, max: number | null | undefined, original: number): number =>
  factor ?? (max ?? original) / original;
/** The attention factor of YaRN, sqrt(1/t) in the paper's (15), with the weight that DeepSeek's variant gives the logarithm. */
const yarnFactor = (factor: number, weight = 1): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);

const scalingSchemas = Object.freeze({
  default: z.unknown().transform((): RotaryScaling => ({ kind: 'default' })),
  linear: z.looseObject({ factor: positive }).transform(({ factor }): RotaryScaling => ({ kind: 'linear', factor })),
  llama3: z
    .looseObject({
      factor: positive,
      low_freq_factor: positive,
      high_freq_factor: positive,
      original_max_position_embeddings: positive,
    })
    .transform(
      (keys): RotaryScaling => ({
        kind: 'llama3',
        factor: keys.factor,
        lowFrequencyFactor: keys.low_freq_factor,
        highFrequencyFactor: keys.high_freq_factor,
        originalPositions: keys.original_max_position_embeddings,
      }),
    ),
  // while a prompt is within max_position_embeddings, which no prompt may exceed here, nothing is scaled
  dynamic: z.looseObject({ factor: positive }).transform((): RotaryScaling => ({ kind: 'default' })),
  yarn: z
    .looseObject({
      factor: positive.nullish(),
      attention_factor: positive.nullish(),
      mscale: z.number().nullish(),
      mscale_all_dim: z.number().nullish(),
      beta_fast: positive.nullish(),
      beta_slow: positive.nullish(),
      truncate: z.boolean().default(true),
      original_max_position_embeddings: positive,
      max_position_embeddings: positive.nullish(),
    })
    .transform((keys): RotaryScaling => {
      const originalPositions = keys.original_max_position_embeddings;
      const factor = extension(keys.factor, keys.max_position_embeddings, originalPositions);
      const { mscale, mscale_all_dim } = keys;
      const inferred =
        mscale && mscale_all_dim ? yarnFactor(factor, mscale) / yarnFactor(factor, mscale_all_dim) : yarnFactor(factor);
      return {
        kind: 'yarn',
        factor,
        fastTurns: keys.beta_fast ?? 32,
        slowTurns: keys.beta_slow ?? 1,
        wholeBounds: keys.truncate,
        originalPositions,
        attentionFactor: keys.attention_factor ?? inferred,
      };
    }),
  longrope: z
    .looseObject({
      factor: positive.nullish(),
      attention_factor: positive.nullish(),
      short_factor: z.array(positive),
      long_factor: z.array(positive),
      original_max_position_embeddings: positive,
      max_position_embeddings: positive.nullish(),
    })
    .transform((keys): RotaryScaling => {
      const originalPositions = keys.original_max_position_embeddings;
      const factor = extension(keys.factor, keys.max_position_embeddings, originalPositions);
      const inferred = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalPositions));
      return {
        kind: 'longrope',
        divisors: keys.short_factor,
        longDivisors: keys.long_factor,
        originalPositions,
        attentionFactor: keys.attention_factor ?? inferred,
      };
    }),
});
type ScalingName = keyof typeof scalingSchemas;
const isScaling = (name: string): name is ScalingName => Object.hasOwn(scalingSchemas, name);

/**
 * The rotary settings in a config: newer keys (`rope_parameters`) before older ones.
 * @param defaultShare the share of a head that is rotated when the config does not say
 * @throws AutoCircuitError for a scaling that is not supported, or lacks its numbers
 */
export function readRotary(config: RawConfig, dHead: number, source: string, defaultShare = 1): RotarySettings {
  const keys = parseConfig(rotaryKeys, config, source);
  const settings = keys.rope_parameters ?? keys.rope_scaling ?? {};
  const type = settings.rope_type ?? settings.type ?? 'default';
  if (!isScaling(type))
    throw unsupportedName('rope_type', `rotary scaling in ${source}`, type, Object.keys(scalingSchemas));
  const share = settings.partial_rotary_factor ?? keys.partial_rotary_factor ?? keys.rotary_pct ?? defaultShare;
  const dims = Math.trunc(dHead * share);
  if (dims < 2 || dims % 2 !== 0 || dims > dHead) {
    throw new AutoCircuitError({
      code: 'unsupported-model',
      fields: { key: 'partial_rotary_factor', dims, dHead },
      where: 'checkpoint',
      what: `${source} turns ${dims} of ${dHead} head dimensions`,
      expected: 'an even number from 2 to the number of head dimensions',
    });
  }
  const theta = settings.rope_theta ?? keys.rope_theta ?? keys.rotary_emb_base ?? 10_000;
  const original =
    keys.original_max_position_embeddings ??
    settings.original_max_position_embeddings ??
    (type === 'llama3' ? undefined : keys.max_position_embeddings);
  const scaling = parseConfig(
    scalingSchemas[type],
    {
      ...settings,
      max_position_embeddings: keys.max_position_embeddings,
      ...(original === undefined || original === null ? {} : { original_max_position_embeddings: original }),
    },
    `${source}, rotary scaling`,
  );
  if (scaling.kind === 'longrope') {
    checkDivisors(source, 'short_factor', scaling.divisors, dims);
    checkDivisors(source, 'long_factor', scaling.longDivisors, dims);
  }
  return Object.freeze({ theta, dims, scaling });
}

function checkDivisors(source: string, key: string, divisors: readonly number[], dims: number): void {
  if (divisors.length === dims / 2) return;
  throw new AutoCircuitError({
    code: 'invalid-file',
    fields: { path: source, key },
    where: 'checkpoint',
    what: `${source} does not scale every rotary frequency`,
    expected: `${dims / 2} numbers as ${key}`,
    got: `${divisors.length}`,
  });
}

/**
 * The settings that prompts longer than the original context have, and how long that is; null where these are the same for all.
 */
export function longRotary(
  settings: RotarySettings,
): { readonly settings: RotarySettings; readonly beyond: number } | null {
  const { scaling } = settings;
  if (scaling.kind !== 'longrope') return null;
  const long = { ...scaling, divisors: scaling.longDivisors };
  return { settings: { ...settings, scaling: long }, beyond: scaling.originalPositions };
}

/**
 * The longest prompt whose positions are rotated as one pair of tables says: LongRoPE takes other frequencies for all positions of
 * a prompt that exceeds the original context. For traces that have no second pair (`addRotary`, `DecoderForm.rotary`).
 */
export const rotaryPositions = ({ scaling }: RotarySettings, positions: number): number =>
  scaling.kind === 'longrope' ? Math.min(positions, scaling.originalPositions) : positions;

/**
 * cos or sin of position · frequency, `[positions, dims / 2]`, times the attention factor that some scalings have. Both halves of
 * a head are turned by the same numbers.
 */
export function rotaryTable(fn: 'cos' | 'sin', settings: RotarySettings, positions: number): Float32Array {
  const frequencies = rotaryFrequencies(settings);
  const half = frequencies.length;
  const factor = 'attentionFactor' in settings.scaling ? settings.scaling.attentionFactor : 1;
  const table = new Float32Array(positions * half); // [positions, dims / 2]
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) table[position * half + i] = factor * Math[fn](position * frequencies[i]!);
  }
  return table;
}

/** Radians per position, `[dims / 2]`. */
export function rotaryFrequencies(settings: RotarySettings): Float64Array {
  const { theta, dims } = settings;
  return Float64Array.from({ length: dims / 2 }, (_, i) => scaled(theta ** ((-2 * i) / dims), i, settings));
}

function scaled(frequency: number, index: number, { theta, dims, scaling }: RotarySettings): number {
  if (scaling.kind === 'default') return frequency;
  if (scaling.kind === 'linear') return frequency / scaling.factor;
  if (scaling.kind === 'longrope') return frequency / scaling.divisors[index]!;
  const { factor, originalPositions } = scaling;
  if (scaling.kind === 'yarn') {
    /** The index, as a fraction, of the frequency that makes so many turns over the original context. */
    const indexAt = (turns: number): number =>
      (dims * Math.log(originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
    const [first, last] = [indexAt(scaling.fastTurns), indexAt(scaling.slowTurns)];
    const low = Math.max(0, scaling.wholeBounds ? Math.floor(first) : first);
    const high = Math.min(dims - 1, scaling.wholeBounds ? Math.ceil(last) : last);
    const width = high === low ? 0.001 : high - low; // transformers' own guard
    const slowed = Math.min(1, Math.max(0, (index - low) / width));
    return (frequency / factor) * slowed + frequency * (1 - slowed);
  }
  // Llama 3.1: long waves are slowed by the factor, short ones stay, those between are interpolated
  const { lowFrequencyFactor: low, highFrequencyFactor: high } = scaling;
  const turns = (originalPositions * frequency) / (2 * Math.PI); // over the original context
  const share = Math.min(1, Math.max(0, (turns - low) / (high - low)));
  return ((1 - share) * frequency) / factor + share * frequency;
}
