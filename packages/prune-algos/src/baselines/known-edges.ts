/** @file A known circuit as scores: 1 on its edges, 0 on all others. */
import { AutoCircuitError, definePruneAlgo, unflattenScores } from '@auto-circuit/core/plugin';
import { edgeList } from '../shared/edge-list.js';

/**
 * AutoCircuit's `Official Circuit`: a circuit from a paper or a file as scores, 1 for its edges and 0 for the others. Nothing
 * is computed; the caller names the edges, since no algorithm sees the known circuit of a task.
 *
 * Use it to measure a known circuit in the same way as those that algorithms find.
 */
export const knownEdges = definePruneAlgo({
  name: 'known-edges',
  doc: 'no search: 1 for the edges that are named, 0 for all others',
  formula: 'score(u→v) = 1 for the named edges, 0 for all others',
  use: 'To measure a known circuit exactly as you measure the circuits that algorithms find.',
  signed: false,
  gradients: false,
  options: {
    edges: { type: 'string', doc: 'names of edges, separated by commas', default: '' },
  },
  async score({ graph, progress, signal }, { edges }) {
    signal?.throwIfAborted();
    const known = edgeList(graph, edges);
    if (known.length === 0) {
      throw new AutoCircuitError({
        code: 'missing-option',
        fields: { option: 'edges' },
        where: 'known-edges',
        what: 'no edges are named',
        expected: 'names of edges, separated by commas',
        got: `"${edges}"`,
        fix: 'name them, or use the preset official-circuit on a task that has such a circuit',
      });
    }
    const scores = new Float32Array(graph.edgeCount); // canonical
    for (const edge of known) scores[edge] = 1;
    progress.report(1, 1, 'circuits');
    return { scores: unflattenScores(graph, scores) };
  },
});
