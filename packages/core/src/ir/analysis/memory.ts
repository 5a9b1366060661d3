/**
 * @file How much memory a program needs: the weights it reads, and the most bytes of activations that are alive at once when
 * values are computed in order and freed after their last use.
 */

import { DTYPE_BYTES } from '../../tensor/tensor.js';
import { OP_TRAITS } from '../ops/op-traits.js';
import { type Dim, type DimSizes, dimKey, evaluateDim, sizeOf, symbolsOf } from '../program/dims.js';
import type { Program } from '../program/program.js';
import { liveness } from './liveness.js';

/** How much memory a program needs, in bytes. */
export interface ProgramMemory {
  /** Number of values: what a compiled program itself takes grows with it. */
  readonly values: number;
  /** Bytes of the weights that it reads, each once. A table of which it gathers rows counts in full: a mapped file is read in by large pages. */
  readonly weightBytes: number;
  /** Bytes of the copies that kernels make of weights: one of a matrix for each product that has it on its right. */
  readonly copyBytes: number;
  /** Most bytes of activations alive at once, feeds and results included. A symbol that has no size counts as 1. */
  peakBytes(sizes: DimSizes): number;
  /** Bytes of all outputs. */
  outputBytes(sizes: DimSizes): number;
}

/** An estimate: runtimes differ from it by what they fuse, in which order they compute, and how they share buffers. */
export function programMemory(program: Program): ProgramMemory {
  const buffers = buffersOf(program);
  const steps = stepsOf(program, buffers);
  return Object.freeze({ values: program.values.length, ...weightBytes(program, buffers), peakBytes, outputBytes });

  function outputBytes(sizes: DimSizes): number {
    const bytes = program.outputs.map(({ id }) => {
      const { dtype, shape } = program.values[id]!;
      return DTYPE_BYTES[dtype] * evaluateDim(sizeOf(shape), sizes);
    });
    return bytes.reduce((sum, n) => sum + n, 0);
  }
  function peakBytes(sizes: DimSizes): number {
    const known = { ...Object.fromEntries(steps.symbols.map((symbol) => [symbol, 1])), ...sizes };
    const bytes = steps.dims.map((dim) => evaluateDim(dim, known));
    let alive = 0;
    let peak = 0;
    for (const { takes, frees, reuses } of steps.list) {
      if (takes !== null) alive += bytes[takes]!;
      const reused = takes !== null && reuses.some((dim) => bytes[dim] === bytes[takes]);
      peak = Math.max(peak, reused ? alive - bytes[takes!]! : alive);
      for (const dim of frees) alive -= bytes[dim]!;
    }
    return peak;
  }
}

/** For each value, the one whose buffer its numbers are in. A reshape or slice of a weight is a window onto the weight. */
function buffersOf({ values }: Program): number[] {
  const buffers: number[] = [];
  for (const { id, op, inputs } of values) {
    const of = inputs.length === 1 ? buffers[inputs[0]!]! : id;
    const window = op === 'slice' && values[of]!.op === 'weight';
    buffers.push(OP_TRAITS[op].alias || window ? of : id);
  }
  return buffers;
}

function weightBytes(
  { values }: Program,
  buffers: readonly number[],
): Pick<ProgramMemory, 'weightBytes' | 'copyBytes'> {
  const bytesOf = (id: number): number => 4 * evaluateDim(sizeOf(values[id]!.shape), {});
  const read = new Set<number>();
  let copyBytes = 0;
  for (const { id, op, inputs } of values) {
    for (const [place, input] of inputs.entries()) {
      const weight = buffers[input]!;
      if (values[weight]!.op !== 'weight' || buffers[id] === weight) continue;
      read.add(weight);
      if (op === 'matmul' && place === 1 && values[input]!.shape.length === 2) copyBytes += bytesOf(input);
    }
  }
  return { weightBytes: [...read].reduce((sum, id) => sum + bytesOf(id), 0), copyBytes };
}

/** The computation of one value: the sizes (places in `dims`) of the buffer that it takes and of those that it frees. */
interface Step {
  readonly takes: number | null;
  readonly frees: readonly number[];
  /** Among `frees`, those that it may write into. */
  readonly reuses: readonly number[];
}
interface Steps {
  readonly list: readonly Step[];
  /** Sizes in bytes, each once: a program has many values and few sizes. */
  readonly dims: readonly Dim[];
  readonly symbols: readonly string[];
}

function stepsOf(program: Program, buffers: readonly number[]): Steps {
  const { values } = program;
  const live = liveness({
    count: values.length,
    outputs: program.outputs.map(({ id }) => id),
    operandsOf: (id) => values[id]!.inputs,
    storageOf: (id) => buffers[id]!,
  });
  const places = new Map<string, number>();
  const dims: Dim[] = [];
  const placeOf = (id: number): number => {
    const { dtype, shape } = values[id]!;
    const key = `${dtype} ${dimKey(sizeOf(shape))}`;
    const known = places.get(key);
    if (known !== undefined) return known;
    places.set(key, dims.length);
    return dims.push(sizeOf([DTYPE_BYTES[dtype], ...shape])) - 1;
  };
  const list: Step[] = [];
  for (const { id, op } of values) {
    if (!live.isNeeded(id) || values[buffers[id]!]!.op === 'weight') continue;
    const frees = live
      .endingAt(id)
      .filter((buffer) => values[buffer]!.op !== 'weight')
      .map(placeOf);
    const takes = buffers[id] === id ? placeOf(id) : null;
    list.push({ takes, frees, reuses: OP_TRAITS[op].inPlace ? frees : [] });
  }
  return { list, dims, symbols: [...new Set(dims.flatMap(symbolsOf))] };
}
