/** @file A store bounded by bytes: what was used least recently is let go first. */

interface Entry<V> {
  readonly value: V;
  readonly bytes: number;
}

/** Values by key, at most `limitBytes` of them together: a value that is larger than the limit is not kept at all. */
export class ByteLru<V> {
  readonly limitBytes: number;
  /** Values that are being made: who asks meanwhile waits for the same. */
  readonly #underWay = new Map<string, Promise<V>>();
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry<V>>();
  #bytes = 0;

  /** @param limitBytes without it nothing is let go but by `delete` */
  constructor(limitBytes = Number.POSITIVE_INFINITY) {
    this.limitBytes = limitBytes;
  }

  /** Bytes of all values that are kept. */
  get bytes(): number {
    return this.#bytes;
  }
  /** How many values are kept. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value under a key, which is now the most recently used one. */
  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /**
   * Keeps a value in place of what the key had, and lets go of others until all fit.
   * @returns whether it is kept
   */
  set(key: string, value: V, bytes = 0): boolean {
    this.delete(key);
    if (bytes > this.limitBytes) return false;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes + bytes <= this.limitBytes) break;
      this.delete(oldest);
    }
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    return true;
  }

  /** The value under a key; if it is not there it is made, and kept if it fits. */
  async getOrMake(key: string, make: () => Promise<V>, bytesOf: (value: V) => number): Promise<V> {
    const known = this.get(key);
    if (known !== undefined) return known;
    const underWay = this.#underWay.get(key);
    if (underWay) return underWay;
    const making = make();
    this.#underWay.set(key, making);
    try {
      const made = await making;
      // Unless the key was deleted, or everything, while it was made.
      if (this.#underWay.get(key) === making) this.set(key, made, bytesOf(made));
      return made;
    } finally {
      if (this.#underWay.get(key) === making) this.#underWay.delete(key);
    }
  }

  delete(key: string): void {
    this.#underWay.delete(key);
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }

  /** Keys and values, the least recently used first; reading them so counts as no use. */
  entries(): [key: string, value: V][] {
    return [...this.#entries].map(([key, { value }]) => [key, value]);
  }

  clear(): void {
    this.#underWay.clear();
    this.#entries.clear();
    this.#bytes = 0;
  }
}
