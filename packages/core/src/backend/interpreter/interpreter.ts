/**
 * @file The interpreter: slow, plain and exact. It is what a program means; every backend is held to it.
 *
 * @example
 * const { y } = interpret(program, { x: floatTensor(Float64Array.of(1, 2, 3), [3]) }, memoryWeights({}));
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { programLiveness } from '../../ir/analysis/liveness.js';
import { evaluateShape } from '../../ir/program/dims.js';
import type { AnyValue, Program } from '../../ir/program/program.js';
import type { DType, FloatArray, Tensor, TensorData } from '../../tensor/tensor.js';
import type { Backend, BackendSettings, Feeds, Results, WeightStore } from '../backend.js';
import { checkWeightShape, runAfterDispose } from '../backend-checks.js';
import { checkFeeds } from '../check-feeds.js';
import { type Call, type ComputedOp, MEANINGS } from './ops.js';

/** float64 computes and returns Float64Array; float32 rounds every result and returns Float32Array. */
export type Precision = 'float64' | 'float32';
/** What can be asked of the interpreter. */
export interface InterpreterSettings extends BackendSettings {
  /** Default float64. */
  readonly precision?: Precision;
}

/**
 * Runs a program once.
 *
 * @throws AutoCircuitError `wrong-shape` for a weight of another shape, `index-out-of-range`, and as `checkFeeds` does
 */
export function interpret(
  program: Program,
  feeds: Feeds,
  weights: WeightStore,
  settings: { readonly precision?: Precision } = {},
): Results {
  const precision = settings.precision ?? 'float64';
  return runProgram(program, feeds, readWeights(program, weights, precision), precision);
}

/** The interpreter as a backend. */
export function interpreterBackend(settings: InterpreterSettings = {}): Backend {
  const precision = settings.precision ?? 'float64';
  return {
    info: {
      backend: 'interpreter',
      device: 'cpu',
      threads: 1,
      runtime: `interpreter, ${precision}, Node ${process.versions.node}`,
      emptyAxes: true,
    },
    async compile(program, weights) {
      const loaded = readWeights(program, weights, precision);
      let disposed = false;
      return {
        async run(feeds) {
          if (disposed) throw runAfterDispose('interpreter', program);
          await nextTurn(); // between long runs, Ctrl-C and progress bars get their turn
          return runProgram(program, feeds, loaded, precision);
        },
        dispose: async () => {
          disposed = true;
        },
      };
    },
    dispose: async () => {},
  };
}

const floats = (precision: Precision, data: TensorData): FloatArray => {
  if (precision === 'float64') return data instanceof Float64Array ? data : Float64Array.from(data);
  return data instanceof Float32Array ? data : Float32Array.from(data);
};

function readWeights(program: Program, weights: WeightStore, precision: Precision): Map<string, Tensor> {
  const loaded = new Map<string, Tensor>();
  for (const value of program.values) {
    if (value.op !== 'weight') continue;
    const { name } = value.attributes;
    const { shape } = weights.entry(name);
    checkWeightShape(program, name, value.shape, shape);
    loaded.set(name, { dtype: 'float', shape, data: floats(precision, weights.read(name)) });
  }
  return loaded;
}

function runProgram(
  program: Program,
  feeds: Feeds,
  weights: ReadonlyMap<string, Tensor>,
  precision: Precision,
): Results {
  const sizes = checkFeeds(program, feeds);
  const allocate = (dtype: DType, count: number): TensorData => {
    if (dtype === 'int') return new Int32Array(count);
    if (dtype === 'bool') return new Uint8Array(count);
    return precision === 'float64' ? new Float64Array(count) : new Float32Array(count);
  };
  const evaluate = (value: AnyValue, inputs: readonly Tensor[]): Tensor => {
    if (value.op === 'weight') return weights.get(value.attributes.name)!;
    if (value.op === 'input') {
      const { dtype, shape, data } = feeds[value.attributes.name]!;
      return { dtype, shape, data: dtype === 'float' ? floats(precision, data) : data };
    }
    const { op, attributes, dtype } = value;
    const shape = evaluateShape(value.shape, sizes);
    // The table's type pairs each op with its own attributes; one value carries exactly such a pair.
    const meaning = MEANINGS[op] as (call: Call<ComputedOp>) => TensorData;
    return { dtype, shape, data: meaning({ attributes, inputs, shape, dtype, sizes, allocate }) };
  };
  const needed = programLiveness(program);
  const live: (Tensor | undefined)[] = [];
  for (const value of program.values) {
    if (!needed.isNeeded(value.id)) continue;
    live[value.id] = evaluate(
      value,
      value.inputs.map((id) => live[id]!),
    );
    for (const id of needed.endingAt(value.id)) live[id] = undefined;
  }
  const results: Record<string, Tensor> = {};
  // Copies: a result must not be a view of a feed, a weight or another result.
  for (const { name, id } of program.outputs) results[name] = { ...live[id]!, data: live[id]!.data.slice() };
  return results;
}
