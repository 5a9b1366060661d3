/** @file Weights on the device: uploaded once for all executables of a backend that read them, freed with the last. */
import { checkWeightShape, elementCount, type Program, type WeightStore } from '@auto-circuit/core/backend';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Runtime } from '../runtime/runtime.js';
import { requireHeap } from './memory.js';

interface Shared {
  readonly tensor: Tensor;
  /** Of the array that was uploaded: plain JavaScript computes with it in place. */
  readonly buffer: ArrayBufferLike;
  users: number;
}
/** The weights of one executable. */
export interface HeldWeights {
  get(name: string): Tensor;
  readonly buffers: ReadonlySet<ArrayBufferLike>;
  release(): void;
}

/** The weights of one backend, by store and name. */
export class WeightCache {
  readonly #runtime: Runtime;
  readonly #shared = new Map<string, Shared>();
  #bytes = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Uploads the weights that are not there yet. `standing` bytes are in use beside weights.
   *
   * @throws AutoCircuitError `unknown-name` for a weight that the store does not have, `wrong-shape` for one of another shape,
   * `memory-limit` when they do not fit; nothing is held then
   */
  hold(program: Program, names: readonly string[], store: WeightStore, standing: number): HeldWeights {
    const keys = new Map<string, string>();
    const release = (): void => {
      for (const key of keys.values()) this.#release(key);
      keys.clear();
    };
    try {
      for (const name of names) keys.set(name, this.#acquire(program, name, store, standing));
    } catch (error) {
      release();
      throw error;
    }
    return {
      get: (name) => this.#shared.get(keys.get(name)!)!.tensor,
      buffers: new Set([...keys.values()].map((key) => this.#shared.get(key)!.buffer)),
      release,
    };
  }

  #acquire(program: Program, name: string, store: WeightStore, standing: number): string {
    const { shape } = store.entry(name);
    const declared = program.values.find((v) => v.op === 'weight' && v.attributes.name === name)!.shape;
    checkWeightShape(program, name, declared, shape);
    const key = `${store.key}\0${name}`;
    const known = this.#shared.get(key);
    if (known) {
      known.users++;
      return key;
    }
    const bytes = 4 * elementCount(shape);
    requireHeap(
      this.#runtime,
      `program "${program.name}" with its weights`,
      standing + this.#bytes + this.#runtime.transposedWeights.bytes,
      bytes,
    );
    this.#runtime.activate();
    const data = store.read(name);
    const tensor = this.#runtime.tf.tensor(data, [...shape], 'float32');
    this.#runtime.transposedWeights.register(tensor);
    this.#bytes += bytes;
    this.#shared.set(key, { tensor, buffer: data.buffer, users: 1 });
    return key;
  }
  #release(key: string): void {
    const shared = this.#shared.get(key)!;
    shared.users--;
    if (shared.users > 0) return;
    this.#bytes -= 4 * shared.tensor.size;
    this.#runtime.transposedWeights.forget(shared.tensor);
    shared.tensor.dispose();
    this.#shared.delete(key);
  }
}
