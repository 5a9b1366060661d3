/** @file Compiled programs of one model, by name: made when first asked for, the least used let go. */
import type { Backend, CompileHint, Executable, Feeds, Results, WeightStore } from '../ir/backend.js';
import { elementCount } from '../ir/tensor.js';
import type { Program } from '../ir/types.js';

/** Programs that stay alive together. Each maps the weights, and may hold a prepacked copy of them. */
const MOST_LIVE = 3;
/** From this size on a model's weights decide about memory: two programs at most, and a `big` one alone. */
const LARGE_WEIGHTS_BYTES = 256 * 2 ** 20;
const MOST_LIVE_LARGE = 2;

/** How a program will be used. */
export interface Use extends CompileHint {
  /** It keeps activations of a whole forward pass (gradients do). */
  readonly big?: boolean;
}

interface Live {
  readonly executable: Executable;
  readonly inputs: ReadonlySet<string>;
}
interface Entry {
  readonly made: Promise<Live>;
  readonly big: boolean;
}

export class Executables {
  readonly #backend: Backend;
  readonly #weights: WeightStore;
  readonly #onDebug: (line: string) => void;
  /** Least recently used first. */
  readonly #live = new Map<string, Entry>();
  readonly #large: boolean;

  constructor(backend: Backend, weights: WeightStore, onDebug: (line: string) => void) {
    this.#backend = backend;
    this.#weights = weights;
    this.#onDebug = onDebug;
    const bytes = weights.names.reduce((sum, name) => sum + 4 * elementCount(weights.entry(name).shape), 0);
    this.#large = bytes > LARGE_WEIGHTS_BYTES;
  }

  /** Runs the program of this key. A mode may leave an input unused (simplified away); feeds for it are left out here. */
  async run(key: string, make: () => Program, feeds: Feeds, use: Use = {}): Promise<Results> {
    const { executable, inputs } = await this.#get(key, make, use);
    return executable.run(Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.has(name))));
  }

  async #get(key: string, make: () => Program, use: Use): Promise<Live> {
    const known = this.#live.get(key);
    if (known) {
      this.#live.delete(key);
      this.#live.set(key, known);
      return known.made;
    }
    const big = use.big ?? false;
    await this.#makeRoom(big);
    const made = this.#compile(key, make, this.#large && big ? { ...use, repeated: false } : use);
    this.#live.set(key, { made, big });
    made.catch(() => this.#live.delete(key));
    return made;
  }

  async #makeRoom(big: boolean): Promise<void> {
    const most = this.#large ? MOST_LIVE_LARGE : MOST_LIVE;
    for (const [key, entry] of [...this.#live]) {
      const alone = this.#large && (big || entry.big);
      if (!alone && this.#live.size < most) continue;
      this.#live.delete(key);
      await (await entry.made).executable.dispose();
    }
  }

  async #compile(key: string, make: () => Program, hint: CompileHint): Promise<Live> {
    const started = performance.now();
    const program = make();
    const built = performance.now();
    const inputs = new Set(program.values.flatMap((value) => (value.op === 'input' ? [value.attributes.name] : [])));
    const executable = await this.#backend.compile(program, this.#weights, hint);
    const [building, compiling] = [built - started, performance.now() - built].map(Math.round);
    this.#onDebug(
      `program ${key}: ${program.values.length} values, built in ${building} ms, compiled in ${compiling} ms`,
    );
    return { executable, inputs };
  }

  async dispose(): Promise<void> {
    const all = [...this.#live.values()];
    this.#live.clear();
    for (const { made } of all) await (await made).executable.dispose();
  }
}
