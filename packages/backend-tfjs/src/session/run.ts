/** @file One run of a program, value by value: each tensor is freed after its last use, and all are freed on an error. */
import {
  AutoCircuitError,
  type DimSizes,
  type DType,
  evaluateShape,
  type Feeds,
  type Results,
  type Tensor,
  type TensorData,
} from '@auto-circuit/core/backend';
import type { Tensor as TfTensor } from '@tensorflow/tfjs-core';
import { type Call, TF_DTYPE } from '../ops/call.js';
import { IndexError } from '../ops/indexing.js';
import { type ComputedOp, KERNELS } from '../ops/kernels.js';
import { sameNumbers } from '../ops/layout.js';
import { firstLine } from '../runtime/load.js';
import type { Runtime } from '../runtime/runtime.js';
import { HeapFull } from '../runtime/wasm-heap.js';
import { heapFull } from './heap-limit.js';
import type { Held, Plan, Step } from './plan.js';
import type { HeldWeights } from './weight-cache.js';

/** Numbers of the plan that stay on the device as long as the executable. */
export function upload({ tf, activate }: Runtime, { dtype, shape, data }: Held): TfTensor {
  activate();
  return tf.tensor([...data], [...shape], TF_DTYPE[dtype]);
}

/** Computes the outputs without a pause, so that no other run comes between. The caller frees them. */
export function computeOutputs(
  runtime: Runtime,
  plan: Plan,
  held: readonly TfTensor[],
  weights: HeldWeights,
  feeds: Feeds,
  sizes: DimSizes,
): TfTensor[] {
  const { tf } = runtime;
  runtime.activate();
  const live = new Map<number, TfTensor>();
  try {
    for (const step of plan.steps) {
      live.set(
        step.value.id,
        tf.tidy(() => compute(runtime, plan, step, sizes, feeds, weights, (id) => live.get(id) ?? held[-id - 1]!)),
      );
      for (const id of step.lastUses) {
        live.get(id)!.dispose();
        live.delete(id);
      }
    }
    // One value may have two names.
    const outputs = plan.program.outputs.map(({ id }) => sameNumbers(tf, live.get(id)!));
    return outputs;
  } finally {
    for (const tensor of live.values()) tensor.dispose();
  }
}

function compute(
  runtime: Runtime,
  { program }: Plan,
  { value, operands }: Step,
  sizes: DimSizes,
  feeds: Feeds,
  weights: HeldWeights,
  at: (operand: number) => TfTensor,
): TfTensor {
  const { tf } = runtime;
  // A second handle on the same numbers, so that every value of a run is freed alike. (A clone copies on WebAssembly, and
  // a product then packs the matrix anew: five times slower.)
  if (value.op === 'weight') return sameNumbers(tf, weights.get(value.attributes.name));
  const { op, attributes, dtype } = value;
  try {
    if (op === 'input') {
      const fed = feeds[value.attributes.name]!;
      const numbers = fed.data instanceof Float64Array ? Float32Array.from(fed.data) : fed.data;
      return tf.tensor(numbers, [...fed.shape], TF_DTYPE[fed.dtype]);
    }
    // The table's type pairs each op with its own attributes; one value carries exactly such a pair.
    const kernel = KERNELS[op] as (call: Call<ComputedOp>) => TfTensor;
    const shape = evaluateShape(value.shape, sizes);
    const inputs = operands.map(at);
    return runtime.attended(() => kernel({ runtime, attributes, inputs, shape, dtype, sizes }));
  } catch (cause) {
    throw runError(program.name, `%${value.id} ${op}${value.role ? ` ${value.role}` : ''}`, cause);
  }
}

function runError(program: string, value: string, cause: unknown): AutoCircuitError {
  const what = `program "${program}" failed at ${value}`;
  if (cause instanceof IndexError) {
    const { message, index, size } = cause;
    const fields = { program, index, size };
    return new AutoCircuitError({
      code: 'index-out-of-range',
      where: 'backend-tfjs',
      what: `${what}: ${message}`,
      fields,
      cause,
    });
  }
  if (cause instanceof HeapFull) return heapFull(program, what, cause);
  return new AutoCircuitError({
    code: 'runtime-failed',
    where: 'backend-tfjs',
    what,
    got: `"${firstLine(cause)}"`,
    fields: { program },
    kind: 'internal',
    cause,
  });
}

const READ: { readonly [D in DType]: (data: TensorData) => TensorData } = {
  float: (data) => (data instanceof Float32Array ? data : Float32Array.from(data)),
  int: (data) => (data instanceof Int32Array ? data : Int32Array.from(data)),
  bool: (data) => (data instanceof Uint8Array ? data : Uint8Array.from(data)),
};

/** Reads the outputs and frees them. `foreign`: arrays of the caller that a result must not be a view of. */
export async function readOutputs(
  { program }: Plan,
  outputs: readonly TfTensor[],
  foreign: ReadonlySet<ArrayBufferLike>,
): Promise<Results> {
  const taken = new Set(foreign);
  const results: Record<string, Tensor> = {};
  try {
    const read = await Promise.all(outputs.map((tensor) => tensor.data<'float32' | 'int32' | 'bool'>()));
    for (const [i, { name, id }] of program.outputs.entries()) {
      const { dtype } = program.values[id]!;
      const given = READ[dtype](read[i] as TensorData);
      const data = taken.has(given.buffer) ? given.slice() : given;
      taken.add(data.buffer);
      results[name] = { dtype, shape: [...outputs[i]!.shape], data };
    }
  } finally {
    for (const tensor of outputs) tensor.dispose();
  }
  return results;
}
