/**
 * @file The heap of the WebAssembly runtime, watched. tfjs itself does not look at what its heap gives it: where nothing is left, it
 * goes on at address 0 and overwrites other tensors, and a product whose matrix could not be packed leaves its result as it was,
 * with one line on the console. Here both are errors, and what is in use is counted.
 */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Tf } from './tf.js';

/** Nothing of this size is left. */
export class HeapFull extends Error {
  readonly bytes: number;
  constructor(bytes: number) {
    super(`no ${(bytes / 1e6).toFixed(1)} MB are left in the memory of the runtime`);
    this.bytes = bytes;
  }
}

/** What tfjs's WebAssembly backend has that is used here. */
interface WasmBackend {
  readonly wasm: { _malloc(bytes: number): number; _free(offset: number): void; readonly HEAPU8: Uint8Array };
  getMemoryOffset(dataId: object): number;
}

/** The watched heap of a started WebAssembly backend; one for each process. */
export class WasmHeap {
  readonly #backend: WasmBackend;
  /** Bytes by offset; of a matrix and of its packed copy. */
  readonly #blocks = new Map<number, number>();
  readonly #packed = new Map<number, number>();
  #bytes: number;

  constructor(tf: Tf) {
    this.#backend = tf.backend() as unknown as WasmBackend;
    this.#bytes = tf.memory().numBytes;
    const { wasm } = this.#backend;
    wasm._free(wasm._malloc(8)); // the first call puts the functions themselves in their place
    const plain = { malloc: wasm._malloc, free: wasm._free };
    wasm._malloc = (bytes) => {
      const offset = plain.malloc(bytes) >>> 0;
      if (offset === 0) throw new HeapFull(bytes);
      this.#blocks.set(offset, bytes);
      this.#bytes += bytes;
      return offset;
    };
    wasm._free = (offset) => {
      this.#bytes -= (this.#blocks.get(offset) ?? 0) + (this.#packed.get(offset) ?? 0);
      this.#blocks.delete(offset);
      this.#packed.delete(offset);
      plain.free(offset);
    };
  }

  /** Bytes in use: tensors, and the packed copies of matrices. */
  get bytes(): number {
    return this.#bytes;
  }

  /** To be called when a product has packed this matrix: the copy lives as long as the matrix. */
  notePacked(matrix: Tensor): void {
    const offset = this.#backend.getMemoryOffset(matrix.dataId);
    if (this.#packed.has(offset)) return;
    this.#packed.set(offset, 4 * matrix.size);
    this.#bytes += 4 * matrix.size;
  }

  /** Whether a product has packed this matrix before. */
  isPacked(matrix: Tensor): boolean {
    return this.#packed.has(this.#backend.getMemoryOffset(matrix.dataId));
  }

  /** The bytes of a tensor themselves; valid until anything else is put on the heap. */
  bytesOf(tensor: Tensor): Uint8Array {
    const offset = this.#backend.getMemoryOffset(tensor.dataId);
    return this.#backend.wasm.HEAPU8.subarray(offset, offset + 4 * tensor.size);
  }
}
