/** @file One compiled program: its plan, its weights on the device, and its runs. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  checkFeeds,
  type DimSizes,
  type Executable,
  type Feeds,
  type Results,
  runAfterDispose,
} from '@auto-circuit/core/backend';
import type { Tensor as TfTensor } from '@tensorflow/tfjs-core';
import type { Runtime } from '../runtime/runtime.js';
import { requireHeap } from './heap-limit.js';
import { peakBytes } from './memory.js';
import type { Plan } from './plan.js';
import { computeOutputs, readOutputs, upload } from './run.js';
import type { HeldWeights } from './weight-cache.js';
import { copiesToMake } from './weight-copies.js';

/** What an executable is made of. */
export interface ExecutableRequest {
  readonly runtime: Runtime;
  readonly plan: Plan;
  readonly weights: HeldWeights;
  /** Most bytes on the device. */
  readonly limit: number;
  /** Called once, when everything of it is freed. */
  onDispose(): void;
}

/** An executable whose runs may overlap: each computes without a pause, so that they do not mix. */
export function makeExecutable({ runtime, plan, weights, limit, onDispose }: ExecutableRequest): Executable {
  const { program } = plan;
  const held: readonly TfTensor[] = plan.held.map((numbers) => upload(runtime, numbers));
  let disposed: Promise<void> | undefined;
  const running = new Set<Promise<unknown>>();

  async function runOnce(feeds: Feeds): Promise<Results> {
    if (disposed) throw runAfterDispose('backend-tfjs', program);
    const sizes = checkFeeds(program, feeds);
    // Kernels compute without a pause; between runs, Ctrl-C and progress bars get their turn.
    await nextTurn();
    const toCome = copiesToMake(plan, sizes, runtime, weights) + peakBytes(plan, sizes, runtime);
    requireHeap(runtime, limit, `program "${program.name}" at ${sizesText(sizes)}`, toCome);
    const outputs = computeOutputs(runtime, plan, held, weights, feeds, sizes);
    const given = Object.values(feeds).map(({ data }) => data.buffer);
    return readOutputs(plan, outputs, new Set([...weights.buffers, ...given]));
  }
  async function disposeOnce(): Promise<void> {
    await Promise.allSettled(running);
    for (const tensor of held) tensor.dispose();
    weights.release();
    onDispose();
  }
  return {
    run: (feeds) => {
      const result = runOnce(feeds);
      running.add(result);
      const done = (): void => void running.delete(result);
      result.then(done, done);
      return result;
    },
    dispose: () => {
      disposed ??= disposeOnce();
      return disposed;
    },
  };
}

const sizesText = (sizes: DimSizes): string =>
  Object.entries(sizes)
    .map(([symbol, size]) => `${symbol} ${size}`)
    .join(', ') || 'fixed sizes';
