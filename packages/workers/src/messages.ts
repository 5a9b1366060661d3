/** @file What the two sides of a worker send each other: requests of its client, replies of the backend's host. */
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
import type { ErrorData } from './error-data.js';

/** Which backend a worker makes. Plain data, as it is sent to another thread or process. */
export interface WorkerBackend {
  /**
   * The module that exports the backend's plugin, as a URL: a bare name would be resolved from this package. Its code is
   * loaded again in the worker, so a plugin that exists only as an object cannot be used.
   */
  readonly module: string;
  /** The name under which the module exports the plugin. */
  readonly exportName: string;
  /** The plugin as the user named it, where it is not one of ours: what its code throws names it. */
  readonly outside?: string;
  /** The backend's name. */
  readonly name: string;
  readonly settings: BackendSettings;
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

/** Those weights of a store that the worker does not have yet. */
export interface SentWeights {
  readonly store: number;
  readonly key: string;
  readonly names: readonly string[];
  readonly entries: readonly (readonly [string, WeightEntry])[];
}

/** What a client asks of the host. */
export type HostRequest =
  | { readonly kind: 'compile'; readonly program: Program; readonly weights: SentWeights; readonly hint?: CompileHint }
  | { readonly kind: 'run'; readonly executable: number; readonly feeds: Feeds }
  | { readonly kind: 'release'; readonly executable: number }
  | { readonly kind: 'forget'; readonly store: number }
  | { readonly kind: 'memory' }
  | { readonly kind: 'dispose' };

/** The value of the reply to each kind of request; `compile` gives the executable's number, `memory` the peak of
 * resident memory in bytes. */
export interface ReplyValues {
  readonly compile: number;
  readonly run: Results;
  readonly release: null;
  readonly forget: null;
  readonly memory: number;
  readonly dispose: null;
}

/** A request with the number that its reply will bear. */
export interface RequestMessage {
  readonly id: number;
  readonly request: HostRequest;
}

/** What the host sends: once that its backend is made or cannot be made, then a reply to each request. */
export type HostMessage =
  | { readonly id: 'start'; readonly info: BackendInfo }
  | { readonly id: 'start'; readonly error: ErrorData }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: ErrorData };

/**
 * Tensors with data of their own, and the buffers to transfer. They are copied, since either side may keep what it has, and
 * copied whole, since a view would take its whole buffer along.
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
