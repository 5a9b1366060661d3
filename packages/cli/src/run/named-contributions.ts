/** @file What flags and files name with or without options, `name(option=value,…)`: objectives, metrics and their like. */
import type { ChosenAblation, ChosenObjective, KnownEdges, Selecting } from '@auto-circuit/core/plugin';
import type { ChosenMetric } from '@auto-circuit/core/run';
import { ABLATIONS, type AblationName, SELECTIONS, type SelectionName } from '@auto-circuit/core/startup';
import type { Cli } from '../context/context.js';
import { type CircuitPlace, knownCircuit } from '../open/known-circuit.js';

/**
 * The objective that a text names, with its options.
 * @param where the command, for errors
 * @throws AutoCircuitError with the nearest names, or for options that it does not have
 */
export async function objectiveNamed(cli: Cli, where: string, text: string): Promise<ChosenObjective> {
  const { chooseObjective, optionsOf, readNamedOptions } = await import('@auto-circuit/core/plugin');
  const named = readNamedOptions(where, 'an objective', text);
  const definition = (await cli.registry()).get('objective', named.name);
  return chooseObjective(definition, optionsOf(definition.options, named));
}

/** What is patched in, with its options: built-in ones by their name. @throws AutoCircuitError as `objectiveNamed` */
export async function ablationNamed(cli: Cli, where: string, text: string): Promise<AblationName | ChosenAblation> {
  if (Object.hasOwn(ABLATIONS, text)) return text as AblationName;
  const { chooseAblation, optionsOf, readNamedOptions } = await import('@auto-circuit/core/plugin');
  const named = readNamedOptions(where, 'an ablation', text);
  const definition = (await cli.registry()).get('ablation', named.name);
  return chooseAblation(definition, optionsOf(definition.options, named));
}

/**
 * The way to choose circuits that a text names, with its options: built-in ones by their name.
 * @throws AutoCircuitError as `objectiveNamed`
 */
export async function selectionNamed(cli: Cli, where: string, text: string): Promise<Selecting> {
  if (Object.hasOwn(SELECTIONS, text)) return text as SelectionName;
  const { chooseSelection, optionsOf, readNamedOptions } = await import('@auto-circuit/core/plugin');
  const named = readNamedOptions(where, 'a selection', text);
  const definition = (await cli.registry()).get('selection', named.name);
  await definition.prepare?.();
  return chooseSelection(definition, optionsOf(definition.options, named));
}

/**
 * The task's known circuit, where a metric compares with one: its first that is of this graph.
 * @throws AutoCircuitError where the task's circuit is not of this graph
 */
export async function knownFor(place: CircuitPlace, metrics: readonly ChosenMetric[]): Promise<KnownEdges | null> {
  if (!metrics.some(({ metric }) => metric.kind === 'score-metric')) return null;
  const { edgesByName } = await import('@auto-circuit/core');
  const { makeCircuit } = await import('@auto-circuit/core/plugin');
  const known = knownCircuit(place);
  if (!known) return null;
  const edges = known.edges.flatMap((name) => edgesByName(place.graph, name));
  return { name: known.name, circuit: makeCircuit(place.graph, edges) };
}

/** Metrics that a text names, each once, with commas between them. @throws AutoCircuitError as `objectiveNamed` */
export async function metricsNamed(cli: Cli, where: string, text: string): Promise<ChosenMetric[]> {
  const { optionsOf, optionsText, readNamedOptions, splitNames } = await import('@auto-circuit/core/plugin');
  const registry = await cli.registry();
  const metrics = new Map<string, ChosenMetric>();
  for (const part of splitNames(text)) {
    const named = readNamedOptions(where, 'a metric', part);
    const metric = registry.has('score-metric', named.name)
      ? registry.get('score-metric', named.name)
      : registry.get('metric', named.name);
    const options = optionsOf(metric.options, named);
    metrics.set(optionsText(metric.name, metric.options, options), { metric, options });
  }
  return [...metrics.values()];
}
