/** @file What can be asked of the tfjs backend, with every default. */
import { AutoCircuitError, type BackendSettings } from '@auto-circuit/core/backend';
import { isDevice, TFJS_DEVICES } from '../runtime/devices.js';
import type { RuntimeRequest } from '../runtime/load.js';

export interface TfjsSettings extends BackendSettings {
  /** gpu, node, wasm or cpu. Default: the first whose package is installed. */
  readonly device?: string;
  /** Of TensorFlow (gpu, node); default all. wasm and cpu have one thread. */
  readonly threads?: number;
  /** A folder whose node_modules are searched first for the runtime's package; then the working folder's, then ours. */
  readonly folder?: string;
}

/** Throws for an unknown device and for a number of threads that is not positive. */
export function resolveSettings({ device, threads, folder }: TfjsSettings): RuntimeRequest {
  if (device !== undefined && !isDevice(device)) {
    throw new AutoCircuitError({
      where: 'backend-tfjs',
      what: 'unknown device',
      expected: `one of ${TFJS_DEVICES.join(', ')}`,
      got: `"${device}"`,
    });
  }
  if (threads !== undefined && (!Number.isInteger(threads) || threads < 1)) {
    throw new AutoCircuitError({
      where: 'backend-tfjs',
      what: 'wrong number of threads',
      expected: 'a whole number of at least 1',
      got: `${threads}`,
    });
  }
  return { device, threads, folder };
}
