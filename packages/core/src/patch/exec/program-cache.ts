/** @file Compiled programs of one model, by spec: made when first asked for, the least recently used let go, within the memory allowed. */

import type { Backend, CompileHint, Executable, Feeds, Results, WeightStore } from '../../backend/backend.js';
import { checkFeeds } from '../../backend/check-feeds.js';
import { type ProgramMemory, programMemory } from '../../ir/analysis/memory.js';
import type { DimSizes } from '../../ir/program/dims.js';
import type { Program } from '../../ir/program/program.js';
import { elementCount } from '../../tensor/tensor.js';
import { type ProgramSpec, programKey } from '../programs/program-spec.js';
import { ByteLru } from './byte-lru.js';
import type { MemoryPlan } from './memory-plan.js';

/** Programs that stay alive together: those of a curve (pass 1, three ways to run a mask, plain) and one more. */
const MOST_LIVE = 6;
/** Copies of weights of all that are alive, unless one program alone has more: two of GPT-2 small's. */
const MOST_COPIES_ALIVE_BYTES = 768 * 2 ** 20;
/** From this size on a model's weights decide about memory: a `big` program lives beside big ones only. */
const LARGE_WEIGHTS_BYTES = 256 * 2 ** 20;

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

/** What the cache works with. */
export interface ProgramCacheRequest {
  readonly backend: Backend;
  readonly weights: WeightStore;
  readonly plan: MemoryPlan;
  /** Builds the program of a spec. */
  readonly make: (spec: ProgramSpec) => Program;
  readonly onDebug: (line: string) => void;
}

interface Loaded {
  readonly executable: Executable;
  readonly inputs: ReadonlySet<string>;
}
/** A program that is compiled, or is being compiled. */
interface Live {
  readonly loaded: Promise<Loaded>;
  readonly built: Built;
  readonly big: boolean;
  /** Whether it holds copies of weights. */
  readonly prepacked: boolean;
}
/** A program that was built: it stays when its executable is let go. */
interface Built {
  readonly key: string;
  readonly program: Program;
  readonly memory: ProgramMemory;
  readonly milliseconds: number;
  /** The largest sizes that it was used with. */
  sizes: DimSizes;
  hostBytes: number;
  /** How its prompts were last cut, as it was reported. */
  reportedCut: string;
  /** Whether it was let go for a big program: when it is asked for again, the two stay alive together. */
  comesAgain: boolean;
}

/** The compiled programs of one model. Runs are begun in the order in which they are asked for. */
export class ProgramCache {
  /** How many runs are worth asking for at once. */
  readonly parallel: number;
  readonly #request: ProgramCacheRequest;
  /** Without a limit of its own: what is let go follows from the memory plan. */
  readonly #live = new ByteLru<Live>();
  readonly #built = new Map<string, Built>();
  /** Whether the model's weights decide about memory. */
  readonly #large: boolean;
  #begun: Promise<unknown> = Promise.resolve();
  /** Runs under way; they never reject. */
  readonly #running = new Set<Promise<void>>();

  constructor(request: ProgramCacheRequest) {
    this.#request = request;
    this.parallel = request.backend.parallel ?? 1;
    const { weights } = request;
    const bytes = weights.names.reduce((sum, name) => sum + 4 * elementCount(weights.entry(name).shape), 0);
    this.#large = bytes > LARGE_WEIGHTS_BYTES;
  }

  /**
   * How many of `load.prompts` one run of this program may take.
   * @throws AutoCircuitError when a limit was asked for that one prompt exceeds
   */
  promptsPerRun(spec: ProgramSpec, { prompts: most, length, hostBytes }: Load): number {
    const built = this.#build(spec);
    const useOf = (batch: number) => ({
      program: built.memory,
      sizes: { answers: 2, ...built.sizes, batch, pos: length },
      hostBytes,
    });
    const prompts = this.#request.plan.promptsThatFit(most, useOf);
    const { sizes } = useOf(prompts);
    if (built.memory.peakBytes(sizes) >= built.memory.peakBytes(built.sizes)) built.sizes = sizes;
    built.hostBytes = Math.max(built.hostBytes, hostBytes);
    const cut = `${prompts} of ${most} prompts of ${length} tokens at a time`;
    if (prompts < most && built.reportedCut !== cut)
      this.#request.onDebug(`program ${built.key}: ${cut}, by the memory limit`);
    built.reportedCut = cut;
    return prompts;
  }

  /** Whether one prompt of a length fits in the memory that is allowed, asked for or not. */
  fitsOne(spec: ProgramSpec, length: number): boolean {
    const { memory } = this.#build(spec);
    const use = { program: memory, sizes: { answers: 2, batch: 1, pos: length }, hostBytes: 0 };
    return this.#request.plan.fits([this.#request.plan.programBytes(use, false)]);
  }

  /** The program itself, built once. */
  program(spec: ProgramSpec): Program {
    return this.#build(spec).program;
  }

  /** Bytes of all that a program gives for this many prompts of a length. */
  outputBytes(spec: ProgramSpec, batch: number, pos: number): number {
    return this.#build(spec).memory.outputBytes({ batch, pos });
  }

  /** Runs a program. A mode may leave an input unused (simplified away); feeds for it are left out here. */
  async run(spec: ProgramSpec, feeds: Feeds, use: Use = {}): Promise<Results> {
    // Begun one after the other: while one looks for its program, no other may let that program go.
    const begun = this.#begun.then(async () => {
      const { executable, inputs } = await this.#load(spec, feeds, use);
      const results = executable.run(only(feeds, inputs));
      const settled = results.then(ignore, ignore).finally(() => this.#running.delete(settled));
      this.#running.add(settled);
      return { results };
    });
    this.#begun = begun.catch(() => undefined); // an error goes to the caller of this run alone
    try {
      return await (await begun).results;
    } finally {
      // of weights that changed meanwhile results are wrong, and what a runtime says of them misleads
      this.#request.weights.check?.();
    }
  }

  async #load(spec: ProgramSpec, feeds: Feeds, use: Use): Promise<Loaded> {
    const built = this.#build(spec);
    const { key } = built;
    const live = this.#live.get(key);
    if (live) return live.loaded;
    const inputs = inputsOf(built.program);
    if (Object.keys(built.sizes).length === 0) built.sizes = checkFeeds(built.program, only(feeds, inputs));
    const prepacked = this.#prepacks(built, use);
    const big = use.big ?? false;
    await this.#letGoFor(built, prepacked, big);
    const hint: CompileHint = {
      repeated: use.repeated ?? true,
      prepackBytes: prepacked ? Number.POSITIVE_INFINITY : 0,
    };
    const loaded = this.#compile(built, inputs, hint);
    this.#live.set(key, { loaded, built, big, prepacked });
    loaded.catch(() => this.#live.delete(key));
    return loaded;
  }

  #prepacks(built: Built, { repeated = true, big = false }: Use): boolean {
    const { plan } = this.#request;
    if (!repeated || (this.#large && big && !plan.limit.strict)) return false;
    return plan.allowsPrepacking(this.#bytes(built, true), built.memory.copyBytes);
  }

  #bytes({ memory, sizes, hostBytes }: Built, prepacked: boolean): number {
    return this.#request.plan.programBytes({ program: memory, sizes, hostBytes }, prepacked);
  }

  /** Lets go of programs, the least recently used first, until this one may be compiled. */
  async #letGoFor(built: Built, prepacked: boolean, big: boolean): Promise<void> {
    const bytes = this.#bytes(built, prepacked);
    const copies = prepacked ? built.memory.copyBytes : 0;
    for (const [key, candidate] of this.#live.entries()) {
      const live = this.#live.entries().map(([, other]) => other);
      // Gradients take turns with gradients (integrated ones have two programs), not with what runs before and after. What
      // comes back between them (pass 1 of the next batch) is worth its memory.
      const alone = this.#large && big !== candidate.big && !(candidate.big && built.comesAgain);
      const copiesHeld = live.reduce((sum, other) => sum + (other.prepacked ? other.built.memory.copyBytes : 0), 0);
      const crowded = candidate.prepacked && copies > 0 && copiesHeld + copies > MOST_COPIES_ALIVE_BYTES;
      const alive = live.map((other) => this.#bytes(other.built, other.prepacked));
      const programs = [...live.map((other) => other.built.memory), built.memory];
      const fits = live.length < MOST_LIVE && this.#request.plan.fits([...alive, bytes], programs);
      if (!alone && !crowded && fits) continue;
      this.#live.delete(key);
      if (big && !candidate.big) candidate.built.comesAgain = true;
      await (await candidate.loaded).executable.dispose();
    }
  }

  #build(spec: ProgramSpec): Built {
    const key = programKey(spec);
    const known = this.#built.get(key);
    if (known) return known;
    const started = performance.now();
    const program = this.#request.make(spec);
    const milliseconds = performance.now() - started;
    const built: Built = {
      key,
      program,
      memory: programMemory(program),
      milliseconds,
      sizes: {},
      hostBytes: 0,
      reportedCut: '',
      comesAgain: false,
    };
    this.#built.set(key, built);
    return built;
  }

  async #compile(
    { key, program, milliseconds }: Built,
    inputs: ReadonlySet<string>,
    hint: CompileHint,
  ): Promise<Loaded> {
    const { backend, weights, onDebug } = this.#request;
    const started = performance.now();
    const executable = await backend.compile(program, weights, hint);
    const [building, compiling] = [milliseconds, performance.now() - started].map(Math.round);
    const how = hint.prepackBytes === 0 ? 'weights as they lie' : 'weights may be copied for the kernels';
    onDebug(
      `program ${key}: ${program.values.length} values, built in ${building} ms, compiled in ${compiling} ms, ${how}`,
    );
    return { executable, inputs };
  }

  /** Lets go of all compiled programs, when what is under way has ended. */
  async dispose(): Promise<void> {
    await this.#begun;
    await Promise.all(this.#running);
    const all = this.#live.entries();
    this.#live.clear();
    const failed = await Promise.allSettled(all.map(async ([, { loaded }]) => (await loaded).executable.dispose()));
    for (const result of failed) if (result.status === 'rejected') throw result.reason;
  }
}

const ignore = (): void => undefined;

const inputsOf = (program: Program): ReadonlySet<string> =>
  new Set(program.values.flatMap((value) => (value.op === 'input' ? [value.attributes.name] : [])));
const only = (feeds: Feeds, inputs: ReadonlySet<string>): Feeds =>
  Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.has(name)));
