/**
 * @file Which head or MLP computes each expression, and where its value stands in the residual stream. Attention of layer l is
 * slot 2l, its MLP slot 2l + 1; everything goes into the first slot after the slots of what it reads.
 */
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import type { Categorical, Expression, Length, Selector, Value } from './rasp.js';

/** What one node writes to the residual stream and others read: named dimensions of its own. */
export interface Variable {
  readonly name: string;
  /** One name for each dimension: `indices:3`, or just the name of a number. */
  readonly labels: readonly string[];
  /** The values of one-hot dimensions; null for a number. */
  readonly values: readonly Value[] | null;
  /** The source node that writes it. */
  readonly writer: string;
  /** Where it is anything but 0: at the tokens, or at BOS. */
  readonly at: 'tokens' | 'bos';
  /** Whether two prompts of one length may differ in it. */
  readonly varies: boolean;
}
/** One head: looks where keys fit queries (everywhere, BOS too, without a selector) and copies `value`. */
export interface HeadOperation {
  readonly kind: 'head';
  readonly node: string;
  readonly layer: number;
  readonly head: number;
  readonly selector: {
    readonly keys: Variable;
    readonly queries: Variable;
    readonly predicate: Selector['predicate'];
  } | null;
  readonly value: Variable;
  readonly writes: Variable;
}
/** Some neurons of an MLP: relu(Σ weight · input + bias) → outputs. All give 0 where all inputs are 0. */
export interface MlpOperation {
  readonly kind: 'mlp';
  readonly node: string;
  readonly layer: number;
  readonly reads: readonly Variable[];
  readonly neurons: readonly Neuron[];
  readonly writes: Variable;
}
/** relu(Σ weight · input + bias), written into some dimensions. */
export interface Neuron {
  readonly inputs: readonly { readonly variable: Variable; readonly index: number; readonly weight: number }[];
  readonly bias: number;
  /** Into dimensions of what the operation writes. */
  readonly outputs: readonly { readonly index: number; readonly weight: number }[];
}
/** What a head or an MLP computes. */
export type Operation = HeadOperation | MlpOperation;

/** Which node computes what, and where it is written. */
export interface Plan {
  readonly layers: number;
  /** Heads of every layer. */
  readonly heads: number;
  readonly operations: readonly Operation[];
  /** In the order of their dimensions; the output is first. */
  readonly variables: readonly Variable[];
  readonly output: Variable;
}

/** The source node of the embeddings. */
export const RESID_START = 'Resid Start';

/** Places every expression that `output` is made of. @throws AutoCircuitError for two expressions of one name */
export function planOf(output: Expression): Plan {
  const operations: Operation[] = [];
  const known = new Map<Expression, Variable>();
  const slots = new Map<Variable, number>();
  const variables: Variable[] = [];

  const add = (variable: Variable, slot: number): Variable => {
    if (variables.some(({ name }) => name === variable.name)) {
      throw new AutoCircuitError({
        code: 'invalid-program',
        fields: { program: variable.name },
        where: 'compiled',
        what: `two expressions are named "${variable.name}"`,
      });
    }
    variables.push(variable);
    slots.set(variable, slot);
    return variable;
  };
  const after = (reads: readonly Variable[], kind: 0 | 1): number => {
    const last = Math.max(...reads.map((variable) => slots.get(variable)!));
    return last + (((last + 1) & 1) === kind ? 1 : 2);
  };
  const addHead = (
    read: Pick<HeadOperation, 'selector' | 'value'>,
    written: Pick<Variable, 'name' | 'labels' | 'values'>,
  ): Variable => {
    const reads = [read.value, ...(read.selector ? [read.selector.keys, read.selector.queries] : [])];
    const slot = after(reads, 0);
    const layer = slot / 2;
    const head = operations.filter((op) => op.kind === 'head' && op.layer === layer).length;
    const node = `A${layer}.${head}`;
    const varies = reads.some((variable) => variable.varies);
    const writes = add({ ...written, writer: node, at: 'tokens', varies }, slot);
    operations.push({ kind: 'head', node, layer, head, ...read, writes });
    return writes;
  };
  const addMlp = (
    reads: readonly Variable[],
    written: Pick<Variable, 'name' | 'labels' | 'values'>,
    neurons: readonly Neuron[],
  ): Variable => {
    const slot = after(reads, 1);
    const layer = (slot - 1) / 2;
    const node = `MLP ${layer}`;
    const varies = reads.some((variable) => variable.varies);
    const writes = add({ ...written, writer: node, at: 'tokens', varies }, slot);
    operations.push({ kind: 'mlp', node, layer, reads, neurons, writes });
    return writes;
  };
  const selectorOf = ({ keys, queries, predicate }: Selector) => ({ keys: of(keys), queries: of(queries), predicate });

  const of = (e: Expression): Variable => {
    const variable = known.get(e) ?? made(e);
    known.set(e, variable);
    return variable;
  };
  function made(e: Expression): Variable {
    switch (e.op) {
      case 'tokens':
      case 'indices':
        return add({ ...oneHot(e), writer: RESID_START, at: 'tokens', varies: e.op === 'tokens' }, -1);
      case 'length':
        return lengthOf(e);
      case 'map':
      case 'measure': {
        const read = of(e.of);
        if (e.op === 'map') return addMlp([read], oneHot(e), mapNeurons(read, e.values, e.f));
        return addMlp([read], number(e.name), measureNeurons(read, e.f));
      }
      case 'combine': {
        const [a, b] = [of(e.of[0]), of(e.of[1])];
        return addMlp([a, b], oneHot(e), combineNeurons(a, b, e.values, e.f));
      }
      case 'aggregate':
        return addHead({ selector: selectorOf(e.selector), value: of(e.of) }, oneHot(e));
      case 'aggregate-number':
        return addHead({ selector: selectorOf(e.selector), value: of(e.of) }, number(e.name));
    }
  }
  /** A head that looks at all tokens and BOS alike finds BOS with the share 1/(n + 1); the MLP reads n off that. */
  function lengthOf(e: Length): Variable {
    const bos = add({ ...number('bos'), writer: RESID_START, at: 'bos', varies: false }, -1);
    const share = addHead({ selector: null, value: bos }, number('bos-share'));
    return addMlp([share], oneHot(e), lengthNeurons(share, e.values as readonly number[]));
  }

  const result = of(output);
  const layers = 1 + Math.max(...operations.map(({ layer }) => layer));
  const heads = 1 + Math.max(0, ...operations.map((op) => (op.kind === 'head' ? op.head : 0)));
  const ordered = [result, ...variables.filter((variable) => variable !== result)];
  return Object.freeze({ layers, heads, operations, variables: ordered, output: result });
}

const oneHot = ({ name, values }: Categorical): Pick<Variable, 'name' | 'labels' | 'values'> => ({
  name,
  values,
  labels: values.map((value) => `${name}:${value}`),
});
const number = (name: string): Pick<Variable, 'name' | 'labels' | 'values'> => ({ name, labels: [name], values: null });

/** One neuron for each value. */
const mapNeurons = (of: Variable, values: readonly Value[], f: (value: Value) => Value): Neuron[] =>
  of.values!.map((value, index) => ({
    inputs: [{ variable: of, index, weight: 1 }],
    bias: 0,
    outputs: [{ index: values.indexOf(f(value)), weight: 1 }],
  }));

/** One neuron for each value that is measured as something. */
const measureNeurons = (of: Variable, f: (value: Value) => number): Neuron[] =>
  of.values!.flatMap((value, index) => {
    const weight = f(value);
    return weight === 0
      ? []
      : [{ inputs: [{ variable: of, index, weight: 1 }], bias: 0, outputs: [{ index: 0, weight }] }];
  });

/** One neuron for each pair: above 0 only where both are 1. */
const combineNeurons = (
  a: Variable,
  b: Variable,
  values: readonly Value[],
  f: (a: Value, b: Value) => Value,
): Neuron[] =>
  a.values!.flatMap((x, i) =>
    b.values!.map((y, j) => ({
      inputs: [
        { variable: a, index: i, weight: 1 },
        { variable: b, index: j, weight: 1 },
      ],
      bias: -1,
      outputs: [{ index: values.indexOf(f(x, y)), weight: 1 }],
    })),
  );

/**
 * From share = 1/(n + 1) to n, one-hot: step_n, which is 1 for lengths up to n and 0 for longer ones, minus step_{n−1}. A step
 * is relu(s·(share − t) + ½) − relu(s·(share − t) − ½), exactly 0 or 1 at the shares there are, and 0 at a share of 0.
 */
function lengthNeurons(share: Variable, lengths: readonly number[]): Neuron[] {
  const shareOf = (n: number): number => 1 / (n + 1);
  const longest = lengths.at(-1)!;
  const slope = 2 / (shareOf(longest) - shareOf(longest + 1)); // the nearest share is half a gap away: 1 on this scale
  return lengths.flatMap((n, i) => {
    const threshold = (shareOf(n) + shareOf(n + 1)) / 2;
    const next = i + 1 < lengths.length ? [{ index: i + 1, weight: 1 }] : [];
    return [0.5, -0.5].map((offset) => {
      const sign = Math.sign(offset);
      return {
        inputs: [{ variable: share, index: 0, weight: slope }],
        bias: offset - slope * threshold,
        outputs: [{ index: i, weight: sign }, ...next.map(({ index }) => ({ index, weight: -sign }))],
      };
    });
  });
}
