/**
 * @file Small programs over sequences, in the manner of RASP (Weiss et al. 2021, arXiv 2106.06981): an expression has one
 * value at every token, and selectors say which tokens each token looks at. Made by the functions below, evaluated by
 * `evaluate`, compiled to weights by `compile.ts`.
 *
 * @example
 * const tokens = tokensOf([1, 2, 3]);
 * const first = aggregate('first', select(indices(5), indices(5), (k) => k === 0), tokens); // the first token, everywhere
 */
import { AutoCircuitError } from '@auto-circuit/core/plugin';

/** A value at a token. */
export type Value = string | number;

interface Named {
  /** Names residual dimensions; no two expressions of a program share one. */
  readonly name: string;
}
/** Has one of a few values at each token: a residual dimension for each value, 1 where it is the one. */
interface OneHot extends Named {
  readonly values: readonly Value[];
}

/** The input tokens. */
export interface Tokens extends OneHot {
  readonly op: 'tokens';
}
/** 0 for the first token after BOS, and so on. */
export interface Indices extends OneHot {
  readonly op: 'indices';
}
/** The number of tokens after BOS, the same everywhere. */
export interface Length extends OneHot {
  readonly op: 'length';
}
/** f of the value at the same token. */
export interface MapTo extends OneHot {
  readonly op: 'map';
  readonly of: Categorical;
  readonly f: (value: Value) => Value;
}
/** f of two values at the same token. */
export interface Combine extends OneHot {
  readonly op: 'combine';
  readonly of: readonly [Categorical, Categorical];
  readonly f: (a: Value, b: Value) => Value;
}
/** A number of each value: one residual dimension. */
export interface Measure extends Named {
  readonly op: 'measure';
  readonly of: Categorical;
  readonly f: (value: Value) => number;
}
/** The value at the selected tokens, which must be one value. */
export interface AggregateOneHot extends OneHot {
  readonly op: 'aggregate';
  readonly selector: Selector;
  readonly of: Categorical;
}
/** The mean of a number over the selected tokens. */
export interface AggregateNumber extends Named {
  readonly op: 'aggregate-number';
  readonly selector: Selector;
  readonly of: Numeric;
}
/** An expression with one of a few values. */
export type Categorical = Tokens | Indices | Length | MapTo | Combine | AggregateOneHot;
/** An expression that is a number. */
export type Numeric = Measure | AggregateNumber;
/** Any expression. */
export type Expression = Categorical | Numeric;

/** Token q looks at the tokens k with predicate(keys[k], queries[q]); equally at each. */
export interface Selector {
  readonly keys: Categorical;
  readonly queries: Categorical;
  readonly predicate: (key: Value, query: Value) => boolean;
}

/** The input: tokens of this vocabulary. */
export const tokensOf = (vocabulary: readonly Value[]): Tokens => ({
  op: 'tokens',
  name: 'tokens',
  values: vocabulary,
});
/** 0 for the first token after BOS, and so on. @param maxLength tokens after BOS, at most */
export const indices = (maxLength: number): Indices => ({ op: 'indices', name: 'indices', values: upTo(maxLength, 0) });
/** The number of tokens after BOS. @param maxLength the most there can be */
export const length = (maxLength: number): Length => ({ op: 'length', name: 'length', values: upTo(maxLength, 1) });
/** f of the value at the same token. @param name no other expression has it */
export const map = (name: string, of: Categorical, f: MapTo['f']): MapTo => ({
  op: 'map',
  name,
  of,
  f,
  values: distinct(of.values.map(f)),
});
/** f of two values at the same token. */
export const combine = (name: string, a: Categorical, b: Categorical, f: Combine['f']): Combine => ({
  op: 'combine',
  name,
  of: [a, b],
  f,
  values: distinct(a.values.flatMap((x) => b.values.map((y) => f(x, y)))),
});
/** A number for each value. */
export const measure = (name: string, of: Categorical, f: Measure['f']): Measure => ({ op: 'measure', name, of, f });
/** Which tokens each token looks at: those where the predicate holds of their key and its own query. */
export const select = (keys: Categorical, queries: Categorical, predicate: Selector['predicate']): Selector => ({
  keys,
  queries,
  predicate,
});
/** The value at the selected tokens. */
export const aggregate = (name: string, selector: Selector, of: Categorical): AggregateOneHot => ({
  op: 'aggregate',
  name,
  selector,
  of,
  values: of.values,
});
/** The mean of a number over the selected tokens. */
export const average = (name: string, selector: Selector, of: Numeric): AggregateNumber => ({
  op: 'aggregate-number',
  name,
  selector,
  of,
});

const upTo = (count: number, first: number): number[] => Array.from({ length: count }, (_, i) => first + i);
const distinct = (values: readonly Value[]): Value[] =>
  [...new Set(values)].sort((a, b) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : `${a}` < `${b}` ? -1 : 1,
  );

/**
 * What the expression is at every token of a sequence (without BOS): what the compiled weights are held to.
 * @throws AutoCircuitError where a token selects nothing, or tokens of different values to copy one from
 */
export function evaluate(expression: Expression, sequence: readonly Value[]): Value[] {
  const known = new Map<Expression, Value[]>();
  const of = (e: Expression): Value[] => {
    const values = known.get(e) ?? valuesOf(e, sequence, of);
    known.set(e, values);
    return values;
  };
  return of(expression);
}

function valuesOf(e: Expression, sequence: readonly Value[], of: (e: Expression) => Value[]): Value[] {
  switch (e.op) {
    case 'tokens':
      return [...sequence];
    case 'indices':
      return sequence.map((_, i) => i);
    case 'length':
      return sequence.map(() => sequence.length);
    case 'map':
      return of(e.of).map(e.f);
    case 'measure':
      return of(e.of).map(e.f);
    case 'combine': {
      const second = of(e.of[1]);
      return of(e.of[0]).map((a, i) => e.f(a, second[i]!));
    }
    case 'aggregate': {
      const copied = selected(e.name, e.selector, of, of(e.of));
      return copied.map((values) => {
        if (new Set(values).size === 1) return values[0]!;
        throw unusable(e.name, 'a token selects tokens of different values', `one value, got ${values.join(', ')}`);
      });
    }
    case 'aggregate-number':
      return selected(e.name, e.selector, of, of(e.of)).map(
        (values) => values.reduce<number>((sum, x) => sum + Number(x), 0) / values.length,
      );
  }
}

/** The values that each token looks at. */
function selected(
  name: string,
  { keys, queries, predicate }: Selector,
  of: (e: Expression) => Value[],
  values: readonly Value[],
): Value[][] {
  const key = of(keys);
  return of(queries).map((query) => {
    const found = values.filter((_, k) => predicate(key[k]!, query));
    if (found.length > 0) return found;
    throw unusable(name, 'a token selects nothing', 'at least one token');
  });
}

const unusable = (name: string, what: string, expected: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'invalid-program',
    fields: { program: name },
    where: 'compiled',
    what: `"${name}": ${what}`,
    expected,
  });
