/** @file What `--algo` names: an algorithm of the registry, or one of AutoCircuit's configurations (an algorithm with options). */
import type { DiscoverRequest, PruneAlgo } from '@auto-circuit/core';
import { AutoCircuitError, kebabCase } from '@auto-circuit/core/startup';
import type { Preset } from '@auto-circuit/prune-algos';
import type { Cli } from './context.js';
import { parseTableFlags } from './flags/index.js';

export interface NamedAlgo {
  /** As folders are called after it: `eap`, `tree-probing`. */
  readonly name: string;
  readonly algo: PruneAlgo;
  /** null for an algorithm named by itself. */
  readonly preset: Preset | null;
}

/**
 * @param where the command, for errors
 * @throws AutoCircuitError with the nearest names; or for a configuration that aims at the size of a known circuit
 */
export async function namedAlgo(cli: Cli, where: string, name: string): Promise<NamedAlgo> {
  const registry = await cli.registry();
  if (registry.has('prune-algo', name)) return { name, algo: registry.get('prune-algo', name), preset: null };
  const { PRESETS } = await import('@auto-circuit/prune-algos');
  const preset = PRESETS.find((one) => one.name === name || one.title.toLowerCase() === name.toLowerCase());
  if (!preset) return { name, algo: registry.get('prune-algo', name), preset: null }; // which says what there is
  if (preset.sizes?.includes('true') && !givesSizes(cli)) {
    throw new AutoCircuitError({
      where,
      what: `"${preset.title}" aims at the size of a known circuit, and none is known here`,
      fix: 'name the sizes, for example: --algo.sizes 100,1000',
    });
  }
  return { name: preset.name, algo: registry.get('prune-algo', preset.algo), preset };
}

const givesSizes = ({ tableFlags }: Cli): boolean =>
  tableFlags.some(({ prefix, name }) => prefix === 'algo' && name === 'sizes');

/** Its options: those of the command line, else of the configuration, else the defaults. */
export async function algoOptions(
  cli: Cli,
  { algo, preset }: NamedAlgo,
  edgeCount: number,
): Promise<DiscoverRequest['algoOptions']> {
  if (preset === null) return parseTableFlags(cli.tableFlags, 'algo', algo.options, algo.name);
  const { presetOptions } = await import('@auto-circuit/prune-algos');
  const options = givesSizes(cli) ? preset.options : presetOptions(preset, { edgeCount });
  const given = new Set(cli.tableFlags.filter(({ prefix }) => prefix === 'algo').map(({ name }) => kebabCase(name)));
  const own = Object.entries(options).filter(([name]) => !given.has(kebabCase(name)));
  const flags = own.map(([name, value]) => ({ prefix: 'algo', name, value: String(value) }));
  return parseTableFlags([...cli.tableFlags, ...flags], 'algo', algo.options, algo.name);
}
