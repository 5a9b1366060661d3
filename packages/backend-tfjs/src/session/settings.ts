/** @file What can be asked of the tfjs backend, with every default. */
import { type BackendSettings, checkedDevice, checkedThreads } from '@auto-circuit/core/backend';
import { TFJS_DEVICES } from '../runtime/devices.js';
import type { RuntimeRequest } from '../runtime/load.js';

/** What the tfjs backend can be asked for. */
export interface TfjsSettings extends BackendSettings {
  /** gpu, node, wasm or cpu. Default: the first whose package is installed. */
  readonly device?: string;
  /** Of TensorFlow (gpu, node); default all. wasm and cpu have one thread. */
  readonly threads?: number;
  /** The most resident memory wanted, in bytes: what would take more on the device is refused before it runs. */
  readonly memoryBytes?: number;
  /** A folder whose node_modules are searched first for the runtime's package; then the working folder's, then ours. */
  readonly folder?: string;
}

/** @throws AutoCircuitError `invalid-option` for an unknown device, and for less than one thread */
export function resolveSettings({ device, threads, folder }: TfjsSettings): RuntimeRequest {
  return {
    device: device === undefined ? undefined : checkedDevice('backend-tfjs', device, TFJS_DEVICES),
    threads: threads === undefined ? undefined : checkedThreads('backend-tfjs', threads),
    folder,
  };
}
