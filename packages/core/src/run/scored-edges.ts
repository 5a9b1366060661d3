/** @file Scores as circuits are chosen by them and metrics see them. */
import type { PruneScores } from '../graph/types.js';

/** Scores, and what is known of their errors. */
export interface ScoredEdges {
  readonly scores: PruneScores;
  readonly standardErrors?: PruneScores | undefined;
}
