/** @file What a backend is to the registry: how to make one, and what it finds on this machine. */
import type { Backend, BackendSettings } from '../backend/backend.js';
import type { Explained } from './explained.js';
import type { OptionTable, OptionValues } from './options.js';

/** A runtime that programs can be compiled for. */
export interface BackendDefinition<T extends OptionTable = OptionTable> extends Explained {
  readonly kind: 'backend';
  /** In kebab-case. */
  readonly name: string;
  /** One line, for lists. */
  readonly doc: string;
  readonly options: T;
  /** @throws AutoCircuitError where the runtime or the device is not there */
  create(settings: BackendSettings, options: OptionValues<T>): Promise<Backend>;
  /** For `doctor`: what is found here, what is missing and the command that installs it. Never throws. */
  probe(): Promise<readonly ProbeLine[]>;
}
/** One thing that a backend needs, and whether it is here. */
export interface ProbeLine {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** A backend as a contribution. The option table's type is erased: the table itself checks values when they arrive. */
export const defineBackend = <const T extends OptionTable>(
  backend: Omit<BackendDefinition<T>, 'kind'>,
): BackendDefinition => Object.freeze({ kind: 'backend', ...backend }) as unknown as BackendDefinition;
