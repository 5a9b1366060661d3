/** @file One backend with what has been made on it, for whoever speaks for it in a thread or a process of its own. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { Backend, Executable, WeightEntry, WeightStore } from '@auto-circuit/core/backend';
import { AutoCircuitError, Registry, unknownName } from '@auto-circuit/core/startup';
import {
  errorData,
  ownTensors,
  type SentWeights,
  type WorkerMessage,
  type WorkerRequest,
  type WorkerStart,
} from './backend-worker-messages.js';
import { useFirstPartyPlugin } from './first-party.js';

interface Answer {
  readonly value: unknown;
  readonly buffers?: readonly ArrayBuffer[];
}

/** The backend with what has been made on it. */
class BackendRoom {
  readonly #backend: Backend;
  readonly #executables = new Map<number, Executable>();
  readonly #stores = new Map<number, GrowingStore>();
  #next = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async answer(request: WorkerRequest): Promise<Answer> {
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
      case 'dispose':
        await this.#backend.dispose();
        return { value: null };
    }
  }

  #executable(number: number): Executable {
    const found = this.#executables.get(number);
    if (found) return found;
    throw new AutoCircuitError({ where: 'worker', what: `there is no program ${number}`, kind: 'internal' });
  }

  /** The same object each time, as the backend may know weights by their store. */
  #store(sent: SentWeights): WeightStore {
    const store = this.#stores.get(sent.store) ?? growingStore(sent);
    this.#stores.set(sent.store, store);
    for (const [name, entry] of sent.entries) store.entries.set(name, entry);
    return store;
  }
}

interface GrowingStore extends WeightStore {
  readonly entries: Map<string, WeightEntry>;
}

/** A store that gets its entries as programs need them. */
function growingStore({ key, names }: SentWeights): GrowingStore {
  const entries = new Map<string, WeightEntry>();
  const entry = (name: string): WeightEntry => {
    const found = entries.get(name);
    if (!found) throw unknownName('worker', 'weight', name, [...entries.keys()]);
    return found;
  };
  return {
    key,
    names,
    entries,
    entry,
    read: (name) => {
      const found = entry(name);
      return 'data' in found ? found.data : readFloats(name, found);
    },
  };
}

/** float32, little-endian as in the file and on every machine that Node.js runs on. */
function readFloats(name: string, { shape, file, byteOffset }: Extract<WeightEntry, { readonly file: string }>) {
  const numbers = new Float32Array(shape.reduce((n, d) => n * d, 1));
  const bytes = new Uint8Array(numbers.buffer);
  const descriptor = openSync(file, 'r');
  try {
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(descriptor, bytes, done, Math.min(2 ** 28, bytes.length - done), byteOffset + done);
      if (read === 0) throw new AutoCircuitError({ where: 'worker', what: `${file} ends within weight "${name}"` });
      done += read;
    }
  } finally {
    closeSync(descriptor);
  }
  return numbers;
}

async function makeBackend({ origin, name, settings, options }: WorkerStart): Promise<Backend> {
  const registry = await useFirstPartyPlugin(new Registry(), origin);
  return registry.get('backend', name).create(settings, options as never);
}

/** Makes the backend, says so, and gives what answers requests. @param say sends a message to the other side */
export async function openRoom(
  start: WorkerStart,
  say: (message: WorkerMessage, buffers?: readonly ArrayBuffer[]) => void,
): Promise<((message: { readonly id: number; readonly request: WorkerRequest }) => void) | null> {
  let room: BackendRoom;
  try {
    const backend = await makeBackend(start);
    room = new BackendRoom(backend);
    say({ id: 'start', info: backend.info });
  } catch (error) {
    say({ id: 'start', error: errorData(error) });
    return null;
  }
  return ({ id, request }) => {
    room
      .answer(request)
      .then(({ value, buffers }) => say({ id, value }, buffers))
      .catch((error: unknown) => say({ id, error: errorData(error) })); // also what could not be sent
  };
}
