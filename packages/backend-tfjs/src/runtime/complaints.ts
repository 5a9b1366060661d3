/** @file What a runtime says on the console instead of throwing. Its module takes hold of `console.warn` when it starts. */

/** The lines of one runtime. */
export class Complaints {
  #heard: string[] | null = null;

  /** Starts a runtime, so that from now on its lines are heard here. Outside of `during` they go on to the console. */
  async attach<T>(start: () => Promise<T>): Promise<T> {
    const { warn } = console;
    console.warn = (...words: unknown[]) => {
      if (this.#heard) this.#heard.push(words.join(' '));
      else warn.apply(console, words);
    };
    try {
      return await start();
    } finally {
      console.warn = warn;
    }
  }

  /** Runs kernels without a pause. @throws Error with the first line that the runtime has written meanwhile */
  during<T>(run: () => T): T {
    const heard: string[] = [];
    this.#heard = heard;
    try {
      const result = run();
      if (heard.length > 0) throw new Error(heard[0]);
      return result;
    } finally {
      this.#heard = null;
    }
  }
}
