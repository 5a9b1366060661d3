/**
 * @file The programs of training: the model's own trace with its weights as inputs, so that one compiled program serves
 * every step.
 */
import {
  type AnyValue,
  type Dim,
  gradient,
  multiplyDims,
  type Program,
  ProgramBuilder,
  subtractDims,
} from '@auto-circuit/core/backend';
import { buildGraph, capturePoints, type PatchPoints, type SourceActivations } from '@auto-circuit/core/plugin';
import { type Gpt2Shape, traceGpt2, unembedGpt2 } from '../architectures/gpt2.js';
import { gpt2WeightShapes } from './weights.js';

/** A trace without patches whose weights are program inputs, int tokens [batch, pos]. `collect` gets what each source block wrote. */
function trainingPoints(
  shape: Gpt2Shape,
  builder: ProgramBuilder,
  collect: (source: SourceActivations) => void,
): PatchPoints {
  const { layers, heads, dModel, mlp } = shape;
  const scope = {
    builder,
    graph: buildGraph({ kind: 'transformer', layers, heads, kvHeads: heads, dModel, mlp, parallel: false }),
    input: builder.input('tokens', 'int', ['batch', 'pos']),
    weight: (name: string, dims: readonly number[]) => builder.input(name, 'float', dims),
  };
  return capturePoints(scope, collect);
}

const has = (shape: Gpt2Shape): ((weight: string) => boolean) => {
  const shapes = gpt2WeightShapes(shape);
  return (weight) => weight in shapes;
};

/**
 * tokens int [batch, pos], targets int [batch, pos], importance float [batch, pos], writing float [], every weight →
 * `crossEntropy`, a scalar: Σ importance · cross entropy of the target in nats; `written`, see `writtenShare`; and the gradient of
 * crossEntropy + writing · written with respect to each weight as `grad:<name>`.
 */
export function lossProgram(shape: Gpt2Shape): Program {
  const b = new ProgramBuilder('training-loss');
  const sources: SourceActivations[] = [];
  const points = trainingPoints(shape, b, (source) => sources.push(source));
  const logits = unembedGpt2(shape, has(shape), points, traceGpt2(shape, has(shape), points)); // [batch, pos, vocabulary]
  const targets = b.input('targets', 'int', ['batch', 'pos']);
  const importance = b.input('importance', 'float', ['batch', 'pos']);
  const isTarget = b.equal(b.reshape(targets, ['batch', 'pos', 1]), b.iota([1, 1, shape.vocabulary], 2));
  const surprise = b.neg(b.sum(b.where(isTarget, b.logSoftmax(logits), 0), 2)); // [batch, pos]
  const crossEntropy = b.sum(b.mul(surprise, importance), [0, 1]); // []
  const written = writtenShare(b, sources); // []
  b.output('crossEntropy', crossEntropy);
  b.output('written', written);
  const loss = b.add(crossEntropy, b.mul(written, b.input('writing', 'float', [])));
  const names = Object.entries(gpt2WeightShapes(shape));
  const weights: AnyValue[] = names.map(([name, dims]) => b.input(name, 'float', dims));
  gradient(b, loss, weights).forEach((value, i) => {
    b.output(gradientName(names[i]![0]), value);
  });
  return b.build();
}

/**
 * How much the heads and MLPs write next to the embedding: Σ over them of |what it writes| / |what Resid Start writes|,
 * mean over tokens. A group lasso (Yuan and Lin 2006) over nodes: a node that is of little use learns to write nothing, so
 * that what is left is a circuit. A ratio, because layer norms take away the size of the residual stream.
 */
function writtenShare(b: ProgramBuilder, [start, ...sources]: readonly SourceActivations[]): AnyValue {
  const perToken = sources.map((source) => b.sum(lengths(b, source), 0)); // each [batch·pos]
  const total = perToken.reduce((sum, next) => b.add(sum, next));
  return b.mean(b.div(total, b.sum(lengths(b, start!), 0)), 0);
}

/** The length of what each row writes: [rows, batch·pos]. */
function lengths(b: ProgramBuilder, { value, projection }: SourceActivations): AnyValue {
  const [rows, batch, pos, width] = value.shape as [number, Dim, Dim, number];
  const flat = b.reshape(value, [rows, multiplyDims(batch, pos), width]);
  const written = projection ? b.matmul(flat, projection) : flat; // [rows, batch·pos, dModel]
  // sqrt has no slope at 0
  return b.sqrt(b.add(b.sum(b.mul(written, written), 2), 1e-6));
}

/** The output of `lossProgram` that is the gradient with respect to a weight. */
export const gradientName = (weight: string): string => `grad:${weight}`;

/** tokens int [batch, pos], every weight → `logits` of the last position [batch, vocabulary]. */
export function lastLogitsProgram(shape: Gpt2Shape): Program {
  const b = new ProgramBuilder('training-logits');
  const points = trainingPoints(shape, b, () => undefined);
  const end = traceGpt2(shape, has(shape), points); // [batch, pos, dModel]
  const pos = b.dim(end, 1);
  const logits = unembedGpt2(shape, has(shape), points, b.slice(end, 1, subtractDims(pos, 1), pos)); // [batch, 1, vocabulary]
  b.output('logits', b.reshape(logits, ['batch', shape.vocabulary]));
  return b.build();
}
