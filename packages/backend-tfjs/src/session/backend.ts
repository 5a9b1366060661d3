/** @file The tfjs backend: it plans programs, holds their weights on the device, and disposes of what is left. */
import type { Backend, Executable, Program, WeightStore } from '@auto-circuit/core/backend';
import { loadRuntime } from '../runtime/load.js';
import { makeExecutable } from './executable.js';
import { heapLimit } from './heap-limit.js';
import { planProgram } from './plan.js';
import { resolveSettings, type TfjsSettings } from './settings.js';
import { WeightCache } from './weight-cache.js';

/**
 * Makes the backend and loads the package of its runtime.
 *
 * @throws AutoCircuitError `invalid-option` for an unknown device or a wrong number of threads, `runtime-missing` when the package
 * of the device is not installed, `device-unavailable` when it does not start, `conflicting-options` when TensorFlow runs in this
 * process with another number of threads
 *
 * @example
 * const backend = await tfjsBackend({ device: 'wasm' });
 * const executable = await backend.compile(program, weights);
 */
export async function tfjsBackend(settings: TfjsSettings = {}): Promise<Backend> {
  const runtime = await loadRuntime(resolveSettings(settings));
  const { device, threads, version } = runtime;
  const limit = heapLimit(runtime, settings.memoryBytes);
  const cache = new WeightCache(runtime, limit);
  const live = new Set<Executable>();

  async function compile(program: Program, store: WeightStore): Promise<Executable> {
    const plan = planProgram(program);
    const weights = cache.hold(program, plan.weightNames, store);
    const onDispose = (): void => void live.delete(executable);
    const executable = makeExecutable({ runtime, plan, weights, limit, onDispose });
    live.add(executable);
    return executable;
  }
  async function dispose(): Promise<void> {
    for (const executable of [...live]) await executable.dispose();
  }
  const memory = {
    ...(Number.isFinite(limit) ? { mostBytes: limit } : {}),
    copiesWeights: runtime.traits.packsRightMatrices,
    sharesWeights: true,
  };
  return { info: { backend: 'tfjs', device, threads, runtime: version, memory }, compile, dispose };
}
