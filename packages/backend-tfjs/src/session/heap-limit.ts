/**
 * @file What may be put on a device. It is asked before anything is: a heap that does not check itself must never be filled (on
 * WebAssembly, tensors beyond its end overwrite others).
 */
import { AutoCircuitError } from '@auto-circuit/core/backend';
import type { Runtime } from '../runtime/runtime.js';
import type { HeapFull } from '../runtime/wasm-heap.js';

/** Node.js, the runtime's code, tokenizer, prompts and results, beside what is on the device. */
const PROCESS_BYTES = 320 * 2 ** 20;
/** The share of the heap that tensors may take: the rest is lost between them, or taken by the code and stack of the runtime. */
const USABLE = 7 / 8;

/** Bytes of all that is on the device: tensors, and where the runtime packs matrices, their copies. */
const standingBytes = ({ tf, heap }: Runtime): number => heap?.bytes ?? tf.memory().numBytes;

/** What a backend may put on a device: of the heap a part, or less where a limit of memory was asked for. */
export function heapLimit({ traits }: Runtime, memoryBytes: number | undefined): number {
  return Math.min(
    traits.heapBytes * USABLE,
    memoryBytes === undefined ? Number.POSITIVE_INFINITY : Math.max(0, memoryBytes - PROCESS_BYTES),
  );
}

/** @throws AutoCircuitError `memory-limit` when `bytes` beside what is there are more than the limit */
export function requireHeap(runtime: Runtime, limit: number, what: string, bytes: number): void {
  const standing = standingBytes(runtime);
  if (standing + bytes <= limit) return;
  const gigabytes = (n: number, round: (x: number) => number): string => `${(round(n / 1e8) / 10).toFixed(1)} GB`;
  const asked = limit < runtime.traits.heapBytes * USABLE;
  throw new AutoCircuitError({
    code: 'memory-limit',
    where: 'backend-tfjs',
    what: `${what} does not fit in the memory ${asked ? 'that is allowed' : `of device ${runtime.device}`}`,
    expected: `at most ${gigabytes(limit, Math.floor)}${asked ? ' beside the process itself' : ''}`,
    got: gigabytes(standing + bytes, Math.ceil),
    fix: `${asked ? 'allow more memory, ' : ''}run fewer batch items at once, or use device node or another backend`,
    fields: { bytes: standing + bytes, limit, device: runtime.device },
  });
}

/** The error for a heap that had less left than was computed before: it lies in pieces, or a kernel took more than it should. */
export const heapFull = (program: string, what: string, cause: HeapFull): AutoCircuitError =>
  new AutoCircuitError({
    code: 'out-of-memory',
    where: 'backend-tfjs',
    what,
    got: cause.message,
    fix: 'run fewer batch items at once, or use device node or another backend',
    fields: { program },
    cause,
  });
