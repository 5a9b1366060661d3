/** @file What the main thread and a backend's worker thread say to each other; tensors and errors as both can carry them. */
import type {
  BackendInfo,
  BackendSettings,
  CompileHint,
  Feeds,
  Program,
  Results,
  Tensor,
  WeightEntry,
} from '@auto-circuit/core/backend';
import { AutoCircuitError, type ErrorKind } from '@auto-circuit/core/startup';

/** What a worker is started with. */
export interface WorkerStart {
  /** The first-party plugin that the backend is of; no other is loaded. */
  readonly origin: string;
  /** The name of a first-party backend: other plugins may be objects that no other thread can make. */
  readonly name: string;
  readonly settings: BackendSettings;
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

/** Weights of one store that the worker has not got yet. */
export interface SentWeights {
  readonly store: number;
  readonly key: string;
  readonly names: readonly string[];
  readonly entries: readonly (readonly [string, WeightEntry])[];
}

export type WorkerRequest =
  | { readonly kind: 'compile'; readonly program: Program; readonly weights: SentWeights; readonly hint?: CompileHint }
  | { readonly kind: 'run'; readonly executable: number; readonly feeds: Feeds }
  | { readonly kind: 'release'; readonly executable: number }
  | { readonly kind: 'forget'; readonly store: number }
  | { readonly kind: 'dispose' };
/** What each request is answered with. */
export interface WorkerAnswers {
  readonly compile: number;
  readonly run: Results;
  readonly release: null;
  readonly forget: null;
  readonly dispose: null;
}

export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Of an `AutoCircuitError` only. */
  readonly own: { readonly where: string; readonly kind: ErrorKind } | null;
  readonly cause: ErrorData | null;
}
export type WorkerMessage =
  | { readonly id: 'start'; readonly info: BackendInfo }
  | { readonly id: 'start'; readonly error: ErrorData }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: ErrorData };

/**
 * Tensors with data of their own, and the buffers to hand over. Copied, since either side may keep what it has; and whole,
 * since a view would take its whole buffer along.
 */
export function ownTensors(tensors: Readonly<Record<string, Tensor>>): {
  readonly tensors: Record<string, Tensor>;
  readonly buffers: ArrayBuffer[];
} {
  const buffers: ArrayBuffer[] = [];
  const copies = Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
    const copy = data.slice();
    buffers.push(copy.buffer as ArrayBuffer);
    return [name, { dtype, shape, data: copy }] as const;
  });
  return { tensors: Object.fromEntries(copies), buffers };
}

/** Errors lose their class and fields on the way between threads. */
export function errorData(error: unknown): ErrorData {
  if (!(error instanceof Error)) {
    return { name: 'Error', message: String(error), stack: undefined, own: null, cause: null };
  }
  const { name, message, stack, cause } = error;
  const own = error instanceof AutoCircuitError ? { where: error.where, kind: error.kind } : null;
  return { name, message, stack, own, cause: cause === undefined ? null : errorData(cause) };
}

export function errorFrom({ name, message, stack, own, cause }: ErrorData): Error {
  const from = cause === null ? undefined : errorFrom(cause);
  const error = own
    ? new AutoCircuitError({ ...own, what: message.replace(`[${own.where}] `, ''), cause: from })
    : Object.assign(new Error(message, { cause: from }), { name });
  if (stack !== undefined) error.stack = stack;
  return error;
}
