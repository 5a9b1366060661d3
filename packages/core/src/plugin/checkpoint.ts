/** @file Partial work of an algorithm, kept by a run so that a killed one goes on. */

/** Where an algorithm keeps partial work, so that a run that was killed goes on where it stopped. Files are written whole or not at all. */
export interface Checkpoint {
  /** The file that it is kept in, where it is kept in one; for errors. */
  readonly path?: string | undefined;
  /** What was saved last; null for a new run. */
  load(): Promise<CheckpointData | null>;
  /**
   * May be left out where the last save is less than half a second ago: call it after every step that costs time.
   * @param options `final`: the work is done, and what is saved stays as its result, so it is always written
   */
  save(data: CheckpointData, options?: { readonly final?: boolean }): Promise<void>;
}
/** Partial work, as plain data. */
export interface CheckpointData {
  /** Plain numbers and strings (JSON). */
  readonly state: Readonly<Record<string, unknown>>;
  /** Vectors of any length, by name. */
  readonly arrays: Readonly<Record<string, Float64Array>>;
}
