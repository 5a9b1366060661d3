/** @file The flags that many commands share, by group, and what their values mean. Each default stands here and nowhere else. */
import type { GraphOptions } from '@auto-circuit/core';
import type { BackendSettings } from '@auto-circuit/core/backend';
import { MOST_THREADS, OUTPUT_POSITIONS } from '@auto-circuit/core/startup';
import type { FlagTable, FlagValues } from './flag-table.js';

const namesOf = <N extends string>(table: Readonly<Record<N, unknown>>): readonly N[] => Object.keys(table) as N[];

const PROCESS_DOC = 'fold layer norms and centre weights, as TransformerLens and AutoCircuit do';

/** `--model`, `--process`. `processed`: whether weights are processed without a flag. */
export const modelFlags = <const P extends boolean>(processed: P, unset = 'needed') =>
  ({
    model: { type: 'string', placeholder: 'MODEL', doc: 'a model: shipped name, folder, or hub name org/name', unset },
    process: { type: 'boolean', opposite: 'no-process', default: processed as boolean, doc: PROCESS_DOC },
  }) as const satisfies FlagTable;

/** `--backend`, `--device`, `--threads`, `--memory`. */
export const BACKEND_FLAGS = {
  backend: { type: 'string', placeholder: 'NAME', default: 'onnx', doc: 'what runs the programs; see "list backends"' },
  device: { type: 'string', placeholder: 'NAME', doc: 'cpu, cuda, webgpu, …', unset: 'the backend chooses' },
  threads: { type: 'int', min: 1, max: MOST_THREADS, doc: 'threads of the backend', unset: 'the backend chooses' },
  memory: {
    type: 'number',
    min: 0.01,
    max: 1e6,
    placeholder: 'GIB',
    doc: 'limit on resident memory, in GiB: runs are split to fit, and refused if they cannot',
    unset: 'half of RAM, nothing refused',
  },
} as const satisfies FlagTable;

/** `--bos`, `--length`, `--limit`, `--skip-unfit`, `--batch-size`, `--seed`. */
export const DATA_FLAGS = {
  bos: {
    type: 'enum',
    values: ['auto', 'on', 'off'],
    default: 'auto',
    doc: 'begin prompts with the BOS token; auto: as the tokenizer does',
  },
  length: { type: 'int', min: 1, doc: 'only prompts of this many tokens (after BOS)', unset: 'all lengths' },
  limit: { type: 'int', min: 1, doc: 'only the first N prompts', unset: 'all prompts' },
  skipUnfit: {
    type: 'boolean',
    default: false,
    doc: 'leave out prompts that do not fit the model and tokenizer, and list them',
  },
  batchSize: {
    type: 'int',
    min: 1,
    default: 32,
    doc: 'prompts per batch, the unit of batch means and optimiser steps',
  },
  seed: { type: 'int', min: 0, default: 0, doc: 'seed of all randomness' },
} as const satisfies FlagTable;

/** `--factorized|--residual`, `--split-qkv|--joint-qkv`, `--token-positions`, `--kv-inputs`, `--outputs`. */
export const GRAPH_FLAGS = {
  factorized: {
    type: 'boolean',
    opposite: 'residual',
    default: true,
    doc: 'edges between heads and MLPs, not along the residual stream',
  },
  splitQkv: {
    type: 'boolean',
    opposite: 'joint-qkv',
    default: true,
    doc: 'separate edges into the Q, K and V inputs of heads',
  },
  tokenPositions: { type: 'boolean', default: false, doc: 'separate edges at every token position' },
  kvInputs: {
    type: 'enum',
    values: ['query-head', 'kv-head'],
    default: 'query-head',
    doc: 'with grouped queries: K and V inputs for each query head or KV head',
  },
  outputs: {
    type: 'enum',
    values: namesOf(OUTPUT_POSITIONS),
    doc: 'positions whose outputs scores and metrics use; not-first: all but the first',
    unset: 'the task’s or the model’s own, else last',
  },
} as const satisfies FlagTable;

/** `--ablation`, `--ablate-from`, `--reverse`. */
export const PATCH_FLAGS = {
  ablation: {
    type: 'string',
    placeholder: 'NAME',
    default: 'resample',
    doc: 'what is patched in, with options in parentheses; see "list ablations"',
  },
  ablateFrom: {
    type: 'enum',
    values: ['clean', 'corrupt'],
    default: 'corrupt',
    doc: 'whose activations are patched in',
  },
  reverse: { type: 'boolean', default: false, doc: 'run on the corrupt prompts and patch the clean ones in' },
} as const satisfies FlagTable;

/** `--objective`. */
export const OBJECTIVE_FLAGS = {
  objective: {
    type: 'string',
    placeholder: 'NAME',
    doc: 'what scores are gradients of, with options in parentheses; see "list objectives"',
    unset: 'the task’s own, else logit-diff',
  },
} as const satisfies FlagTable;

/** The values of `BACKEND_FLAGS`. */
export type BackendValues = FlagValues<typeof BACKEND_FLAGS>;
/** The values of `DATA_FLAGS`. */
export type DataValues = FlagValues<typeof DATA_FLAGS>;
/** The values of `GRAPH_FLAGS`. */
export type GraphValues = FlagValues<typeof GRAPH_FLAGS>;
/** The values of `PATCH_FLAGS`. */
export type PatchValues = FlagValues<typeof PATCH_FLAGS>;

/** What a backend is made with. */
export function backendSettings(values: BackendValues): BackendSettings {
  return {
    ...(values.device === undefined ? {} : { device: values.device }),
    ...(values.threads === undefined ? {} : { threads: values.threads }),
    ...(values.memory === undefined ? {} : { memoryBytes: memoryBytes(values.memory) }),
  };
}

/** GiB → bytes. */
export function memoryBytes(gib: number): number {
  return Math.floor(gib * 2 ** 30);
}

/** @param length tokens of every prompt, for `--token-positions`; null when there is no one length. */
export function graphOptions(values: GraphValues, length: number | null): GraphOptions {
  const { factorized, splitQkv, kvInputs } = values;
  return { factorized, splitQkv, kvInputs, positions: values.tokenPositions ? length : null };
}
