/** @file One compiled program: a session of onnxruntime, with feeds and results as our tensors. */
import {
  AutoCircuitError,
  checkFeeds,
  type DType,
  type Executable,
  elementCount,
  evaluateShape,
  type Feeds,
  type Program,
  type Results,
  runAfterDispose,
  type Shape,
  type Tensor,
  type TensorData,
} from '@auto-circuit/core/backend';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-common';
import type { LoweredProgram } from '../lower/index.js';
import { firstLine, type Ort } from '../runtime/load.js';
import { checkFedIndices, indexUses } from './fed-indices.js';

const ORT_DTYPE = Object.freeze({ float: 'float32', int: 'int32', bool: 'bool' } as const);
const ALLOCATE: Readonly<Record<DType, (count: number) => Float32Array | Int32Array | Uint8Array>> = {
  float: (count) => new Float32Array(count),
  int: (count) => new Int32Array(count),
  bool: (count) => new Uint8Array(count),
};

interface NamedOutput {
  readonly name: string;
  readonly onnxName: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** What an executable is made of. */
export interface ExecutableRequest {
  readonly ort: Ort;
  readonly session: InferenceSession;
  readonly program: Program;
  readonly lowered: LoweredProgram;
  /** Called once, when the session is released. */
  onDispose(): void;
}

/** An executable whose runs wait for each other. */
export function makeExecutable({ ort, session, program, lowered, onDispose }: ExecutableRequest): Executable {
  const outputs = program.outputs.map(({ name, id }): NamedOutput => {
    const { dtype, shape } = program.values[id]!;
    return { name, onnxName: lowered.outputs.get(name)!, dtype, shape };
  });
  const indices = indexUses(program);
  const ortTensor = (dtype: DType, data: TensorData, shape: readonly number[]): OrtTensor =>
    new ort.Tensor(
      ORT_DTYPE[dtype],
      (data instanceof Float64Array ? Float32Array.from(data) : data) as Float32Array,
      shape,
    );

  async function runOnce(feeds: Feeds): Promise<Results> {
    if (disposed) throw runAfterDispose('backend-onnx', program);
    const sizes = checkFeeds(program, feeds);
    checkFedIndices(indices, feeds, sizes);
    const given: Record<string, OrtTensor> = {};
    for (const [name, onnxName] of lowered.inputs) {
      const { dtype, data, shape } = feeds[name]!;
      given[onnxName] = ortTensor(dtype, data, shape);
    }
    // Results are written straight into arrays made here: no copy, and they are the caller's to keep.
    const results: Record<string, Tensor> = {};
    const fetches: Record<string, OrtTensor> = {};
    for (const { name, onnxName, dtype, shape: dims } of outputs) {
      const shape = evaluateShape(dims, sizes);
      const data = ALLOCATE[dtype](elementCount(shape));
      results[name] = { dtype, shape, data };
      fetches[onnxName] = ortTensor(dtype, data, shape);
    }
    try {
      await session.run(given, fetches);
    } catch (cause) {
      throw runError(program, cause);
    }
    return results;
  }

  let disposed = false;
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: two runs at once would share the threads and memory of the session. */
  const queue = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work);
    last = next;
    return next;
  };
  return {
    run: (feeds) => queue(() => runOnce(feeds)),
    dispose: () =>
      queue(async () => {
        if (disposed) return;
        disposed = true;
        await session.release();
        onDispose();
      }),
  };
}

function runError(program: Program, cause: unknown): AutoCircuitError {
  const message = firstLine(cause);
  const outOfMemory = /failed to allocate|bad_alloc|out of memory/i.test(message);
  return new AutoCircuitError({
    code: outOfMemory ? 'out-of-memory' : 'runtime-failed',
    where: 'backend-onnx',
    what: outOfMemory ? `program "${program.name}" ran out of memory` : `program "${program.name}" failed`,
    got: `"${message}"`,
    ...(outOfMemory ? { fix: 'run fewer batch items at once, or allow less memory' } : {}),
    fields: { program: program.name },
    kind: outOfMemory ? 'user' : 'internal',
    cause,
  });
}
