/** @file What `evaluate --protocol mib` gives: as JSON, in the file of `--out`, and to what prints it. */
import type { RankBy } from '@auto-circuit/core/plugin';

/** A circuit of the curve. */
export interface MibPoint {
  readonly fraction: number;
  readonly asked: number;
  /** What pruning left. MIB calls it the weighted edge count. */
  readonly edges: number;
  /** The metric, a mean over prompts. */
  readonly value: number;
  readonly faithfulness: number;
}
/** The circuits of one ranking, and the areas over the shares. */
export interface MibCurve {
  /** Null for circuits that no scores chose. */
  readonly rank_by: RankBy | null;
  readonly points: readonly MibPoint[];
  readonly cpr: number;
  readonly cmd: number;
  /** Mean faithfulness of the ten. */
  readonly average: number;
}
/** Greedy circuits against a known one. */
export interface MibRoc {
  readonly reference: string;
  readonly area: number;
  readonly points: readonly {
    readonly fraction: number;
    readonly edges: number;
    readonly true_positive_rate: number;
    readonly false_positive_rate: number;
    readonly precision: number;
  }[];
}
/** What is shown, and written to `--out`. */
export interface MibResult {
  readonly protocol: 'mib';
  readonly level: 'edge' | 'node';
  /** Null for circuits that no scores chose. */
  readonly select: string | null;
  readonly metric: string;
  /** The metric of the whole model, and with everything patched. */
  readonly model: number;
  readonly empty: number;
  readonly curves: readonly MibCurve[];
  /** Of circuits by signed scores, where both rankings were measured. */
  readonly cpr: number;
  /** Of circuits by absolute scores, where both rankings were measured. */
  readonly cmd: number;
  readonly roc: MibRoc | null;
}
