/** @file Compiled programs of one model, by name: made when first asked for, the least used let go, all within the memory allowed. */
import type { Backend, CompileHint, Executable, Feeds, Results, WeightStore } from '../../backend/backend.js';
import { checkFeeds } from '../../backend/check-feeds.js';
import { type ProgramMemory, programMemory } from '../../ir/analysis/memory.js';
import type { DimSizes } from '../../ir/program/dims.js';
import type { Program } from '../../ir/program/program.js';
import { elementCount } from '../../tensor/tensor.js';
import type { MemoryPlan } from './memory-plan.js';

/** Programs that stay alive together: those of a curve (pass 1, three ways to run a mask, plain) and one more. */
const MOST_LIVE = 6;
/** Copies of weights of all that are alive, unless one program alone has more: two of GPT-2 small's. */
const MOST_COPIES_ALIVE_BYTES = 768 * 2 ** 20;
/** From this size on a model's weights decide about memory: a `big` program lives beside big ones only. */
const LARGE_WEIGHTS_BYTES = 256 * 2 ** 20;

/** A program that is built when it is first needed. Equal keys, equal programs. */
export interface NamedProgram {
  readonly key: string;
  readonly make: () => Program;
}

/** How a program will be used. */
export interface Use {
  /** false: a few runs only. Default true. */
  readonly repeated?: boolean;
  /** It keeps activations of a whole forward pass (gradients do). */
  readonly big?: boolean;
}

/** Prompts of one length that a program is to run on. */
export interface Load {
  readonly prompts: number;
  readonly length: number;
  /** Bytes that the results of all of them take in JavaScript. */
  readonly hostBytes: number;
}

interface Live {
  readonly executable: Executable;
  readonly inputs: ReadonlySet<string>;
}
interface Entry {
  readonly made: Promise<Live>;
  readonly big: boolean;
  /** Whether it holds copies of weights. */
  readonly prepacked: boolean;
}
/** A program that was built: it stays when its executable is let go. */
interface Built {
  readonly program: Program;
  readonly memory: ProgramMemory;
  readonly milliseconds: number;
  /** The largest sizes that it was used with. */
  sizes: DimSizes;
  hostBytes: number;
  /** What was last said of its cuts. */
  said: string;
  /** Whether a big program took its place: asked for again, it stands beside that one. */
  comesAgain: boolean;
}

export class Executables {
  readonly #backend: Backend;
  readonly #weights: WeightStore;
  readonly #plan: MemoryPlan;
  readonly #onDebug: (line: string) => void;
  /** Least recently used first. */
  readonly #live = new Map<string, Entry>();
  readonly #built = new Map<string, Built>();
  readonly #large: boolean;
  /** Runs worth asking for at once. */
  readonly parallel: number;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(backend: Backend, weights: WeightStore, plan: MemoryPlan, onDebug: (line: string) => void) {
    this.#backend = backend;
    this.parallel = backend.parallel ?? 1;
    this.#weights = weights;
    this.#plan = plan;
    this.#onDebug = onDebug;
    const bytes = weights.names.reduce((sum, name) => sum + 4 * elementCount(weights.entry(name).shape), 0);
    this.#large = bytes > LARGE_WEIGHTS_BYTES;
  }

  /**
   * How many of `load.prompts` one run of this program may take.
   * @throws AutoCircuitError when a limit was asked for that one prompt exceeds
   */
  promptsPerRun(named: NamedProgram, load: Load): number {
    const built = this.#build(named);
    const { hostBytes } = load;
    const useOf = (batch: number) => ({
      program: built.memory,
      sizes: { answers: 2, ...built.sizes, batch, pos: load.length },
      hostBytes,
    });
    const prompts = this.#plan.promptsThatFit(load.prompts, useOf);
    const { sizes } = useOf(prompts);
    if (built.memory.peakBytes(sizes) >= built.memory.peakBytes(built.sizes)) built.sizes = sizes;
    built.hostBytes = Math.max(built.hostBytes, hostBytes);
    const cut = `${prompts} of ${load.prompts} prompts of ${load.length} tokens at a time`;
    if (prompts < load.prompts && built.said !== cut) this.#onDebug(`program ${named.key}: ${cut}, by --memory`);
    built.said = cut;
    return prompts;
  }

  /** The program itself, built once. */
  program(named: NamedProgram): Program {
    return this.#build(named).program;
  }

  /** Bytes that a program gives for this many prompts. */
  outputBytes(named: NamedProgram, batch: number, pos: number): number {
    return this.#build(named).memory.outputBytes({ batch, pos });
  }

  /** Runs a program. A mode may leave an input unused (simplified away); feeds for it are left out here. */
  async run(named: NamedProgram, feeds: Feeds, use: Use = {}): Promise<Results> {
    // Begun one after the other: while one looks for its program, no other may let that program go.
    const begun = this.#turn.then(async () => {
      const { executable, inputs } = await this.#get(named, feeds, use);
      return { results: executable.run(read(feeds, inputs)) };
    });
    this.#turn = begun.catch(() => undefined); // whoever asked is told
    return (await begun).results;
  }

  async #get(named: NamedProgram, feeds: Feeds, use: Use): Promise<Live> {
    const { key } = named;
    const known = this.#live.get(key);
    if (known) {
      this.#live.delete(key);
      this.#live.set(key, known);
      return known.made;
    }
    const built = this.#build(named);
    const inputs = inputsOf(built.program);
    if (Object.keys(built.sizes).length === 0) built.sizes = checkFeeds(built.program, read(feeds, inputs));
    const big = use.big ?? false;
    const prepacks = this.#prepacks(built, use);
    await this.#makeRoom(this.#bytes(built, prepacks), prepacks ? built.memory.copyBytes : 0, big, built.comesAgain);
    const hint: CompileHint = { repeated: use.repeated ?? true, prepackBytes: prepacks ? Number.POSITIVE_INFINITY : 0 };
    const made = this.#compile(key, built, inputs, hint);
    this.#live.set(key, { made, big, prepacked: prepacks });
    made.catch(() => this.#live.delete(key));
    return made;
  }

  #prepacks(built: Built, { repeated = true, big = false }: Use): boolean {
    if (!repeated || (this.#large && big && !this.#plan.limit.strict)) return false;
    return this.#plan.allowsPrepacking(this.#bytes(built, true), built.memory.copyBytes);
  }

  #bytes({ memory, sizes, hostBytes }: Built, prepacked: boolean): number {
    return this.#plan.programBytes({ program: memory, sizes, hostBytes }, prepacked);
  }

  async #makeRoom(bytes: number, copies: number, big: boolean, comesAgain: boolean): Promise<void> {
    const copiesOf = (name: string): number => this.#built.get(name)!.memory.copyBytes;
    for (const [key, entry] of [...this.#live]) {
      // Gradients take turns with gradients (integrated ones have two programs), not with what runs before and after. What
      // comes back between them (pass 1 of the next batch) is worth its memory.
      const alone = this.#large && big !== entry.big && !(entry.big && comesAgain);
      const alive = [...this.#live].map(([name, { prepacked }]) => this.#bytes(this.#built.get(name)!, prepacked));
      const held = [...this.#live].reduce((sum, [name, { prepacked }]) => sum + (prepacked ? copiesOf(name) : 0), 0);
      const crowded = entry.prepacked && copies > 0 && held + copies > MOST_COPIES_ALIVE_BYTES;
      if (!alone && !crowded && this.#live.size < MOST_LIVE && this.#plan.fits([...alive, bytes])) continue;
      this.#live.delete(key);
      if (big && !entry.big) this.#built.get(key)!.comesAgain = true;
      await (await entry.made).executable.dispose();
    }
  }

  #build({ key, make }: NamedProgram): Built {
    const known = this.#built.get(key);
    if (known) return known;
    const started = performance.now();
    const program = make();
    const milliseconds = performance.now() - started;
    const built = {
      program,
      memory: programMemory(program),
      milliseconds,
      sizes: {},
      hostBytes: 0,
      said: '',
      comesAgain: false,
    };
    this.#built.set(key, built);
    return built;
  }

  async #compile(
    key: string,
    { program, milliseconds }: Built,
    inputs: ReadonlySet<string>,
    hint: CompileHint,
  ): Promise<Live> {
    const started = performance.now();
    const executable = await this.#backend.compile(program, this.#weights, hint);
    const [building, compiling] = [milliseconds, performance.now() - started].map(Math.round);
    const weights = hint.prepackBytes === 0 ? 'weights as they lie' : 'weights may be copied for the kernels';
    this.#onDebug(
      `program ${key}: ${program.values.length} values, built in ${building} ms, compiled in ${compiling} ms, ${weights}`,
    );
    return { executable, inputs };
  }

  async dispose(): Promise<void> {
    const all = [...this.#live.values()];
    this.#live.clear();
    for (const { made } of all) await (await made).executable.dispose();
  }
}

const inputsOf = (program: Program): ReadonlySet<string> =>
  new Set(program.values.flatMap((value) => (value.op === 'input' ? [value.attributes.name] : [])));
const read = (feeds: Feeds, inputs: ReadonlySet<string>): Feeds =>
  Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.has(name)));
