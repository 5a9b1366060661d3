/** @file Lowering: from a program to the bytes of an ONNX model. Nothing here runs anything. */
import { type AnyValue, dimKey, elementCount, type Program, type WeightStore } from '@auto-circuit/core/backend';
import { canFuse, lowerComposite } from './composite-lowerings.js';
import type { LowerContext, OpLowering } from './context.js';
import { GraphWriter, ONNX_DTYPE } from './graph-writer.js';
import { lowerMatmul } from './matmul-lowering.js';
import { encodeModel, type OnnxPort } from './onnx-file.js';
import { type NodeOp, OP_LOWERINGS } from './op-lowerings.js';
import { planSteps, type Step } from './plan.js';
import { RuntimeDims } from './runtime-dims.js';
import { type MemoryFile, WeightFiles } from './weight-files.js';

/** How a program is written. */
export interface LowerOptions {
  /** Write composites (layer norm, GELU) as one node where nothing else reads their inner values. Default true. */
  readonly fuse?: boolean;
  /** Use onnxruntime's FusedMatMul for transposed batches of matrices: fast on cpu. Default true. */
  readonly fusedMatmul?: boolean;
  /**
   * Declare the shapes of inputs and outputs. Default true. Without them onnxruntime allocates as it goes and does not plan which
   * buffers to share; that search takes time with the square of the program (10 s for a gradient of 30 layers).
   */
  readonly declareShapes?: boolean;
}

/** A written program, and where its inputs, outputs and weights are. */
export interface LoweredProgram {
  /** A `.onnx` file whose weights are external data. */
  readonly model: Uint8Array;
  /** Program input name → ONNX name. */
  readonly inputs: ReadonlyMap<string, string>;
  /** Program output name → ONNX name. */
  readonly outputs: ReadonlyMap<string, string>;
  /** The folder that the paths of external data start from; undefined when there are no files. */
  readonly folder: string | undefined;
  /** External data that lie in memory. */
  readonly memoryFiles: readonly MemoryFile[];
  /** Bytes of the copies that prepacking would make: one of a weight matrix for each product with it. */
  readonly prepackBytes: number;
}

/**
 * Writes a program as an ONNX model.
 *
 * @throws AutoCircuitError `unknown-name` for a weight that the store does not have, `wrong-shape` for one of another shape,
 * `invalid-program` when the size of a symbol follows from no input, `memory-limit` when weights in memory are too big to be copied
 */
export function lower(program: Program, weights: WeightStore, options: LowerOptions = {}): LoweredProgram {
  const { fuse = true, fusedMatmul = true, declareShapes = true } = options;
  const steps = planSteps(program, { fuse, foldTransposes: fusedMatmul, canFuse });
  const writer = new GraphWriter();
  const inputs = new Map(
    program.values.flatMap((v) => (v.op === 'input' ? [[v.attributes.name, `in.${v.attributes.name}`] as const] : [])),
  );
  const dims = new RuntimeDims(writer, program, (name) => inputs.get(name)!);
  const context: LowerContext = { writer, dims, program, fusedMatmul, names: new Map(), halves: new Map() };
  const weightNames = new Set([...steps.values()].flatMap((s) => (s.kind === 'weight' ? [s.view.weight] : [])));
  const files = new WeightFiles(program, weightNames, weights);
  for (const [id, step] of steps) {
    if (step.kind === 'weight') {
      const { name, half } = files.write(writer, step.view);
      context.names.set(id, name);
      if (half !== undefined) context.halves.set(id, half);
    } else context.names.set(id, lowerStep(step, context));
  }
  const port = (name: string, value: AnyValue): OnnxPort => ({
    name,
    type: ONNX_DTYPE[value.dtype],
    ...(declareShapes ? { shape: value.shape.map((d) => (typeof d === 'number' ? d : dimKey(d))) } : {}),
  });
  const inputPorts = program.values.flatMap((v) => (v.op === 'input' ? [port(inputs.get(v.attributes.name)!, v)] : []));
  const outputPorts = program.outputs.map(({ name, id }) => ({
    ...port(`out.${name}`, program.values[id]!),
    from: context.names.get(id)!,
  }));
  return {
    model: encodeModel(writer.finish(program.name, inputPorts, outputPorts)),
    inputs,
    outputs: new Map(program.outputs.map(({ name }) => [name, `out.${name}`])),
    folder: files.folder,
    memoryFiles: files.memoryFiles,
    prepackBytes: prepackBytes(steps),
  };
}

/** Prepacking copies a weight matrix for each product that has it on the right. */
function prepackBytes(steps: ReadonlyMap<number, Step>): number {
  let bytes = 0;
  for (const step of steps.values()) {
    const right = step.kind === 'matmul' ? steps.get(step.operands[1].id) : undefined;
    if (right?.kind === 'weight' && right.view.shape.length === 2) bytes += 4 * elementCount(right.view.shape);
  }
  return bytes;
}

function lowerStep(step: Exclude<Step, { kind: 'weight' }>, context: LowerContext): string {
  switch (step.kind) {
    case 'composite':
      return lowerComposite(step.value, context);
    case 'matmul':
      return lowerMatmul(step, context);
    case 'op':
      return lowerOp(step.value, context);
  }
}

function lowerOp(value: AnyValue, context: LowerContext): string {
  if (value.op === 'input') return `in.${value.attributes.name}`;
  // The table's type pairs each op with its own attributes; one value carries exactly such a pair.
  const lowering = OP_LOWERINGS[value.op as NodeOp] as OpLowering<NodeOp>;
  return lowering(
    value as never,
    value.inputs.map((id) => context.names.get(id)!),
    context,
  );
}
