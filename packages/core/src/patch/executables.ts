/** @file Compiled programs of one model, by name: made when first asked for, the least used let go. */
import type { Backend, CompileHint, Executable, Feeds, Results, WeightStore } from '../ir/backend.js';
import type { Program } from '../ir/types.js';

/** Sessions that stay alive together; each may hold a prepacked copy of the weights. */
const MOST_LIVE = 2;

interface Live {
  readonly executable: Executable;
  readonly inputs: ReadonlySet<string>;
}

export class Executables {
  readonly #backend: Backend;
  readonly #weights: WeightStore;
  readonly #onDebug: (line: string) => void;
  readonly #live = new Map<string, Promise<Live>>();

  constructor(backend: Backend, weights: WeightStore, onDebug: (line: string) => void) {
    this.#backend = backend;
    this.#weights = weights;
    this.#onDebug = onDebug;
  }

  /** Runs the program of this key. A mode may leave an input unused (simplified away); feeds for it are left out here. */
  async run(key: string, make: () => Program, feeds: Feeds, hint: CompileHint = {}): Promise<Results> {
    const { executable, inputs } = await this.#get(key, make, hint);
    return executable.run(Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.has(name))));
  }

  async #get(key: string, make: () => Program, hint: CompileHint): Promise<Live> {
    const known = this.#live.get(key);
    if (known) {
      this.#live.delete(key); // to the end: most recently used
      this.#live.set(key, known);
      return known;
    }
    const oldest = this.#live.keys().next();
    if (this.#live.size >= MOST_LIVE && !oldest.done) {
      const old = this.#live.get(oldest.value)!;
      this.#live.delete(oldest.value);
      await (await old).executable.dispose();
    }
    const started = performance.now();
    const program = make();
    const built = performance.now();
    const inputs = new Set(program.values.flatMap((value) => (value.op === 'input' ? [value.attributes.name] : [])));
    const made = this.#backend.compile(program, this.#weights, hint).then((executable) => ({ executable, inputs }));
    this.#live.set(key, made);
    made.then(
      () =>
        this.#onDebug(
          `program ${key}: ${program.values.length} values, built in ${Math.round(built - started)} ms, compiled in ${Math.round(performance.now() - built)} ms`,
        ),
      () => this.#live.delete(key),
    );
    return made;
  }

  async dispose(): Promise<void> {
    const all = [...this.#live.values()];
    this.#live.clear();
    for (const made of all) await (await made).executable.dispose();
  }
}
