/** @file Prune scores on disk: one tensor for each destination module, with the names of nodes as metadata. */

import { AutoCircuitError } from '../errors/error.js';
import { openSafetensors } from '../files/safetensors.js';
import { safetensorsSource, writeSafetensors } from '../files/safetensors-write.js';
import { scoreShape } from '../graph/build.js';
import { checkScores } from '../graph/score-index.js';
import type { Graph, PruneScores } from '../graph/types.js';
import { floatTensor } from '../tensor/tensor.js';

/** Metadata of a file of standard errors: how many of them hold the score in 95 of 100 cases. */
export const INTERVAL_FACTOR = 'interval_factor';

/** Scores in the precision of the file, so that what is read back is what was there. */
export function toFileScores(graph: Graph, scores: PruneScores): PruneScores {
  checkScores(graph, scores);
  return Object.freeze(
    Object.fromEntries(
      graph.destinationBlocks.map((block) => {
        const { data } = scores[block.module]!;
        const narrow = data instanceof Float32Array ? data : Float32Array.from(data);
        return [block.module, floatTensor(narrow, scoreShape(graph, block))];
      }),
    ),
  );
}

/**
 * Writes scores as float32, `[position?, head?, sources]` under AutoCircuit's module names. The metadata `nodes` lists the
 * source nodes in the order of the last axis (each module holds the first so many, from its own first one), and `modules`
 * says which sources and which destination nodes each tensor has.
 * @throws AutoCircuitError for scores of another graph or NaN, and for what the file system refuses
 */
export async function writeScores(
  path: string,
  graph: Graph,
  scores: PruneScores,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const inFile = toFileScores(graph, scores);
  const tensors = graph.destinationBlocks.map(({ module }) => {
    const { shape, data } = inFile[module]!;
    return safetensorsSource(module, shape, data as Float32Array);
  });
  await writeSafetensors(path, tensors, { ...moduleMetadata(graph), ...metadata });
}

/** What a file of scores says of its graph: `nodes` and `modules`, as JSON. */
export function moduleMetadata(graph: Graph): Record<'nodes' | 'modules', string> {
  const modules = Object.fromEntries(
    graph.destinationBlocks.map((block, index) => [
      block.module,
      {
        sources: [block.sources.start, block.sources.stop],
        destinations: graph.destinations
          .filter((node) => node.block === index)
          .toSorted((a, b) => (a.head ?? 0) - (b.head ?? 0))
          .map((node) => node.name),
      },
    ]),
  );
  return { nodes: JSON.stringify(graph.sources.map((node) => node.name)), modules: JSON.stringify(modules) };
}

/** `interval_factor` of a file of standard errors; undefined where it has none. @throws AutoCircuitError `invalid-file` where it is no number from 1 */
export function readIntervalFactor(path: string): number | undefined {
  const text = openSafetensors(path).metadata[INTERVAL_FACTOR];
  if (text === undefined) return undefined;
  const factor = Number(text);
  if (factor >= 1 && Number.isFinite(factor)) return factor;
  throw new AutoCircuitError({
    code: 'invalid-file',
    fields: { path, key: INTERVAL_FACTOR },
    where: 'run',
    what: `${path}: "${INTERVAL_FACTOR}" is not usable`,
    expected: 'a number from 1',
    got: JSON.stringify(text.slice(0, 40)),
  });
}

/** The scores that `writeScores` wrote. @throws AutoCircuitError when the file is broken or belongs to another graph */
export function readScores(path: string, graph: Graph): PruneScores {
  const file = openSafetensors(path);
  const scores: Record<string, PruneScores[string]> = {};
  for (const [module, { shape }] of file.tensors) {
    const data = file.read(module);
    if (!(data instanceof Float32Array || data instanceof Float64Array)) {
      throw new AutoCircuitError({
        code: 'invalid-file',
        fields: { path, key: module },
        where: 'run',
        what: `${path}: the scores of "${module}" are not floats`,
      });
    }
    scores[module] = floatTensor(data, shape);
  }
  checkScores(graph, scores);
  return Object.freeze(scores);
}
