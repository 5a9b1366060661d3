/** @file The worker's side: one backend with what was made on it, and replies to the requests that arrive. */
import type { Backend, Executable } from '@auto-circuit/core/backend';
import type { Plugin } from '@auto-circuit/core/plugin';
import { AutoCircuitError, Registry } from '@auto-circuit/core/startup';
import { errorToData } from './error-data.js';
import { type GrowingStore, growingStore } from './growing-store.js';
import {
  type HostMessage,
  type HostRequest,
  ownTensors,
  type RequestMessage,
  type SentWeights,
  type WorkerBackend,
} from './messages.js';

/** Sends a message to the client; `buffers` may be moved instead of copied. */
export type Send = (message: HostMessage, buffers?: readonly ArrayBuffer[]) => void;

/**
 * Makes the backend and sends its info, or the error that it was refused with.
 * @returns what replies to each request in turn; null when there is no backend
 */
export async function startHost(start: WorkerBackend, send: Send): Promise<((message: RequestMessage) => void) | null> {
  let host: BackendHost;
  try {
    const backend = await makeBackend(start);
    host = new BackendHost(backend);
    send({ id: 'start', info: backend.info });
  } catch (error) {
    send({ id: 'start', error: errorToData(error) });
    return null;
  }
  return ({ id, request }) => {
    host
      .reply(request)
      .then(({ value, buffers }) => send({ id, value }, buffers))
      .catch((error: unknown) => send({ id, error: errorToData(error) })); // also for what could not be sent
  };
}

async function makeBackend(start: WorkerBackend): Promise<Backend> {
  const { module, exportName, outside, name, settings, options } = start;
  const exported = (await import(module)) as Readonly<Record<string, Plugin | { readonly default?: Plugin }>>;
  const found = exported[exportName];
  // a CommonJS file that a compiler made of `export default` has it one level deeper
  const plugin = found && '__esModule' in found && 'default' in found ? found.default : found;
  const registry = new Registry().use(plugin as Plugin, outside ?? module, outside ?? null); // checks that it is a plugin
  return registry.get('backend', name).create(settings, options);
}

interface Reply {
  readonly value: unknown;
  readonly buffers?: readonly ArrayBuffer[];
}

class BackendHost {
  readonly #backend: Backend;
  readonly #executables = new Map<number, Executable>();
  readonly #stores = new Map<number, GrowingStore>();
  #next = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async reply(request: HostRequest): Promise<Reply> {
    switch (request.kind) {
      case 'compile': {
        const executable = await this.#backend.compile(request.program, this.#store(request.weights), request.hint);
        this.#executables.set(this.#next, executable);
        return { value: this.#next++ };
      }
      case 'run': {
        const { tensors, buffers } = ownTensors(await this.#executable(request.executable).run(request.feeds));
        return { value: tensors, buffers };
      }
      case 'release':
        await this.#executable(request.executable).dispose();
        this.#executables.delete(request.executable);
        return { value: null };
      case 'forget':
        this.#stores.delete(request.store);
        return { value: null };
      case 'memory':
        return { value: process.resourceUsage().maxRSS * 1024 }; // in KiB
      case 'dispose':
        await this.#backend.dispose();
        return { value: null };
    }
  }

  #executable(number: number): Executable {
    const found = this.#executables.get(number);
    if (found) return found;
    throw new AutoCircuitError({
      code: 'internal',
      where: 'worker',
      what: `there is no program ${number}`,
      kind: 'internal',
    });
  }

  /** The same object each time, as the backend may know weights by their store. */
  #store(sent: SentWeights): GrowingStore {
    const store = this.#stores.get(sent.store) ?? growingStore(sent);
    this.#stores.set(sent.store, store);
    for (const [name, entry] of sent.entries) store.entries.set(name, entry);
    return store;
  }
}
