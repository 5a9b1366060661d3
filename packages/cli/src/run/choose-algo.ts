/**
 * @file What `--algo` and `--algos` name: an algorithm of the registry, or one of AutoCircuit's configurations (an algorithm with
 * options); in `--algos` a name may be followed by options in parentheses.
 */
import type { PruneAlgo } from '@auto-circuit/core';
import type { DiscoverRequest } from '@auto-circuit/core/run';
import { AutoCircuitError, kebabCase, optionName, unknownName } from '@auto-circuit/core/startup';
import type { Preset } from '@auto-circuit/prune-algos';
import type { Cli } from '../context/context.js';
import { parseTableFlags, type TableFlag } from '../flags/table-flags.js';
import { type CircuitPlace, edgesNamed, knownCircuit } from '../open/known-circuit.js';
import { shortened } from './run-folder.js';

/** An algorithm under the name that was asked for. */
export interface NamedAlgo {
  /** As folders are named after it: `eap`, `tree-probing`, `eap-ig-inputs-steps-10`. */
  readonly name: string;
  readonly algo: PruneAlgo;
  /** null for an algorithm named by itself. */
  readonly preset: Preset | null;
  /** Options of its own, which go before those of `--algo.OPTION`. */
  readonly own?: readonly TableFlag[];
}

/**
 * @param where the command, for errors
 * @throws AutoCircuitError with the nearest names
 */
export async function namedAlgo(cli: Cli, where: string, text: string): Promise<NamedAlgo> {
  const { readNamedOptions } = await import('@auto-circuit/core/plugin');
  const { name, options } = readNamedOptions(where, 'an algorithm', text, 'algo');
  const own = options.map(([option, value]) => ({ prefix: 'algo', name: option, value }));
  const suffix = shortened(own.map((flag) => `-${kebabCase(flag.name)}-${flag.value}`).join(''));
  const registry = await cli.registry();
  const algo = (registered: string) => registry.get('prune-algo', registered);
  if (registry.has('prune-algo', name)) return { name: name + suffix, algo: algo(name), preset: null, own };
  const { PRESETS } = await import('@auto-circuit/prune-algos');
  const preset = PRESETS.find((one) => one.name === name || one.title.toLowerCase() === name.toLowerCase());
  if (!preset) {
    const known = [...registry.names('prune-algo'), ...PRESETS.map((one) => one.name)];
    throw unknownName(where, 'pruning algorithm', name, known);
  }
  return { name: preset.name + suffix, algo: algo(preset.algo), preset, own };
}

/**
 * `--algos`: names with commas between them, each with or without options after it: `eap,eap-ig-inputs(steps=10),acdc`.
 * Each once: by their names, since each has a folder of that name.
 */
export async function namedAlgos(cli: Cli, where: string, text: string): Promise<readonly NamedAlgo[]> {
  const algos = new Map<string, NamedAlgo>();
  const { splitNames } = await import('@auto-circuit/core/plugin');
  for (const part of splitNames(text)) {
    const named = await namedAlgo(cli, where, part);
    algos.set(named.name, named);
  }
  checkShared(cli, where, [...algos.values()]);
  return [...algos.values()];
}

/** Where several algorithms share the command line's options, each takes those that it has. */
function checkShared({ tableFlags }: Cli, where: string, algos: readonly NamedAlgo[]): void {
  const stray = algoFlags(tableFlags).find(({ name }) => !algos.some(({ algo }) => optionName(algo.options, name)));
  if (!stray) return;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: `--algo.${stray.name}`, got: stray.value },
    where,
    what: `none of the algorithms has an option "${stray.name}"`,
    fix: 'see "list algos"',
  });
}

const algoFlags = (flags: readonly TableFlag[]): readonly TableFlag[] =>
  flags.filter(({ prefix }) => prefix === 'algo');

/**
 * An algorithm's options: those after its name, else those of the command line, of the configuration, the defaults.
 * @param place where edges and sizes of a known circuit are looked up; without it (before there is a model) they are left open
 * @param shared whether the command line's options are for several algorithms, so that some may be of others only
 */
export async function algoOptions(
  cli: Cli,
  { algo, preset, own = [] }: NamedAlgo,
  place: CircuitPlace | null,
  shared = false,
): Promise<DiscoverRequest['algoOptions']> {
  const has = (flags: readonly TableFlag[], name: string): boolean =>
    flags.some((flag) => kebabCase(flag.name) === kebabCase(name));
  const given = [
    ...own,
    ...algoFlags(cli.tableFlags).filter(
      ({ name }) => !has(own, name) && (!shared || optionName(algo.options, name) !== null),
    ),
  ];
  const ofPreset = Object.entries(await presetValues(preset, place, (name) => has(given, name)));
  const rest = ofPreset.filter(([name]) => !has(given, name));
  const flags = [...given, ...rest.map(([name, value]) => ({ prefix: 'algo', name, value: String(value) }))];
  const values = parseTableFlags(flags, 'algo', algo.options, algo.name);
  if (!place || typeof values.edges !== 'string') return values;
  const top = typeof values.top === 'number' && values.top > 0 ? values.top : undefined;
  return Object.freeze({ ...values, edges: await edgesNamed(cli.cwd, place, values.edges, top) });
}

async function presetValues(
  preset: Preset | null,
  place: CircuitPlace | null,
  given: (name: string) => boolean,
): Promise<Readonly<Record<string, string | number | boolean>>> {
  if (!preset) return {};
  const open = (preset.sizes && given('sizes')) || (preset.isKnownCircuit && given('edges'));
  if (open || !place) return preset.options;
  const { presetOptions } = await import('@auto-circuit/prune-algos');
  const known = preset.isKnownCircuit || preset.sizes?.includes('true') ? knownCircuit(place) : null;
  const { edgesByName } = await import('@auto-circuit/core');
  const size = new Set(known?.edges.flatMap((name) => edgesByName(place.graph, name))).size;
  return presetOptions(preset, {
    edgeCount: place.graph.edgeCount,
    ...(known ? { trueEdges: known.edges, trueSize: size } : {}),
  });
}
