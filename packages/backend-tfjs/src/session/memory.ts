/**
 * @file How much memory a run needs, computed before it: a heap that does not check itself must never be filled (on WebAssembly,
 * tensors beyond its end overwrite others).
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

/** The share of the heap that tensors may take: the rest is lost between them, or taken by the code and stack of the runtime. */
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

/** @throws AutoCircuitError `memory-limit` when `bytes` more than the `standing` ones do not fit in the heap of the runtime */
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
