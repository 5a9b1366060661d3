/** @file How much memory the values of a run take at once, computed before it. */
import {
  type AnyValue,
  type DimSizes,
  DTYPE_BYTES,
  elementCount,
  evaluateShape,
  OP_TRAITS,
} from '@auto-circuit/core/backend';
import type { Runtime } from '../runtime/runtime.js';
import type { Plan } from './plan.js';

/** An upper bound of the bytes that the values of one run take at once; an op may copy each operand and its result once. */
export function peakBytes(plan: Plan, sizes: DimSizes, { traits }: Pick<Runtime, 'traits'>): number {
  const { values } = plan.program;
  const bytesOf = (id: number): number => {
    const { dtype, shape } = values[id]!;
    return DTYPE_BYTES[dtype] * elementCount(evaluateShape(shape, sizes));
  };
  const buffers = new Buffers(plan);
  let peak = 0;
  for (const { value, operands, lastUses } of plan.steps) {
    buffers.take(value, bytesOf);
    const read = operands.filter((id) => id >= 0);
    let copies = 0;
    if (value.op === 'matmul') {
      // Each operand may be stretched to the other's size and moved; copies of whole weights are counted by themselves.
      const moved = read.map((id) => (buffers.isWeight(id) ? 0 : bytesOf(id)));
      copies = bytesOf(value.id) + 2 * moved.reduce((a, b) => a + b, 0);
      if (traits.packsRightMatrices) buffers.pack(value.inputs[1]!, bytesOf);
    } else if (!OP_TRAITS[value.op].alias && value.op !== 'weight') {
      const whole = value.op !== 'gather' && value.op !== 'slice'; // these read a part of a weight where it is
      const moved = read.map((id) => (buffers.isWeight(id) && !whole ? 0 : bytesOf(id)));
      copies = moved.reduce((a, b) => a + b, bytesOf(value.id));
    }
    peak = Math.max(peak, buffers.bytes + copies);
    for (const id of lastUses) buffers.free(id);
  }
  return peak;
}

/** The numbers that are on the device at a step of a run, weights left out. Several values may stand for the same numbers. */
class Buffers {
  readonly #values: readonly AnyValue[];
  /** By the value that made them: how many values stand for them, and their bytes, a packed copy included. */
  readonly #alive = new Map<number, { handles: number; bytes: number; packed: boolean }>();
  bytes = 0;

  constructor({ program }: Plan) {
    this.#values = program.values;
  }
  #root(id: number): number {
    const { op, inputs } = this.#values[id]!;
    return OP_TRAITS[op].alias ? this.#root(inputs[0]!) : id;
  }
  isWeight(id: number): boolean {
    return this.#values[this.#root(id)]!.op === 'weight';
  }
  take({ id }: AnyValue, bytesOf: (id: number) => number): void {
    const root = this.#root(id);
    if (this.isWeight(root)) return;
    const known = this.#alive.get(root);
    if (known) {
      known.handles++;
      return;
    }
    const bytes = bytesOf(root);
    this.#alive.set(root, { handles: 1, bytes, packed: false });
    this.bytes += bytes;
  }
  /** A product packs the matrices on its right; the copy stays as long as they do. */
  pack(id: number, bytesOf: (id: number) => number): void {
    const buffer = this.#alive.get(this.#root(id));
    if (!buffer || buffer.packed) return;
    buffer.packed = true;
    buffer.bytes += bytesOf(id);
    this.bytes += bytesOf(id);
  }
  free(id: number): void {
    const root = this.#root(id);
    const buffer = this.#alive.get(root);
    if (!buffer || --buffer.handles > 0) return;
    this.#alive.delete(root);
    this.bytes -= buffer.bytes;
  }
}
