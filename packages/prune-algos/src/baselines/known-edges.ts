/** @file Known edges: 1 on a circuit that is known already, 0 on all other edges. */
import { AutoCircuitError, definePruneAlgo, edgesByName, unflattenScores } from '@auto-circuit/core/plugin';

/**
 * AutoCircuit's `Official Circuit`: a circuit from a paper or a file as scores, so that it is measured like those that
 * algorithms find. Nothing is computed; the edges come from whoever asks (the command line reads the task's), since no
 * algorithm sees the known circuit.
 */
export const knownEdges = definePruneAlgo({
  name: 'known-edges',
  doc: 'no search: 1 on the edges that are named, 0 on all others',
  signed: false,
  gradients: false,
  options: {
    edges: { type: 'string', doc: 'names of edges, with commas between them', default: '' },
  },
  async score({ graph, progress, signal }, { edges }) {
    signal?.throwIfAborted();
    const names = edges.split(',').map((name) => name.trim());
    const known = names.filter((name) => name !== '').flatMap((name) => edgesByName(graph, name));
    if (known.length === 0) {
      throw new AutoCircuitError({
        code: 'missing-option',
        fields: { option: 'edges' },
        where: 'known-edges',
        what: 'no edges are named',
        expected: 'names of edges with commas between them',
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
