/** @file How a run is followed and stopped. */
import type { ReportInput } from '../run-folder/report-input.js';

/** What a run is doing: reference outputs and constants, scores, circuits of resampled prompts, or measurements. */
export type RunPhase = 'reference' | 'score' | 'resample' | 'measure';
/** How a run is followed and stopped. */
export interface DiscoverHooks {
  readonly onProgress?: (phase: RunPhase, done: number, total: number, unit?: string) => void;
  readonly onWarning?: (line: string) => void;
  readonly signal?: AbortSignal;
  /** Makes `report.html`; without it there is none. */
  readonly renderReport?: (input: ReportInput) => string;
}
