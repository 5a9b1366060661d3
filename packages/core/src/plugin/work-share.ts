/** @file How the work of one run is divided among processes: each does a share of an algorithm's units, one puts the parts together. */
import type { Graph } from '../graph/types.js';
import type { PromptBatch } from '../prompts/types.js';
import type { CheckpointData } from './checkpoint.js';

/** What an algorithm's units of work are counted from. */
export interface DividedWork {
  readonly graph: Graph;
  /** The training batches of the whole run. */
  readonly batches: readonly PromptBatch[];
}

/** The units that this process does, of all that `PruneAlgo.units` counts. */
export interface WorkShare {
  readonly start: number;
  /** The unit after the last one. */
  readonly stop: number;
  /** Keeps what came of these units, once and when all of them are done. */
  keep(data: CheckpointData): Promise<void>;
}

/** What came of a share. */
export interface WorkPart {
  readonly start: number;
  readonly stop: number;
  readonly data: CheckpointData;
}
