/** @file What can be asked of the ONNX backend, with every default. */
import os from 'node:os';
import { type BackendSettings, checkedDevice, checkedThreads } from '@auto-circuit/core/backend';
import { physicalCores } from '../runtime/cores.js';
import { ONNX_DEVICES, type OnnxDevice } from '../runtime/devices.js';

/** What the ONNX backend can be asked for. */
export interface OnnxSettings extends BackendSettings {
  /** Default cpu. */
  readonly device?: string;
  /** Default: the number of physical cores. */
  readonly threads?: number;
  /** Default: half of this machine's memory. Decides about prepacking only. */
  readonly memoryBytes?: number;
  /** Compute layer norms and GELUs in one step where nothing else reads their inner values. Default true. */
  readonly fuse?: boolean;
  /**
   * Keep a second copy of the weights in the layout of the matrix kernels: up to 1.7 times faster on small inputs,
   * slower to start. `auto` (default): for programs that run repeatedly, while all such copies take at most an eighth of `memoryBytes`.
   */
  readonly prepack?: 'auto' | boolean;
  /**
   * Whether the threads of a session wait actively for the next step of a run. Default true. They always rest between
   * runs, so that sessions of one process do not slow each other down.
   */
  readonly spinning?: boolean;
}
/** The same with every default filled in. */
export interface ResolvedSettings {
  readonly device: OnnxDevice;
  readonly threads: number;
  readonly memoryBytes: number;
  readonly fuse: boolean;
  readonly prepack: 'auto' | boolean;
  readonly sharedWeights: boolean;
  readonly spinning: boolean;
}

/** Fills in defaults. @throws AutoCircuitError `invalid-option` for a device that no onnxruntime has, and for less than one thread */
export function resolveSettings(settings: OnnxSettings): ResolvedSettings {
  return {
    device: checkedDevice('backend-onnx', settings.device ?? 'cpu', ONNX_DEVICES),
    threads: checkedThreads('backend-onnx', settings.threads ?? physicalCores()),
    memoryBytes: settings.memoryBytes ?? os.totalmem() / 2,
    fuse: settings.fuse ?? true,
    prepack: settings.prepack ?? 'auto',
    sharedWeights: settings.sharedWeights ?? false,
    spinning: settings.spinning ?? true,
  };
}
