/**
 * @file How much memory a run needs, from the sizes alone, so that a heap that does not watch itself (WebAssembly: beyond
 * its end, tensors overwrite each other) is never filled.
 */
import {
  type AnyValue,
  AutoCircuitError,
  type DimSizes,
  DTYPE_BYTES,
  elementCount,
  evaluateShape,
  OP_TRAITS,
} from '@auto-circuit/core/backend';
import type { Runtime } from '../runtime/runtime.js';
import { heldBytes, type Plan } from './plan.js';

/** What the allocator loses between tensors, and the runtime's own code and stack. */
const USABLE = 7 / 8;

/** Values that are a second handle on numbers that are there already. */
const isAlias = ({ op }: AnyValue): boolean => op === 'weight' || OP_TRAITS[op].alias;

/** An upper bound of the bytes that the values of one run take at once; an op may copy each operand and its result once. */
export function peakBytes(plan: Plan, sizes: DimSizes): number {
  const { values } = plan.program;
  const bytes = (id: number): number => {
    const { dtype, shape } = values[id]!;
    return DTYPE_BYTES[dtype] * elementCount(evaluateShape(shape, sizes));
  };
  let live = 0;
  let peak = 0;
  for (const { value, operands, lastUses } of plan.steps) {
    if (value.op !== 'weight') live += bytes(value.id);
    const copies = isAlias(value) ? 0 : operands.reduce((n, id) => n + (id < 0 ? 0 : bytes(id)), bytes(value.id));
    peak = Math.max(peak, live + copies);
    for (const id of lastUses) if (values[id]!.op !== 'weight') live -= bytes(id);
  }
  return peak;
}

/** What a program takes between runs beside its weights. */
export function standingBytes(plan: Plan, { traits }: Runtime): number {
  if (!traits.packsRightMatrices) return heldBytes(plan);
  return plan.rightWeightIds.reduce(
    (n, id) => n + DTYPE_BYTES.float * elementCount(plan.program.values[id]!.shape as number[]),
    heldBytes(plan),
  );
}

/** Throws when `bytes` more on top of what stands would not fit in the runtime's heap. */
export function requireHeap(runtime: Runtime, what: string, standing: number, bytes: number): void {
  const most = runtime.traits.heapBytes * USABLE;
  if (standing + bytes <= most) return;
  const gigabytes = (n: number): string => `${(n / 1e9).toFixed(1)} GB`;
  throw new AutoCircuitError({
    code: 'memory-limit',
    where: 'backend-tfjs',
    what: `${what} does not fit in the memory of device ${runtime.device}`,
    expected: `at most ${gigabytes(most)}`,
    got: `${gigabytes(standing + bytes)}`,
    fix: 'run fewer batch items at once, or use device node or another backend',
    fields: { bytes: standing + bytes, limit: most, device: runtime.device },
  });
}
