/** @file What the process of an experiment and its workers send each other; plain data. */
import type { RunPhase } from '@auto-circuit/core/run';
import type { CellHost } from './cell-cli.js';
import type { CellOrder, CellOutcome } from './run-cell.js';

/** What the parent sends. */
export type ToWorker =
  /** First, and once. */
  | { readonly kind: 'host'; readonly host: CellHost }
  /** One at a time. */
  | { readonly kind: 'cell'; readonly order: CellOrder }
  /** End the cell after this step; what is done of it stays. */
  | { readonly kind: 'stop' };

/** What a worker sends. */
export type FromWorker =
  | { readonly kind: 'progress'; readonly phase: RunPhase; readonly done: number; readonly total: number }
  | { readonly kind: 'outcome'; readonly outcome: CellOutcome };
