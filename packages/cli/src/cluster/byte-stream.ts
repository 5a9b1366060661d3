/** @file Bytes that arrive in pieces of any size, read as lines and as so many bytes. */

/** Reads pieces in order; no more than one of them and what was asked for is in memory. */
export class ByteStream {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** Whether there is something to read. */
  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#pieces.next();
      if (done) return false;
      this.#rest = value;
    }
    return true;
  }

  /** The text up to a line's end, without it; null where that does not come within so many bytes. */
  async line(most: number): Promise<string | null> {
    const read: Uint8Array[] = [];
    for (let bytes = 0; bytes <= most && (await this.#fill()); ) {
      const end = this.#rest.indexOf(10);
      const piece = end < 0 ? this.#rest : this.#rest.subarray(0, end);
      read.push(piece);
      bytes += piece.length;
      this.#rest = this.#rest.subarray(end < 0 ? piece.length : end + 1);
      if (end >= 0) return bytes <= most ? Buffer.concat(read).toString('utf8') : null;
    }
    return null;
  }

  /** The next so many bytes. @throws RangeError where there are fewer */
  async *take(bytes: number): AsyncGenerator<Uint8Array> {
    for (let left = bytes; left > 0; ) {
      if (!(await this.#fill())) throw new RangeError(`${left} of ${bytes} bytes are missing`);
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** Whether nothing follows. */
  async isAtEnd(): Promise<boolean> {
    return !(await this.#fill());
  }
}
