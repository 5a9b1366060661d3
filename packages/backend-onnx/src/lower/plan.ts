/**
 * @file The plan of a graph, made before anything is written: how each value of a program is computed (as a window onto a weight,
 * a fused composite, a matmul that reads through transposes, or by its op), and which values are not needed at all.
 */
import {
  type AnyValue,
  type Liveness,
  liveness,
  type Program,
  shapesEqual,
  type Value,
} from '@auto-circuit/core/backend';
import { type WeightView, weightViews } from './weight-views.js';

/** A matmul operand: a value, and how its axes are to be read. */
export interface MatmulOperand {
  readonly id: number;
  /** The last two axes are swapped. */
  readonly transposed: boolean;
  /** The rows come before the batch axes: `[m, batch, k]` is read as `[batch, m, k]`. */
  readonly batchTransposed: boolean;
}

/** How one value is computed. */
export type Step =
  | { readonly kind: 'weight'; readonly view: WeightView }
  | { readonly kind: 'composite'; readonly value: AnyValue; readonly inputs: readonly number[] }
  | {
      readonly kind: 'matmul';
      readonly value: Value<'matmul'>;
      readonly operands: readonly [MatmulOperand, MatmulOperand];
    }
  | { readonly kind: 'op'; readonly value: AnyValue };

/** What the graph may be made of. */
export interface PlanOptions {
  readonly fuse: boolean;
  /** Whether a matmul can read through transposes of its operands' axes (onnxruntime's own operator can, on cpu). */
  readonly foldTransposes: boolean;
  /** Whether a composite can be written as one node. */
  canFuse(value: AnyValue): boolean;
}

/** The steps of the needed values by id, in order. */
export function planSteps(program: Program, options: PlanOptions): Map<number, Step> {
  const { values } = program;
  const views = weightViews(program);
  const steps = values.map((value): Step => {
    const view = views.get(value.id);
    return view ? { kind: 'weight', view } : { kind: 'op', value };
  });
  if (options.fuse) {
    for (const value of fusable(program, steps, options.canFuse)) {
      steps[value.id] = { kind: 'composite', value, inputs: value.composite!.inputs };
    }
  }
  const consumers = consumersOf(program, steps);
  for (const value of values) {
    if (value.op !== 'matmul' || steps[value.id]!.kind !== 'op') continue;
    const { transposeA, transposeB } = value.attributes;
    const operand = (id: number, transposed: boolean): MatmulOperand =>
      readThrough(program, id, transposed, options, steps, consumers);
    const [a, b] = [operand(value.inputs[0]!, transposeA), operand(value.inputs[1]!, transposeB)];
    steps[value.id] = { kind: 'matmul', value, operands: allowed(program, value, [a, b]) };
  }
  const live = livenessOf(program, steps);
  return new Map(values.flatMap(({ id }) => (live.isNeeded(id) ? [[id, steps[id]!] as const] : [])));
}

/** What a step reads. */
export function inputsOf(step: Step): readonly number[] {
  switch (step.kind) {
    case 'weight':
      return [];
    case 'composite':
      return step.inputs;
    case 'matmul':
      return step.operands.map((o) => o.id);
    case 'op':
      return step.value.inputs;
  }
}

const livenessOf = ({ values, outputs }: Program, steps: readonly Step[]): Liveness =>
  liveness({
    count: values.length,
    outputs: outputs.map(({ id }) => id),
    operandsOf: (id) => inputsOf(steps[id]!),
  });

/** For each live value the live values that read it; an output also has the reader −1. */
function consumersOf(program: Program, steps: readonly Step[]): Map<number, number[]> {
  const consumers = new Map<number, number[]>();
  const add = (id: number, reader: number): void => {
    const readers = consumers.get(id);
    if (readers) readers.push(reader);
    else consumers.set(id, [reader]);
  };
  const live = livenessOf(program, steps);
  for (const [id, step] of steps.entries()) if (live.isNeeded(id)) for (const input of inputsOf(step)) add(input, id);
  for (const { id } of program.outputs) add(id, -1);
  return consumers;
}

/** Composites whose inner values nobody else reads. The outermost comes first, so that it takes its inner ones whole. */
function* fusable(program: Program, steps: readonly Step[], canFuse: (value: AnyValue) => boolean): Iterable<AnyValue> {
  const consumers = consumersOf(program, steps);
  const taken = new Set<number>();
  for (const value of [...program.values].reverse()) {
    if (!value.composite || taken.has(value.id) || !consumers.has(value.id) || !canFuse(value)) continue;
    const [x] = value.composite.inputs;
    if (x === undefined || !shapesEqual(program.values[x]!.shape, value.shape)) continue;
    const inner = innerValues(program, value);
    if (!inner) continue;
    const closed = [...inner].every((id) =>
      (consumers.get(id) ?? []).every((reader) => reader === value.id || inner.has(reader)),
    );
    if (!closed) continue;
    for (const id of inner) taken.add(id);
    yield value;
  }
}

/** The values between a composite and its inputs (constants aside); undefined when something else flows in. */
function innerValues(program: Program, value: AnyValue): Set<number> | undefined {
  const ends = new Set(value.composite!.inputs);
  const inner = new Set<number>();
  const queue = [...value.inputs];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (ends.has(id) || inner.has(id)) continue;
    const { op, inputs } = program.values[id]!;
    if (op === 'input' || op === 'weight') return undefined;
    if (inputs.length === 0) continue;
    inner.add(id);
    queue.push(...inputs);
  }
  return inner;
}

/** Follows transposes that only matmuls read, as far as a matmul can stand in for them. */
function readThrough(
  program: Program,
  id: number,
  transposed: boolean,
  options: PlanOptions,
  steps: readonly Step[],
  consumers: ReadonlyMap<number, readonly number[]>,
): MatmulOperand {
  const plain: MatmulOperand = { id, transposed, batchTransposed: false };
  const value = program.values[id]!;
  if (value.op !== 'transpose' || steps[id]!.kind !== 'op') return plain;
  const onlyMatmuls = (consumers.get(id) ?? []).every((reader) => program.values[reader]?.op === 'matmul');
  if (!onlyMatmuls) return plain;
  const rank = value.shape.length;
  // What the matmul sees: axis i of it is axis order[i] of the transpose's input.
  const order = [...value.attributes.permutation];
  if (transposed) [order[rank - 2], order[rank - 1]] = [order[rank - 1]!, order[rank - 2]!];
  const matches = (axes: readonly number[]): boolean => axes.every((axis, i) => axis === order[i]);
  const axes = Array.from({ length: rank }, (_, i) => i);
  const batchLast = [...axes.slice(1, rank - 1), 0, rank - 1];
  const swapped = (list: readonly number[]): number[] => [...list.slice(0, -2), list.at(-1)!, list.at(-2)!];
  const input = value.inputs[0]!;
  if (matches(axes)) return { id: input, transposed: false, batchTransposed: false };
  // Swapping the last two axes costs nothing for two matrices anywhere; the rest takes onnxruntime's own operator.
  if (!options.foldTransposes && rank !== 2) return plain;
  if (matches(swapped(axes))) return { id: input, transposed: true, batchTransposed: false };
  if (rank < 3) return plain;
  if (matches(batchLast)) return { id: input, transposed: false, batchTransposed: true };
  if (matches(swapped(batchLast))) return { id: input, transposed: true, batchTransposed: true };
  return plain;
}

/** onnxruntime reads a moved batch axis only when both operands have the same rank, at least 3. */
function allowed(
  program: Program,
  value: Value<'matmul'>,
  operands: readonly [MatmulOperand, MatmulOperand],
): [MatmulOperand, MatmulOperand] {
  const [a, b] = operands;
  const [rankA, rankB] = value.inputs.map((id) => program.values[id]!.shape.length);
  if ((!a.batchTransposed && !b.batchTransposed) || rankA === rankB) return [a, b];
  const { transposeA, transposeB } = value.attributes;
  return [
    a.batchTransposed ? { id: value.inputs[0]!, transposed: transposeA, batchTransposed: false } : a,
    b.batchTransposed ? { id: value.inputs[1]!, transposed: transposeB, batchTransposed: false } : b,
  ];
}
