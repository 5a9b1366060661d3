/**
 * @file Weights whose axes were moved for a product, kept with the weight: moving them again in every run costs as much
 * as the product, and a runtime that packs matrices would pack them anew.
 */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Tf } from './tf.js';

const FLOAT_BYTES = 4;

export class TransposedWeightCache {
  /** By the data of the weight, then by shape and order of axes. */
  readonly #forms = new Map<object, Map<string, Tensor>>();
  #bytes = 0;

  /** What all kept forms take. */
  get bytes(): number {
    return this.#bytes;
  }
  /** From now on forms of this weight are kept. */
  register(weight: Tensor): void {
    this.#forms.set(weight.dataId, new Map());
  }
  /** Frees the forms; before the weight itself is freed. */
  forget(weight: Tensor): void {
    for (const form of this.#forms.get(weight.dataId)?.values() ?? []) {
      this.#bytes -= FLOAT_BYTES * form.size;
      form.dispose();
    }
    this.#forms.delete(weight.dataId);
  }
  /** The form of a weight, made once; of anything else, made now. The caller may free what it gets. */
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
