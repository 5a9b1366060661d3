/** @file The tfjs backend: plans programs, keeps their weights on the device and keeps account of them. */
import type { Backend, Executable, Program, WeightStore } from '@auto-circuit/core/backend';
import { loadRuntime } from '../runtime/load.js';
import { makeExecutable } from './executable.js';
import { standingBytes } from './memory.js';
import { planProgram } from './plan.js';
import { resolveSettings, type TfjsSettings } from './settings.js';
import { WeightCache } from './weight-cache.js';

/**
 * Makes the backend; the runtime's package is loaded now. Throws one sentence when the device is unknown, its package is
 * not installed, or it does not start.
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
