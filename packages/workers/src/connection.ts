/** @file The client's side of the wire: requests and replies by number, over a thread's port or a process's channel. */
import type { BackendInfo } from '@auto-circuit/core/backend';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { errorFromData } from './error-data.js';
import type { HostMessage, HostRequest, ReplyValues, RequestMessage } from './messages.js';

/** A thread or a process with a host in it. */
export interface WorkerPort {
  /** `buffers` may be moved instead of copied. Throws for what cannot be sent. */
  send(message: RequestMessage, buffers: readonly ArrayBuffer[]): void;
  onReceive(listener: (message: HostMessage) => void): void;
  /** The worker has ended, or failed outside of any request. */
  onEnd(listener: (error: Error) => void): void;
  /** Ends the worker; resolves when it is gone. */
  end(): Promise<void>;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** When the worker ends, everyone who waits for a reply is told. */
export class Connection {
  readonly #port: WorkerPort;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #end: Error | null = null;
  /** What the backend says of itself once it is made. Rejects with what it was refused with. */
  readonly started: Promise<BackendInfo>;

  constructor(port: WorkerPort) {
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
    port.onReceive((message) => {
      const error = 'error' in message ? errorFromData(message.error) : null;
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

  /** Sends a request and waits for its reply. @throws AutoCircuitError when the worker has ended */
  async request<R extends HostRequest>(
    request: R,
    buffers: readonly ArrayBuffer[] = [],
  ): Promise<ReplyValues[R['kind']]> {
    if (this.#end) throw this.#end;
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#port.send({ id, request }, buffers); // before waiting: what cannot be sent throws here
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** Sends a request whose reply nobody waits for; nothing when the worker has ended. */
  send(request: HostRequest): void {
    if (!this.#end) this.#port.send({ id: this.#next++, request }, []);
  }

  async end(): Promise<void> {
    this.#end ??= unusable('it is disposed', 'already-disposed');
    await this.#port.end();
  }
}

const WHEN_ENDED =
  'where the system was short of memory, use fewer processes or a lower memory limit; a run that is resumed goes on with what it has saved';

/** The worker is gone, or was let go. */
export const unusable = (why: string, code: 'worker-failed' | 'already-disposed'): AutoCircuitError =>
  new AutoCircuitError({
    code,
    where: 'worker',
    what: `the backend cannot be used: ${why}`,
    ...(code === 'worker-failed' ? { fix: WHEN_ENDED } : {}),
    kind: 'internal',
  });
