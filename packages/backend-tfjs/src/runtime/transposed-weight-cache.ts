/**
 * @file Copies of weights with their axes moved as a product needs them. They live as long as the weight: moving the axes in every
 * run would cost as much as the product, and a runtime that packs matrices would pack them again.
 */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Tf } from './tf.js';

const FLOAT_BYTES = 4;

/** The transposed copies of all weights on one device. */
export class TransposedWeightCache {
  /** By the data of the weight, then by shape and order of axes. */
  readonly #forms = new Map<object, Map<string, Tensor>>();
  #bytes = 0;

  /** Bytes of all copies. */
  get bytes(): number {
    return this.#bytes;
  }
  /** From now on copies of this weight are cached. */
  register(weight: Tensor): void {
    this.#forms.set(weight.dataId, new Map());
  }
  /** Whether copies of this tensor are cached. */
  has(x: Tensor): boolean {
    return this.#forms.has(x.dataId);
  }

  /** The copy under `key`, if it has been made. */
  made(x: Tensor, key: string): Tensor | undefined {
    return this.#forms.get(x.dataId)?.get(key);
  }

  /** Frees the copies; to be called before the weight itself is freed. */
  forget(weight: Tensor): void {
    for (const form of this.#forms.get(weight.dataId)?.values() ?? []) {
      this.#bytes -= FLOAT_BYTES * form.size;
      form.dispose();
    }
    this.#forms.delete(weight.dataId);
  }
  /** The copy of a weight under `key`, made once; of any other tensor it is made anew. The caller frees what it gets. */
  form(tf: Tf, x: Tensor, key: string, make: () => Tensor): Tensor {
    const forms = this.#forms.get(x.dataId);
    if (!forms) return make();
    let form = forms.get(key);
    if (!form) {
      form = tf.keep(make());
      forms.set(key, form);
      this.#bytes += FLOAT_BYTES * form.size;
    }
    return tf.reshape(form, form.shape); // a second handle on the same numbers; no copy
  }
}
