/** @file Files of EAP-IG and MIB: a graph as JSON, or as `Graph.to_pt` saves it; both give the value that `fromEapIg` takes. */
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { readText } from './read-text.js';
import { isTorchTensor, readTorchFile, type TorchTensor } from './torch-file.js';

/** What Node reads at once: six times the scores of a model of 80 layers of 64 heads. */
const MOST_BYTES = 2 ** 31 - 1;

/**
 * The value of a file of EAP-IG or MIB, in either form; null for a file that is not of theirs.
 * @param path the file; `shown` as the user typed it
 */
export async function readGraphFile(where: string, path: string, shown: string): Promise<unknown> {
  if (extname(path) === '.pt') return readGraphPt(where, path, shown);
  const { parseEapIgText } = await import('@auto-circuit/core/run');
  const text = await readText(path, shown);
  return /"cfg"\s*:/.test(text) ? parseEapIgText(text, { where, path: shown }) : null;
}

async function readGraphPt(where: string, path: string, shown: string): Promise<unknown> {
  const { fileError, readWhole } = await import('@auto-circuit/core/run');
  const bytes = await stat(path)
    .then(({ size }) => {
      if (size > MOST_BYTES) throw tooLarge(where, shown, size);
      return readWhole(path);
    })
    .catch((cause: unknown) => {
      throw cause instanceof AutoCircuitError ? cause : fileError(where, 'read', shown, cause);
    });
  return eapIgValue(await readTorchFile(bytes, shown, where), shown, where);
}

/** Names and matrices of `Graph.to_pt` as EAP-IG's JSON has them: an entry for each edge and each node. */
export function eapIgValue(saved: unknown, path: string, where: string): unknown {
  const wrong = (key: string, expected: string): AutoCircuitError =>
    new AutoCircuitError({
      code: 'invalid-file',
      fields: { path, key },
      ...{ where, what: `${path} is not a graph that EAP-IG saved: "${key}"`, expected },
      fix: 'save it with Graph.to_pt or Graph.to_json',
    });
  if (!(saved instanceof Map)) throw wrong('cfg', 'a dictionary with "cfg", "src_nodes", "dst_nodes" and matrices');
  const names = (key: string): string[] => {
    const list: unknown = saved.get(key);
    if (!Array.isArray(list) || !list.every((name) => typeof name === 'string')) throw wrong(key, 'a list of names');
    return list as string[];
  };
  /** A tensor of this shape; undefined where there may be none, and is none. */
  const tensor = (key: string, shape: readonly (number | null)[], optional = false): TorchTensor | undefined => {
    const value: unknown = saved.get(key);
    if (optional && (value === undefined || value === null)) return undefined;
    const fits = isTorchTensor(value) && value.shape.length === shape.length;
    if (fits && shape.every((n, axis) => n === null || n === value.shape[axis])) return value;
    throw wrong(key, `a tensor [${shape.map((n) => n ?? 'd_model').join(', ')}]`);
  };
  const cfg: unknown = saved.get('cfg');
  if (!(cfg instanceof Map)) throw wrong('cfg', 'a dictionary');
  const [sources, destinations] = [names('src_nodes'), names('dst_nodes')];
  const matrix = [sources.length, destinations.length] as const;
  const scores = tensor('edges_scores', matrix)!;
  const inGraph = tensor('edges_in_graph', matrix)!;
  const nodesIn = tensor('nodes_in_graph', [sources.length])!;
  const nodeScores = tensor('nodes_scores', [sources.length], true);
  const neurons = tensor('neurons_in_graph', [sources.length, null], true);
  const neuronScores = tensor('neurons_scores', [sources.length, null], true);

  const parallel = cfg.get('parallel_attn_mlp') === true;
  const edges: Record<string, unknown> = {};
  sources.forEach((source, row) => {
    destinations.forEach((destination, column) => {
      const at = row * destinations.length + column;
      const marked = inGraph.data[at] !== 0;
      if (isBefore(source, destination, parallel)) {
        edges[`${source}->${destination}`] = { score: scores.data[at]!, in_graph: marked };
      } else if (marked) {
        // Scores of such pairs mean nothing, and to_json leaves them out; a mark would be part of the circuit.
        throw wrong('edges_in_graph', `marks on edges only, and there is none from ${source} to ${destination}`);
      }
    });
  });
  const nodes: Record<string, unknown> = { logits: { in_graph: true } };
  sources.forEach((source, row) => {
    const rowOf = (matrix: TorchTensor): number[] => {
      const width = matrix.shape[1]!;
      return Array.from(matrix.data.subarray(row * width, (row + 1) * width));
    };
    nodes[source] = {
      in_graph: nodesIn.data[row] !== 0,
      ...(nodeScores ? { score: finite(nodeScores.data[row]!) } : {}),
      ...(neurons ? { neurons: rowOf(neurons) } : {}),
      ...(neuronScores ? { neurons_scores: rowOf(neuronScores).map(finite) } : {}),
    };
  });
  return { cfg: Object.fromEntries(cfg), nodes, edges };
}

/** A node without a score has NaN there, and null in JSON. */
const finite = (score: number): number | null => (Number.isNaN(score) ? null : score);

/** Whether the residual stream carries what a node writes to where another reads: by layer, attention before the MLP of its layer. */
function isBefore(source: string, destination: string, parallel: boolean): boolean {
  if (source === 'input' || destination === 'logits') return true;
  const place = (name: string): number => {
    const [, kind, layer] = /^([am])(\d+)/.exec(name) ?? [];
    return 2 * Number(layer) + (kind === 'm' && !parallel ? 1 : 0);
  };
  return place(source) < place(destination);
}

const tooLarge = (where: string, path: string, bytes: number): AutoCircuitError =>
  new AutoCircuitError({
    code: 'memory-limit',
    fields: { path, bytes, limit: MOST_BYTES },
    ...{ where, what: `${path} is too large for a graph`, expected: `at most ${MOST_BYTES} bytes`, got: `${bytes}` },
  });
