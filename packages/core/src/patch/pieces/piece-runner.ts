/** @file Compiles the programs of pieces, runs them, and lets them go at once, but for as many as a little memory holds. */
import type { Backend, Feeds, Results, WeightStore } from '../../backend/backend.js';
import { checkFeeds } from '../../backend/check-feeds.js';
import { type ProgramMemory, programMemory } from '../../ir/analysis/memory.js';
import type { Program } from '../../ir/program/program.js';
import type { MemoryPlan } from '../exec/memory-plan.js';

/** What a runner works with. */
export interface PieceRunnerRequest {
  readonly backend: Backend;
  readonly weights: WeightStore;
  readonly plan: MemoryPlan;
}

/** The share of the memory limit that compiled pieces may keep: small models are not compiled anew for every run. */
const KEPT_SHARE = 1 / 8;

interface Built {
  readonly program: Program;
  readonly memory: ProgramMemory;
  readonly inputs: ReadonlySet<string>;
}
type Kept = Awaited<ReturnType<Backend['compile']>>;

/** Programs by key: built once, compiled when they run. One run after the other. */
export class PieceRunner {
  readonly #request: PieceRunnerRequest;
  readonly #built = new Map<string, Built>();
  readonly #kept = new Map<string, Kept>();
  #keptBytes = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(request: PieceRunnerRequest) {
    this.#request = request;
  }

  /** The memory that a program needs. */
  memory(key: string, make: () => Program): ProgramMemory {
    return this.#build(key, make).memory;
  }

  /** Runs a program; feeds that it does not need are left out. */
  run(key: string, make: () => Program, feeds: Feeds): Promise<Results> {
    const next = this.#last.then(() => this.#run(key, make, feeds));
    this.#last = next.catch(() => undefined); // an error goes to the caller of this run alone
    return next;
  }

  async #run(key: string, make: () => Program, all: Feeds): Promise<Results> {
    const { backend, weights, plan } = this.#request;
    const { program, memory, inputs } = this.#build(key, make);
    const feeds = Object.fromEntries(Object.entries(all).filter(([name]) => inputs.has(name)));
    const kept = this.#kept.get(key);
    const executable = kept ?? (await backend.compile(program, weights, { repeated: false, prepackBytes: 0 }));
    let keeps = kept !== undefined;
    try {
      const results = await executable.run(feeds);
      const sizes = checkFeeds(program, feeds);
      const bytes = plan.programBytes({ program: memory, sizes, hostBytes: 0 }, false);
      // Programs without weights run between all pieces, and what they need is in the plan of every run.
      const isShared = memory.weightBytes === 0;
      if (!keeps && (isShared || this.#keptBytes + bytes <= KEPT_SHARE * plan.limit.bytes)) {
        this.#kept.set(key, executable);
        if (!isShared) this.#keptBytes += bytes;
        keeps = true;
      }
      return results;
    } finally {
      if (!keeps) await executable.dispose();
      weights.check?.(); // of weights that changed meanwhile results are wrong
    }
  }

  #build(key: string, make: () => Program): Built {
    const known = this.#built.get(key);
    if (known) return known;
    const program = make();
    const inputs = new Set(program.values.flatMap((value) => (value.op === 'input' ? [value.attributes.name] : [])));
    const built = { program, memory: programMemory(program), inputs };
    this.#built.set(key, built);
    return built;
  }

  /** Lets go of all compiled programs, when what is under way has ended. */
  async dispose(): Promise<void> {
    await this.#last;
    const all = [...this.#kept.values()];
    this.#kept.clear();
    this.#keptBytes = 0;
    for (const executable of all) await executable.dispose();
  }
}
