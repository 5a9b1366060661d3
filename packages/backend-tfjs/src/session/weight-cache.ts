/** @file Weights on the device: uploaded once for all executables of a backend that read them, freed with the last. */
import { closeSync, openSync, readSync } from 'node:fs';
import {
  AutoCircuitError,
  checkWeightShape,
  elementCount,
  type Program,
  type WeightStore,
} from '@auto-circuit/core/backend';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Runtime } from '../runtime/runtime.js';
import { HeapFull } from '../runtime/wasm-heap.js';
import { heapFull, requireHeap } from './heap-limit.js';

interface Shared {
  readonly tensor: Tensor;
  /** Of the array that was uploaded, where the runtime computes with it in place. */
  readonly buffer: ArrayBufferLike | null;
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
  readonly #limit: number;
  readonly #shared = new Map<string, Shared>();

  /** @param limit most bytes on the device */
  constructor(runtime: Runtime, limit: number) {
    this.#runtime = runtime;
    this.#limit = limit;
  }

  /**
   * Uploads the weights that are not there yet.
   *
   * @throws AutoCircuitError `unknown-name` for a weight that the store does not have, `wrong-shape` for one of another shape,
   * `memory-limit` when they do not fit; nothing is held then
   */
  hold(program: Program, names: readonly string[], store: WeightStore): HeldWeights {
    const keys = new Map<string, string>();
    const release = (): void => {
      for (const key of keys.values()) this.#release(key);
      keys.clear();
    };
    try {
      for (const name of names) keys.set(name, this.#acquire(program, name, store));
    } catch (error) {
      release();
      throw error;
    }
    return {
      get: (name) => this.#shared.get(keys.get(name)!)!.tensor,
      buffers: new Set([...keys.values()].flatMap((key) => this.#shared.get(key)!.buffer ?? [])),
      release,
    };
  }

  #acquire(program: Program, name: string, store: WeightStore): string {
    const { shape } = store.entry(name);
    const declared = program.values.find((v) => v.op === 'weight' && v.attributes.name === name)!.shape;
    checkWeightShape(program, name, declared, shape);
    const key = `${store.key}\0${name}`;
    const known = this.#shared.get(key);
    if (known) {
      known.users++;
      return key;
    }
    requireHeap(this.#runtime, this.#limit, `program "${program.name}" with its weights`, 4 * elementCount(shape));
    this.#runtime.activate();
    const { tensor, buffer } = this.#upload(program, store, name);
    this.#runtime.transposedWeights.register(tensor);
    this.#shared.set(key, { tensor, buffer, users: 1 });
    return key;
  }
  #upload(program: Program, store: WeightStore, name: string): Pick<Shared, 'tensor' | 'buffer'> {
    try {
      return uploaded(this.#runtime, store, name);
    } catch (error) {
      if (!(error instanceof HeapFull)) throw error;
      throw heapFull(program.name, `weight "${name}" of program "${program.name}" found no room`, error);
    }
  }

  #release(key: string): void {
    const shared = this.#shared.get(key)!;
    shared.users--;
    if (shared.users > 0) return;
    this.#runtime.transposedWeights.forget(shared.tensor);
    shared.tensor.dispose();
    this.#shared.delete(key);
  }
}

/** Puts a weight on the device; where that is a heap of our own process, from its file without a copy in between. */
function uploaded({ tf, heap }: Runtime, store: WeightStore, name: string): Pick<Shared, 'tensor' | 'buffer'> {
  const entry = store.entry(name);
  const shape = [...entry.shape];
  if (!heap || 'data' in entry || entry.dtype) {
    const data = store.read(name);
    return { tensor: tf.tensor(data, shape, 'float32'), buffer: heap ? null : data.buffer };
  }
  const tensor = tf.fill(shape, 0, 'float32');
  try {
    readBytes(entry.file, entry.byteOffset, heap.bytesOf(tensor));
  } catch (error) {
    tensor.dispose();
    throw error;
  }
  return { tensor, buffer: null };
}

/** One read call takes at most 2 GiB. */
const MOST_READ_BYTES = 2 ** 28;

function readBytes(file: string, from: number, into: Uint8Array): void {
  const descriptor = openSync(file, 'r');
  try {
    for (let done = 0; done < into.length; ) {
      const got = readSync(descriptor, into, done, Math.min(MOST_READ_BYTES, into.length - done), from + done);
      if (got === 0) throw cutOff(file, from + into.length);
      done += got;
    }
  } finally {
    closeSync(descriptor);
  }
}

const cutOff = (file: string, bytes: number): AutoCircuitError =>
  new AutoCircuitError({
    code: 'file-unreadable',
    where: 'backend-tfjs',
    what: `${file} ends before the weights do`,
    expected: `at least ${bytes} bytes`,
    fix: 'delete it: it is written again',
    fields: { path: file },
  });
