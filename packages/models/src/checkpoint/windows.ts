/** @file Sliding windows from config.json: how many keys the queries of each layer see. */
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { z } from 'zod';
import { count, parseConfig, type RawConfig } from './config.js';
import { unsupportedName } from './errors.js';

/** By layer: the keys that a query sees, its own position among them; null for all before it. */
export type LayerWindows = readonly (number | null)[];

const windowKeys = z.looseObject({
  sliding_window: count.nullish(),
  layer_types: z.array(z.string()).nullish(),
});
const LAYER_TYPES: Readonly<Record<string, boolean>> = { full_attention: false, sliding_attention: true };

/** A family's rule for which layers slide. */
export interface WindowRule {
  readonly layers: number;
  /** Which layers slide, where the config does not list them (`layer_types`). */
  readonly slides: (layer: number) => boolean;
  /** The window where the config has no key for it; a null there means none. */
  readonly defaultWindow?: number;
}

/**
 * The windows of a config. Newer configs list every layer (`layer_types`); in older ones the family's rule says which slide.
 * @throws AutoCircuitError for an unknown kind of layer, a list of another length, or a sliding layer without a window
 */
export function readWindows(
  config: RawConfig,
  source: string,
  { layers, slides, defaultWindow }: WindowRule,
): LayerWindows {
  const { sliding_window, layer_types: types } = parseConfig(windowKeys, config, source);
  const window = sliding_window === undefined ? (defaultWindow ?? null) : sliding_window;
  if (!types) return Array.from({ length: layers }, (_, layer) => (slides(layer) ? window : null));
  if (types.length !== layers) {
    throw new AutoCircuitError({
      code: 'invalid-file',
      fields: { path: source, key: 'layer_types' },
      where: 'checkpoint',
      what: `${source} does not say for every layer whether it slides`,
      expected: `layer_types for ${layers} layers`,
      got: `${types.length}`,
    });
  }
  return types.map((type, layer) => {
    const sliding = Object.hasOwn(LAYER_TYPES, type) ? LAYER_TYPES[type] : undefined;
    if (sliding === undefined)
      throw unsupportedName('layer_types', `layer type in ${source}`, type, Object.keys(LAYER_TYPES));
    if (sliding && window === null) {
      throw new AutoCircuitError({
        code: 'invalid-file',
        fields: { path: source, key: 'sliding_window' },
        where: 'checkpoint',
        what: `layer ${layer} of ${source} slides, but there is no window`,
        expected: 'a number as sliding_window',
      });
    }
    return sliding ? window : null;
  });
}
