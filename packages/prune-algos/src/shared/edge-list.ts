/** @file Options that are lists of edges, by name with commas between them: `A0.0->MLP 1, MLP 1->Resid End`. */
import { edgeNamesIn, edgesByName, type Graph } from '@auto-circuit/core/plugin';

/**
 * Canonical numbers of the edges that are named; a name without a position is the edge at every position. Blank entries
 * name nothing.
 * @throws AutoCircuitError `unknown-edge` for a name that no edge has
 */
export const edgeList = (graph: Graph, text: string): number[] =>
  edgeNamesIn(text).flatMap((name) => edgesByName(graph, name));
