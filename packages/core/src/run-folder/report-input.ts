/** @file What a report is made of: one run, as it is in its folder. */
import type { Circuit, Graph, NodeScores, PruneScores } from '../graph/types.js';
import type { ResultFigure } from './figures.js';
import type { Measurement, RunJson } from './schemas.js';
import type { Verification } from './verification-file.js';

/** A run as its report shows it. */
export interface ReportInput {
  readonly run: RunJson;
  readonly graph: Graph;
  readonly scores: PruneScores;
  readonly standardErrors?: PruneScores;
  /** Of an algorithm that scores nodes. */
  readonly nodes?: NodeScores;
  /** What training saw at each step, by name. */
  readonly curves?: Readonly<Record<string, readonly number[]>>;
  /** What the result shows beyond scores and curves. */
  readonly figures?: readonly ResultFigure[];
  /** The circuit that was kept. */
  readonly circuit: Circuit;
  readonly measurements: readonly Measurement[];
  /** What other backends said of it; absent or empty where none was asked. */
  readonly verifications?: readonly Verification[];
}
