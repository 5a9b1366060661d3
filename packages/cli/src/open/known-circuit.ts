/** @file The known circuit of a task: for algorithms that are told one, and to measure scores against. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Graph, PruneScores, Task } from '@auto-circuit/core';
import { AutoCircuitError, unknownName } from '@auto-circuit/core/startup';
import type { Cli } from '../context/context.js';
import { errorText } from '../terminal/advice.js';

/** What a known circuit is looked up in. */
export interface CircuitPlace {
  readonly graph: Graph;
  readonly task: Task | null;
  readonly wordIdxs: Readonly<Record<string, number>>;
}
/** A circuit from a paper, or of a construction. */
export interface KnownCircuit {
  readonly name: string;
  /** Names of its edges. */
  readonly edges: readonly string[];
}

/** Names of the task's known circuits; the first is meant when none is named. */
export const knownCircuitNames = ({ task }: Pick<CircuitPlace, 'task'>): readonly string[] =>
  Object.keys(task?.officialCircuits ?? {});

/**
 * The task's known circuit of this name, or its first; null when the task has none.
 * @throws AutoCircuitError for an unknown name, or when the circuit does not belong to this graph
 */
export function knownCircuit(place: CircuitPlace, named?: string): KnownCircuit | null {
  const names = knownCircuitNames(place);
  const name = named ?? names[0];
  if (name === undefined) return null;
  const circuit = names.includes(name) ? place.task?.officialCircuits?.[name] : undefined;
  if (!circuit) throw unknownName('circuits', 'known circuit', name, names);
  return { name, edges: circuit.edges(place.graph, place.wordIdxs) };
}

/**
 * The area under the ROC curve of scores against the task's known circuit; null, with a warning where there is one of another graph,
 * when there is nothing to measure against.
 */
export async function rocAreas(
  cli: Cli,
  place: CircuitPlace,
  named?: string,
): Promise<{ readonly name: string; readonly edges: number; areaOf(scores: PruneScores): number } | null> {
  const { edgesByName } = await import('@auto-circuit/core');
  const { rocArea, rocCurve } = await import('@auto-circuit/metrics');
  let known: KnownCircuit | null;
  try {
    known = knownCircuit(place, named);
  } catch (error) {
    if (named !== undefined || !(error instanceof AutoCircuitError)) throw error;
    cli.output.warn(`no ROC against the known circuit: ${errorText(error, cli.output.flags)}`);
    return null;
  }
  if (!known) return null;
  const numbers = new Set(known.edges.flatMap((name) => edgesByName(place.graph, name)));
  const areaOf = (scores: PruneScores): number => rocArea(rocCurve(place.graph, scores, numbers));
  return { name: known.name, edges: numbers.size, areaOf };
}

/**
 * What an option `edges` of an algorithm may say: a run folder, a circuit file, `official` or a known circuit of the task by name,
 * else names of edges as they are.
 * @param top so many edges, the most important first: of a run folder all its edges by their scores, of a circuit file its own.
 * Without it a run folder stands for the circuit that it kept
 */
export async function edgesNamed(cwd: string, place: CircuitPlace, text: string, top?: number): Promise<string> {
  const folder = resolve(cwd, text);
  if (text !== '' && existsSync(join(folder, 'circuit.json'))) {
    if (existsSync(join(folder, 'run.json'))) await (await import('@auto-circuit/core/run')).readRun(folder); // damaged?
    if (top === undefined) return edgesNamed(cwd, place, join(text, 'circuit.json'));
    return strongestOf(place.graph, folder, text, top);
  }
  if (text.endsWith('.json')) {
    const { fileError, parseCircuitJson, readWholeText } = await import('@auto-circuit/core/run');
    const { edgeAt } = await import('@auto-circuit/core');
    const path = resolve(cwd, text);
    const content = await readWholeText(path).catch((cause: unknown) => {
      throw fileError('circuit', 'read', text, cause);
    });
    const { circuit, scores } = parseCircuitJson(content, text, place.graph);
    const size = (edge: number): number => Math.abs(scores.get(edge) ?? 0);
    const order = circuit.edges.toSorted((a, b) => size(b) - size(a) || a - b);
    const edges = top === undefined ? circuit.edges : order.slice(0, top);
    return edges.map((edge) => edgeAt(place.graph, edge).name).join(',');
  }
  if (text !== 'official' && !knownCircuitNames(place).includes(text)) return text;
  const known = knownCircuit(place, text === 'official' ? undefined : text);
  if (known) return known.edges.join(',');
  throw new AutoCircuitError({
    code: 'no-known-circuit',
    fields: { task: place.task?.name ?? null },
    where: 'circuits',
    what: 'there is no known circuit to take edges from',
    fix: 'use a task that has an official circuit, or name edges or a circuit file',
  });
}

/** Names of the strongest edges by the scores of a folder. */
async function strongestOf(graph: Graph, folder: string, name: string, top: number): Promise<string> {
  const { checkSameGraph, readScoresFolder } = await import('@auto-circuit/core/run');
  const { edgeAt, flattenScores } = await import('@auto-circuit/core');
  const found = await readScoresFolder(folder);
  if (!found?.scores) {
    throw new AutoCircuitError({
      code: 'run-unfinished',
      fields: { path: name },
      where: 'circuits',
      what: `${name} has no scores to take the strongest edges from`,
    });
  }
  checkSameGraph(found.graph, graph, join(name, 'circuit.json'));
  const flat = flattenScores(graph, found.scores);
  const order = Array.from(flat.keys()).sort((a, b) => Math.abs(flat[b]!) - Math.abs(flat[a]!) || a - b);
  return order
    .slice(0, top)
    .map((number) => edgeAt(graph, number).name)
    .join(',');
}
