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
    };

const positive = z.number().positive();
const block = z.looseObject({
  rope_theta: positive.nullish(),
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  partial_rotary_factor: positive.nullish(),
});
const rotaryKeys = z.looseObject({
  rope_theta: positive.nullish(),
  rotary_emb_base: positive.nullish(),
  partial_rotary_factor: positive.nullish(),
  rotary_pct: positive.nullish(),
  /** Newer configs. */
  rope_parameters: block.nullish(),
  /** Older configs: scaling only. */
  rope_scaling: block.nullish(),
});
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
      expected: 'an even number of at least 2, at most all',
    });
  }
  const theta = settings.rope_theta ?? keys.rope_theta ?? keys.rotary_emb_base ?? 10_000;
  return Object.freeze({
    theta,
    dims,
    scaling: parseConfig(scalingSchemas[type], settings, `${source}, rotary scaling`),
  });
}

/**
 * cos or sin of position · frequency, `[positions, dims]`; the frequencies come twice, for both halves of a head.
 */
export function rotaryTable(fn: 'cos' | 'sin', settings: RotarySettings, positions: number): Float32Array {
  const frequencies = rotaryFrequencies(settings);
  const half = frequencies.length;
  const table = new Float32Array(positions * 2 * half); // [positions, dims]
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const value = Math[fn](position * frequencies[i]!);
      table[position * 2 * half + i] = value;
      table[position * 2 * half + half + i] = value;
    }
  }
  return table;
}

/** Radians per position, `[dims / 2]`. */
export function rotaryFrequencies({ theta, dims, scaling }: RotarySettings): Float64Array {
  return Float64Array.from({ length: dims / 2 }, (_, i) => scaled(theta ** ((-2 * i) / dims), scaling));
}

function scaled(frequency: number, scaling: RotaryScaling): number {
  if (scaling.kind === 'default') return frequency;
  if (scaling.kind === 'linear') return frequency / scaling.factor;
  // Llama 3.1: long waves are slowed by the factor, short ones stay, those between are interpolated
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions } = scaling;
  const turns = (originalPositions * frequency) / (2 * Math.PI); // over the original context
  const share = Math.min(1, Math.max(0, (turns - low) / (high - low)));
  return ((1 - share) * frequency) / factor + share * frequency;
}
