/** @file Rotary scalings against the frequencies that Hugging Face transformers 5.23 computes for the same settings. */
import { describe, expect, it } from 'vitest';
import { errorWith } from '../testing/error-matcher.js';
import type { RawConfig } from './config.js';
import {
  longRotary,
  type RotarySettings,
  readRotary,
  rotaryFrequencies,
  rotaryPositions,
  rotaryTable,
} from './rotary.js';

const read = (config: Omit<RawConfig, 'model_type'>, dHead = 64): RotarySettings =>
  readRotary({ model_type: 'x', ...config }, dHead, 'config');
const some = (settings: RotarySettings, indices: readonly number[]): number[] => {
  const all = rotaryFrequencies(settings);
  return indices.map((i) => all[i]!);
};
/** transformers computes in float32: a frequency is some roundings of 2⁻²⁴ off. */
const near = (ours: readonly number[], theirs: readonly number[]): void => {
  ours.forEach((x, i) => {
    expect(Math.abs(x / theirs[i]! - 1)).toBeLessThan(2e-6);
  });
};

describe('YaRN', () => {
  const scaling = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 2048 };
  it('keeps fast frequencies, slows slow ones, and has a factor for cos and sin', () => {
    const settings = read({ rope_theta: 10_000, max_position_embeddings: 8192, rope_scaling: scaling });
    near(some(settings, [0, 12, 20, 31]), [1, 0.024325214326381683, 0.0009730085730552673, 3.333803761051968e-5]);
    // 0.1 · ln 4 + 1
    expect(rotaryTable('cos', settings, 1)[0]).toBeCloseTo(1.138629436111989, 6);
    expect(rotaryTable('sin', settings, 2)[32]).toBeCloseTo(1.138629436111989 * Math.sin(1), 6);
  });
  it('reads bounds that are not whole, other bounds, and the factors of DeepSeek', () => {
    const more = { truncate: false, mscale: 1, mscale_all_dim: 0.8, beta_fast: 16, beta_slow: 2 };
    const settings = read({ max_position_embeddings: 8192, rope_parameters: { ...scaling, ...more } });
    near(some(settings, [0, 12, 20, 31]), [1, 0.02660749852657318, 0.0007905694656074047, 3.333803761051968e-5]);
    expect(rotaryTable('cos', settings, 1)[0]).toBeCloseTo(1.0249579607969668, 6);
  });
  it('takes what the config leaves out from the lengths', () => {
    const { original_max_position_embeddings: _, ...bare } = scaling;
    expect(read({ max_position_embeddings: 2048, rope_scaling: bare })).toEqual(
      read({ max_position_embeddings: 8192, rope_scaling: scaling }),
    );
    const { factor: __, ...byLength } = scaling;
    expect(read({ max_position_embeddings: 8192, rope_scaling: byLength })).toEqual(
      read({ max_position_embeddings: 8192, rope_scaling: scaling }),
    );
  });
});

describe('LongRoPE', () => {
  const scaling = { type: 'longrope', short_factor: [1, 1.1, 1.2, 1.3], long_factor: [2, 2, 2, 2] };
  const config = { max_position_embeddings: 131_072, original_max_position_embeddings: 4096, rope_scaling: scaling };
  it('divides each frequency by its factor, within the original context', () => {
    const settings = read(config, 8);
    near(some(settings, [0, 1, 2, 3]), [1, 0.09090909361839294, 0.00833333283662796, 0.0007692307699471712]);
    // √(1 + ln 32 / ln 4096)
    expect(rotaryTable('cos', settings, 1)[0]).toBeCloseTo(1.1902380714238083, 6);
    expect(rotaryPositions(settings, 131_072)).toBe(4096);
    expect(rotaryPositions(settings, 100)).toBe(100);
  });
  it('divides them by other factors in longer prompts', () => {
    const long = longRotary(read(config, 8))!;
    expect(long.beyond).toBe(4096);
    near(some(long.settings, [0, 1, 2, 3]), [0.5, 0.05, 0.005, 0.0005]);
    expect(longRotary(read({}, 8))).toBeNull();
  });
  it('with another number of factors than frequencies is refused', () => {
    expect(() => read(config, 16)).toThrow(errorWith('invalid-file', { path: 'config', key: 'short_factor' }));
    expect(() => read({ ...config, rope_scaling: { ...scaling, long_factor: [1] } }, 8)).toThrow(
      errorWith('invalid-file', { key: 'long_factor' }),
    );
    expect(() => read({ ...config, rope_scaling: { type: 'longrope' } }, 8)).toThrow(/short_factor is wrong/);
  });
});

it('dynamic scaling changes nothing as far as prompts may go', () => {
  const settings = read({ max_position_embeddings: 8, rope_scaling: { type: 'dynamic', factor: 2 } });
  expect(settings.scaling).toEqual({ kind: 'default' });
  expect(rotaryPositions(settings, 8)).toBe(8);
});
