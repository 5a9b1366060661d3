/**
 * @file From a program to weights. Every head and MLP reads the dimensions of the variables that it needs and no others, and
 * writes into dimensions of its own: that is why the circuit is known (`known-circuit.ts`).
 */
import type { MemoryWeight } from '@auto-circuit/core/backend';
import { type HeadOperation, type MlpOperation, type Plan, planOf, type Variable } from './plan.js';
import type { Expression, Tokens, Value } from './rasp.js';
import type { CompiledShape } from './weight-shapes.js';
import { weightShapes } from './weight-shapes.js';

/** A program with the weights that compute it. */
export interface CompiledProgram {
  readonly expression: Expression;
  /** Token ids are places in here; BOS comes after. */
  readonly vocabulary: readonly Value[];
  readonly bosId: number;
  readonly plan: Plan;
  /** A name for each dimension of the residual stream; the first are the output. */
  readonly labels: readonly string[];
  readonly shape: CompiledShape;
  readonly weights: Readonly<Record<string, MemoryWeight>>;
}

/** Score of a selected token over one that is not: e^−100 vanishes in float32. */
const SCORE = 100;

/**
 * Compiles an expression.
 * @param tokens the input that the expression is made of
 * @param maxLength tokens after BOS, at most
 * @throws AutoCircuitError for two expressions of one name
 */
export function compile(expression: Expression, tokens: Tokens, maxLength: number): CompiledProgram {
  const plan = planOf(expression);
  const labels = plan.variables.flatMap((variable) => variable.labels);
  const columns = new Map<Variable, number>();
  let column = 0;
  for (const variable of plan.variables) {
    columns.set(variable, column);
    column += variable.labels.length;
  }
  const heads = plan.operations.filter((op) => op.kind === 'head');
  const mlps = plan.operations.filter((op) => op.kind === 'mlp');
  const neuronsOf = (layer: number): number =>
    mlps.filter((op) => op.layer === layer).reduce((n, { neurons }) => n + neurons.length, 0);
  const shape: CompiledShape = {
    layers: plan.layers,
    heads: plan.heads,
    dModel: labels.length,
    dHead: Math.max(1, ...heads.flatMap((op) => [op.value.labels.length, op.selector?.keys.labels.length ?? 0])),
    dMlp: Math.max(1, ...Array.from({ length: plan.layers }, (_, l) => neuronsOf(l))),
    vocabulary: tokens.values.length + 1,
    positions: maxLength + 1,
    outputs: plan.output.labels.length,
  };
  const weights = emptyWeights(shape);
  const bosId = tokens.values.length;
  for (const [variable, start] of columns) {
    if (variable.name === 'tokens') variable.labels.forEach((_, i) => put(weights, 'embed.W', [i, start + i], 1));
    if (variable.name === 'bos') put(weights, 'embed.W', [bosId, start], 1);
    if (variable.name === 'indices') variable.labels.forEach((_, i) => put(weights, 'pos.W', [i + 1, start + i], 1));
  }
  for (const op of heads) writeHead(weights, op, columns, Math.sqrt(shape.dHead));
  for (let l = 0; l < plan.layers; l++) {
    let neuron = 0;
    for (const op of mlps.filter((mlp) => mlp.layer === l)) {
      writeNeurons(weights, op, columns, neuron);
      neuron += op.neurons.length;
    }
  }
  for (let i = 0; i < shape.outputs; i++) put(weights, 'unembed.W', [i, i], 1);
  return Object.freeze({ expression, vocabulary: tokens.values, bosId, plan, labels, shape, weights });
}

type Weights = Readonly<Record<string, MemoryWeight>>;

const emptyWeights = (shape: CompiledShape): Weights =>
  Object.fromEntries(
    Object.entries(weightShapes(shape)).map(([name, dims]) => [
      name,
      { shape: dims, data: new Float32Array(dims.reduce((n, d) => n * d, 1)) },
    ]),
  );

function put(weights: Weights, name: string, at: readonly number[], value: number): void {
  const { shape, data } = weights[name]!;
  data[at.reduce((flat, i, axis) => flat * shape[axis]! + i, 0)] = value;
}

/** The head's dimensions stand for key values in Q and K, and for the value's dimensions in V and O. */
function writeHead(
  weights: Weights,
  { layer, head, selector, value, writes }: HeadOperation,
  columns: ReadonlyMap<Variable, number>,
  scale: number,
): void {
  const name = (part: string): string => `L${layer}.attn.${part}.W`;
  const column = (variable: Variable, i: number): number => columns.get(variable)! + i;
  if (selector) {
    const { keys, queries, predicate } = selector;
    keys.values!.forEach((key, k) => {
      put(weights, name('k'), [head, k, column(keys, k)], 1);
      queries.values!.forEach((query, q) => {
        if (predicate(key, query)) put(weights, name('q'), [head, k, column(queries, q)], SCORE * scale);
      });
    });
  }
  value.labels.forEach((_, i) => {
    put(weights, name('v'), [head, i, column(value, i)], 1);
    put(weights, name('o'), [head, i, column(writes, i)], 1);
  });
}

function writeNeurons(
  weights: Weights,
  { layer, neurons, writes }: MlpOperation,
  columns: ReadonlyMap<Variable, number>,
  first: number,
): void {
  const name = (part: string): string => `L${layer}.mlp.${part}`;
  neurons.forEach(({ inputs, bias, outputs }, i) => {
    const neuron = first + i;
    for (const { variable, index, weight } of inputs) {
      put(weights, name('in.W'), [columns.get(variable)! + index, neuron], weight);
    }
    put(weights, name('in.b'), [neuron], bias);
    for (const { index, weight } of outputs)
      put(weights, name('out.W'), [neuron, columns.get(writes)! + index], weight);
  });
}
