/**
 * @file The programs that the engine compiles, as plain data. All that decides what a program is stands in its spec, and nothing
 * else: the key of a compiled program is derived from it, so that equal keys mean equal programs.
 */

import type { BackwardOverride } from '../../ir/autodiff/backward-overrides.js';
import type { ObjectiveShape } from '../../objectives/fragment.js';
import type { Objective } from '../../objectives/objective.js';
import type { ReadingsShape } from '../../objectives/readings.js';
import type { OutputPositions } from '../../prompts/output-positions.js';
import type { EdgeMeasure } from '../requests/patchable-model.js';
import type { PatchSupply } from './programs.js';

/** Where patched-in values come from when pass 1 is a program of its own. */
export type StoredSupply = Exclude<PatchSupply, 'fused'>;

/** A run that computes only what masks ask for. */
export interface SparseSpec {
  readonly kind: 'sparse';
  /** Which run the others are computed from: the patched model as it is, or the circuit alone. */
  readonly base: 'noising' | 'denoising';
  readonly supply: StoredSupply;
  /** One mask; several from the start; or several that differ at one site (`site`) and run from `start` on. */
  readonly masks: 'one' | 'together' | { readonly start: string; readonly site: string };
  /** What is read of the outputs, where they are not wanted themselves. */
  readonly readings?: ReadingsShape;
}

/** The gradient of a loss with respect to all masks; `forward` says where it is taken (`GradientForward`). */
export type GradientSpec = {
  readonly kind: 'gradient';
  readonly objective: ObjectiveShape;
  /** Whether the loss of each prompt is an output, too. */
  readonly losses: boolean;
  /** Whether logits are all that is wanted of the run. */
  readonly logitsOnly?: boolean;
  readonly backward: readonly BackwardOverride[];
} & (
  | { readonly forward: 'patched'; readonly supply: PatchSupply; readonly perItem: boolean; readonly neurons: false }
  | { readonly forward: 'atZero'; readonly supply: PatchSupply; readonly neurons: boolean }
  | {
      readonly forward: 'interpolatedInput' | 'interpolatedActivations';
      readonly supply: StoredSupply;
      readonly neurons: boolean;
    }
);

/** Every program that the engine compiles; `perItem`: whether each prompt has a mask of its own. */
export type ProgramSpec =
  /** A plain run: input → logits. */
  | { readonly kind: 'plain'; readonly positions: OutputPositions }
  /** Pass 1: input → the source activations of every site, before their projection; and the logits, where they are wanted. */
  | { readonly kind: 'capture'; readonly logits?: boolean }
  /** Source activations → what each node adds to the residual stream. */
  | { readonly kind: 'project' }
  /** Source activations → the residual stream at every site. */
  | { readonly kind: 'residuals'; readonly supply: StoredSupply }
  /** Pass 2 with every source in every edge sum. */
  | {
      readonly kind: 'patched';
      readonly supply: PatchSupply;
      readonly perItem: boolean;
      /** What is read of the outputs, where they are not wanted themselves. */
      readonly readings?: ReadingsShape;
      /** Roles whose values stay those of the plain run. */
      readonly frozen?: readonly string[];
    }
  | SparseSpec
  | GradientSpec
  /** How a loss of patched runs moves with the constants that are patched in. */
  | { readonly kind: 'constant-gradient'; readonly perItem: boolean; readonly objective: ObjectiveShape }
  /** Values inside a plain run, by role. */
  | { readonly kind: 'values'; readonly roles: readonly string[] }
  /** Gradients with respect to values inside a plain run. */
  | {
      readonly kind: 'value-gradients';
      readonly roles: readonly string[];
      readonly objective: ObjectiveShape;
      readonly startFed: boolean;
      readonly logitsOnly?: boolean;
      readonly backward: readonly BackwardOverride[];
    }
  /** Numbers read off a plain run for each edge. */
  | { readonly kind: 'edge-measure'; readonly measure: EdgeMeasure };

/** What of an objective decides about a program: its kind and what it is taken of; its targets are fed. */
export function objectiveShape(objective: Objective): ObjectiveShape {
  if (objective.kind === 'kl' || objective.kind === 'host') return { kind: objective.kind };
  if (objective.kind === 'fragment') return { kind: 'fragment', name: objective.name, of: objective.of };
  return { kind: objective.kind, tokenFunction: objective.tokenFunction };
}

/**
 * The key of a program: its kind and every field of its spec by name, in the order of the alphabet. Flags that are off, and
 * lists of nothing, are left out.
 */
export function programKey({ kind, ...fields }: ProgramSpec): string {
  return [kind, ...Object.entries(fields).sort(byName).flatMap(keyPart)].join(' ');
}

function keyPart([name, value]: readonly [string, unknown]): string[] {
  if (value === false || (Array.isArray(value) && value.length === 0)) return [];
  return [value === true ? name : `${name}=${canonicalText(value)}`];
}

/** JSON with the keys of objects in order; words stand without quotes, numbers JSON lacks by name, functions by identity. */
function canonicalText(value: unknown): string {
  if (typeof value === 'string') return /^[\w.-]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : `${value}`;
  if (typeof value === 'function') return `function ${functionNumber(value)}`;
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .sort(byName)
    .map(([name, field]) => `${name}:${canonicalText(field)}`)}}`;
}

/** Two functions are two programs, even where they have one name or one text: what they enclose may differ. */
const functionNumbers = new WeakMap<object, number>();
let functionsSeen = 0;
function functionNumber(of: object): number {
  const known = functionNumbers.get(of);
  if (known !== undefined) return known;
  functionNumbers.set(of, ++functionsSeen);
  return functionsSeen;
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);
