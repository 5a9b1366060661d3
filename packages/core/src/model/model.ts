/** @file A model that can be traced: what a program needs to know of it, its weights and its forward pass. */
import type { WeightStore } from '../backend/backend.js';
import type { GraphLayout } from '../graph/types.js';
import type { AnyValue } from '../ir/program/program.js';
import type { OutputPositions } from '../prompts/output-positions.js';
import type { DType } from '../tensor/tensor.js';
import type { PatchPoints } from './patch-points.js';

/** What a program needs to know to feed and read a model. */
export interface ModelSpec {
  readonly layout: GraphLayout;
  readonly input: {
    readonly name: string;
    readonly dtype: DType;
    /** Axes after [batch, pos]; none for tokens. */
    readonly features: readonly number[];
  };
  /** Length of the last axis of its outputs: the vocabulary, or how many numbers it gives. */
  readonly outputSize: number;
  /** Where its outputs are read by scores and metrics; default the last position. */
  readonly outputs?: OutputPositions;
  /** Whether its trace puts a prefix's keys and values before its own (`points.withPrefix`). Default false. */
  readonly takesPrefix?: boolean;
  /** Tokens before every prompt that have been run already; set by `afterPrefix`. Default 0. */
  readonly prefix?: number;
  /**
   * A mode may leave no head out: what one head adds to the residual depends on all the others (a norm follows their sum, as in
   * Gemma, or spans all queries), or heads are told apart by their number (linear biases, a norm for each head).
   */
  readonly headsWriteTogether?: boolean;
  /** The longest prompt; null when there is no limit. */
  readonly maxPositions: number | null;
  /** The longest prompt that its tables of positions were made for, where that is less than `maxPositions`. */
  readonly tablePositions?: number;
  /** How many numbers its weights are, for people. */
  readonly parameters: number;
}

/** A model that can be traced: what architectures make of a checkpoint, and what a caller may build by hand. */
export interface ModelObject {
  readonly name: string;
  readonly spec: ModelSpec;
  readonly weights: WeightStore;
  /** The steps that changed the weights on loading (`fold-norm`, …). */
  readonly processing: readonly string[];
  /** The forward pass, written once, with its patch points. Gives the residual that is read at `end`: [batch, pos, dModel]. */
  trace(points: PatchPoints): AnyValue;
  /** What is read at `end` [batch, q, dModel] → logits [batch, q, outputSize]; q are the positions asked for. */
  unembed(points: PatchPoints, residual: AnyValue): AnyValue;
}
