/** @file The tfjs backend: it plans programs, holds their weights on the device, and disposes of what is left. */
import type { Backend, Executable, Program, WeightStore } from '@auto-circuit/core/backend';
import { loadRuntime } from '../runtime/load.js';
import { makeExecutable } from './executable.js';
import { standingBytes } from './memory.js';
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
  const cache = new WeightCache(runtime);
  const live = new Map<Executable, number>();
  const besideWeights = (): number => [...live.values()].reduce((a, b) => a + b, 0);

  async function compile(program: Program, store: WeightStore): Promise<Executable> {
    const plan = planProgram(program);
    const own = standingBytes(plan, runtime);
    const weights = cache.hold(program, plan.weightNames, store, besideWeights() + own);
    const executable = makeExecutable({
      runtime,
      plan,
      weights,
      standing: () => cache.bytes + runtime.transposedWeights.bytes + besideWeights(),
      onDispose: () => live.delete(executable),
    });
    live.set(executable, own);
    return executable;
  }
  async function dispose(): Promise<void> {
    for (const executable of [...live.keys()]) await executable.dispose();
  }
  return { info: { backend: 'tfjs', device, threads, runtime: version }, compile, dispose };
}
