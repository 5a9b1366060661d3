/** @file Rotary position tables (RoFormer, Su et al. 2021), computed in float64. */

export interface RotarySettings {
  readonly positions: number;
  readonly dHead: number;
  /** The base of the geometric series of frequencies. */
  readonly theta: number;
  /** Changes each inverse frequency (context extension); default as it is. */
  readonly scale?: (inverseFrequency: number) => number;
}

/** cos and sin [positions, dHead], where dimensions i and i + dHead/2 turn together by position · theta^(−2i/dHead). */
export function rotaryTables({ positions, dHead, theta, scale = (f) => f }: RotarySettings): { cos: Float32Array; sin: Float32Array } {
  const half = dHead / 2;
  const cos = new Float32Array(positions * dHead);
  const sin = new Float32Array(positions * dHead);
  for (let i = 0; i < half; i++) {
    const frequency = scale(theta ** ((-2 * i) / dHead));
    for (let p = 0; p < positions; p++) {
      for (const column of [i, i + half]) {
        cos[p * dHead + column] = Math.cos(p * frequency);
        sin[p * dHead + column] = Math.sin(p * frequency);
      }
    }
  }
  return { cos, sin };
}
