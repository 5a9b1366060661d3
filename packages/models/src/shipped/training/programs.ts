/**
 * @file The programs of training: the model's own trace with its weights as inputs, so that one compiled program serves
 * every step.
 */
import {
  type AnyValue,
  buildGraph,
  gradient,
  type PatchPoints,
  type Program,
  ProgramBuilder,
  plainPoints,
  subtractDims,
} from '@auto-circuit/core';
import { type Gpt2Shape, traceGpt2, unembedGpt2 } from '../../architectures/gpt2.js';
import { gpt2WeightShapes } from './weights.js';

/** A trace without patches whose weights are program inputs, int tokens [batch, pos]. */
function trainingPoints(shape: Gpt2Shape, builder: ProgramBuilder): PatchPoints {
  const { layers, heads, dModel, mlp } = shape;
  return plainPoints({
    builder,
    graph: buildGraph({ kind: 'transformer', layers, heads, kvHeads: heads, dModel, mlp, parallel: false }),
    input: builder.input('tokens', 'int', ['batch', 'pos']),
    weight: (name, dims) => builder.input(name, 'float', dims),
  });
}

const has = (shape: Gpt2Shape): ((weight: string) => boolean) => {
  const shapes = gpt2WeightShapes(shape);
  return (weight) => weight in shapes;
};

/**
 * tokens int [batch, pos], targets int [batch, pos], importance float [batch, pos], every weight → `loss`, a scalar:
 * Σ importance · cross entropy of the target in nats, and the gradient of each weight as `grad:<name>`.
 */
export function lossProgram(shape: Gpt2Shape): Program {
  const b = new ProgramBuilder('training-loss');
  const points = trainingPoints(shape, b);
  const logits = unembedGpt2(shape, has(shape), points, traceGpt2(shape, has(shape), points)); // [batch, pos, vocabulary]
  const targets = b.input('targets', 'int', ['batch', 'pos']);
  const importance = b.input('importance', 'float', ['batch', 'pos']);
  const isTarget = b.equal(b.reshape(targets, ['batch', 'pos', 1]), b.iota([1, 1, shape.vocabulary], 2));
  const crossEntropy = b.neg(b.sum(b.where(isTarget, b.logSoftmax(logits), 0), 2)); // [batch, pos]
  const loss = b.sum(b.mul(crossEntropy, importance), [0, 1]); // []
  b.output('loss', loss);
  const names = Object.entries(gpt2WeightShapes(shape));
  const weights: AnyValue[] = names.map(([name, dims]) => b.input(name, 'float', dims));
  gradient(b, loss, weights).forEach((value, i) => {
    b.output(gradientName(names[i]![0]), value);
  });
  return b.build();
}
export const gradientName = (weight: string): string => `grad:${weight}`;

/** tokens int [batch, pos], every weight → `logits` of the last position [batch, vocabulary]. */
export function lastLogitsProgram(shape: Gpt2Shape): Program {
  const b = new ProgramBuilder('training-logits');
  const points = trainingPoints(shape, b);
  const end = traceGpt2(shape, has(shape), points); // [batch, pos, dModel]
  const pos = b.dim(end, 1);
  const logits = unembedGpt2(shape, has(shape), points, b.slice(end, 1, subtractDims(pos, 1), pos)); // [batch, 1, vocabulary]
  b.output('logits', b.reshape(logits, ['batch', shape.vocabulary]));
  return b.build();
}
