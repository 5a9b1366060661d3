/** @file What a report is made of: one run, as it is in its folder. */
import type { Circuit, Graph, NodeScores, PruneScores } from '../graph/types.js';
import type { ResultFigure } from '../plugin/figures.js';
import type { PruneResult } from '../plugin/prune-algo.js';
import type { GroupedPrompts } from './clusters-file.js';
import type { Measurement, RunJson } from './schemas.js';
import type { Stability } from './stability-file.js';
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
  /** Groups of prompts that are alike, with their circuits; null where none were sought. */
  readonly grouped?: GroupedPrompts | null;
  /** What other backends said of it; absent or empty where none was asked. */
  readonly verifications?: readonly Verification[];
  /** How the circuit holds up; absent where nobody looked. */
  readonly stability?: Stability;
}

/** What the report shows beside scores: the algorithm's figures, then those that metrics have of the circuit that is kept. */
export function figuresOf(
  { figures = [] }: Pick<PruneResult, 'figures'>,
  measurements: readonly Measurement[],
  { edges }: Circuit,
): Pick<ReportInput, 'figures'> {
  const ofKept = measurements.flatMap(
    ({ points }) => points.find((point) => point.edges === edges.length)?.figures ?? [],
  );
  const all = [...figures, ...ofKept];
  return all.length > 0 ? { figures: all } : {};
}
