/** @file A backend in a worker thread of its own, so that this thread hears Ctrl-C and moves its bars while it computes. */
import { Worker } from 'node:worker_threads';
import type { Backend, BackendInfo, Executable, Program, WeightEntry, WeightStore } from '@auto-circuit/core/backend';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import {
  errorFrom,
  ownTensors,
  type SentWeights,
  type WorkerAnswers,
  type WorkerMessage,
  type WorkerRequest,
  type WorkerStart,
} from './backend-worker-messages.js';

/** Ours alone runs in it, so the flags of this process, a loader say, are not handed on. */
const ENTRY = new URL('./backend-worker-entry.js', import.meta.url);

/**
 * Starts a worker with a first-party backend. Programs, feeds and results are copied between the threads; weights in files
 * are named, those in memory copied once for each store.
 * @throws AutoCircuitError what the backend itself throws on being made
 */
export async function backendInWorker(start: WorkerStart): Promise<Backend> {
  const worker = new Worker(ENTRY, { workerData: start, execArgv: [] });
  return backendOver({
    post: (message, buffers) => worker.postMessage(message, [...buffers]),
    onMessage: (listener) => worker.on('message', listener),
    onEnd: (listener) => {
      worker.on('error', listener);
      worker.on('exit', (code) => listener(unusable(`its thread ended with code ${code}`)));
    },
    end: async () => {
      await worker.terminate();
    },
  });
}

/** The way to a thread or a process with a backend in it. */
export interface BackendPort {
  /** `buffers` may be moved instead of copied. Throws for what cannot be sent. */
  post(message: { readonly id: number; readonly request: WorkerRequest }, buffers: readonly ArrayBuffer[]): void;
  onMessage(listener: (message: WorkerMessage) => void): void;
  onEnd(listener: (error: Error) => void): void;
  end(): Promise<void>;
}

/** @throws AutoCircuitError what the backend itself throws on being made */
export async function backendOver(port: BackendPort): Promise<Backend> {
  const line = new WorkerLine(port);
  let info: BackendInfo;
  try {
    info = await line.started;
  } catch (error) {
    await line.end();
    throw error;
  }
  const sender = new WeightSender((store) => line.tell({ kind: 'forget', store }));
  let ended: Promise<void> | null = null;
  return Object.freeze<Backend>({
    info,
    async compile(program, weights, hint) {
      const sent = sender.missing(program, weights);
      const executable = await line.ask({ kind: 'compile', program, weights: sent, ...(hint ? { hint } : {}) });
      let released: Promise<null> | null = null;
      return Object.freeze<Executable>({
        async run(feeds) {
          if (released) throw unusable(`program "${program.name}" is disposed`);
          const { tensors, buffers } = ownTensors(feeds);
          return line.ask({ kind: 'run', executable, feeds: tensors }, buffers);
        },
        async dispose() {
          if (line.ended) return;
          released ??= line.ask({ kind: 'release', executable });
          await released;
        },
      });
    },
    dispose() {
      // A thread that died has told everyone who waited; there is nothing left to free.
      ended ??= line.ended ? line.end() : line.ask({ kind: 'dispose' }).then(() => line.end());
      return ended;
    },
  });
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Questions and answers by number. When the other side dies, everyone who waits is told. */
class WorkerLine {
  readonly #port: BackendPort;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #end: Error | null = null;
  readonly started: Promise<BackendInfo>;

  constructor(port: BackendPort) {
    this.#port = port;
    let start!: { readonly resolve: (info: BackendInfo) => void; readonly reject: (error: Error) => void };
    this.started = new Promise((resolve, reject) => {
      start = { resolve, reject };
    });
    const fail = (error: Error): void => {
      this.#end ??= error;
      start.reject(error);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
    port.onMessage((message) => {
      const error = 'error' in message ? errorFrom(message.error) : null;
      if (message.id === 'start') {
        if ('info' in message) start.resolve(message.info);
        else start.reject(error!);
        return;
      }
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (error) waiting?.reject(error);
      else waiting?.resolve('value' in message ? message.value : undefined);
    });
    port.onEnd(fail);
  }

  get ended(): boolean {
    return this.#end !== null;
  }

  async ask<R extends WorkerRequest>(
    request: R,
    buffers: readonly ArrayBuffer[] = [],
  ): Promise<WorkerAnswers[R['kind']]> {
    if (this.#end) throw this.#end;
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#port.post({ id, request }, buffers); // before waiting: what cannot be sent throws here
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** Without waiting for the answer. */
  tell(request: WorkerRequest): void {
    if (!this.#end) this.#port.post({ id: this.#next++, request }, []);
  }

  async end(): Promise<void> {
    this.#end ??= unusable('it is disposed');
    await this.#port.end();
  }
}

export const unusable = (why: string): AutoCircuitError =>
  new AutoCircuitError({ where: 'worker', what: `the backend cannot be used: ${why}`, kind: 'internal' });

/** Knows which weights of which store the worker has. */
class WeightSender {
  readonly #known = new WeakMap<WeightStore, { readonly number: number; readonly sent: Set<string> }>();
  readonly #gone: FinalizationRegistry<number>;
  #next = 0;

  /** @param forget told the number of a store that nobody here has any more. */
  constructor(forget: (store: number) => void) {
    this.#gone = new FinalizationRegistry(forget);
  }

  /** @throws AutoCircuitError for a weight that the store does not have */
  missing(program: Program, weights: WeightStore): SentWeights {
    const wanted = new Set(program.values.flatMap((value) => (value.op === 'weight' ? [value.attributes.name] : [])));
    const entries = [...wanted].map((name) => [name, weights.entry(name)] as const);
    const { number, sent } = this.#record(weights);
    const missing = entries.filter(([name]) => !sent.has(name));
    for (const [name] of missing) sent.add(name);
    return {
      store: number,
      key: weights.key,
      names: weights.names,
      entries: missing.map(([name, entry]) => [name, whole(entry)] as const),
    };
  }

  #record(weights: WeightStore): { readonly number: number; readonly sent: Set<string> } {
    const known = this.#known.get(weights);
    if (known) return known;
    const record = { number: this.#next++, sent: new Set<string>() };
    this.#known.set(weights, record);
    this.#gone.register(weights, record.number);
    return record;
  }
}

/** A view would be sent with its whole buffer. */
const whole = (entry: WeightEntry): WeightEntry =>
  'data' in entry && entry.data.byteLength !== entry.data.buffer.byteLength
    ? { shape: entry.shape, data: entry.data.slice() }
    : entry;
