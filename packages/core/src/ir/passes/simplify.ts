/**
 * @file simplify: the same program in fewer and larger steps. Two of its rules make a traced program as fast as one written by
 * hand: a broadcast is hoisted through norms and projections (when all heads read the same residual it is normalised once), and a
 * sum over heads of per-head matmuls becomes one matmul.
 *
 * @example
 * const program = simplify(b.build());
 */
import { countReaders, programLiveness } from '../analysis/liveness.js';
import { type Dim, dimKey, shapesEqual, symbolsOf } from '../program/dims.js';
import type { AnyValue, Composite, Program } from '../program/program.js';
import { spreadOf, workOf } from './rules/broadcasts.js';
import { mergeHeadSum } from './rules/head-sum.js';
import { SIMPLIFY_RULES } from './rules/index.js';
import { Rewriter } from './rules/rewriter.js';

/** Most programs settle after three passes; the limit ends passes that would go on for tiny gains. */
const MOST_PASSES = 8;

/**
 * The same outputs under the same names, computed with less: values, inputs and weights that nothing needs are dropped, equal ones
 * merged, constants folded, broadcasts hoisted, sums over heads merged. Roles stay with their values. The mark of a composite stays
 * where its input still has its shape, and is dropped otherwise. Time grows linearly with the program.
 */
export function simplify(program: Program): Program {
  let current = withoutDead(program);
  for (let pass = 0; pass < MOST_PASSES; pass++) {
    // How many read a product is only known once unneeded readers are gone: after the first pass.
    const next = withoutDead(rewrite(current, pass > 0));
    if (pass > 0 && sameValues(current, next)) break;
    current = next;
  }
  return Object.freeze({ ...current, values: Object.freeze(current.values), outputs: Object.freeze(current.outputs) });
}

function rewrite(program: Program, merge: boolean): Program {
  const r = new Rewriter(SIMPLIFY_RULES);
  const map: number[] = [];
  const uses = countReaders(program);
  for (const value of program.values) {
    const merged = merge && value.op === 'sum' ? mergeHeadSum(r, program, uses, value, map) : undefined;
    const id =
      merged ??
      r.remake(
        value,
        value.inputs.map((input) => map[input]!),
      );
    map[value.id] = id;
    if (value.role || value.composite) annotate(r, value, id, map);
  }
  const outputs = program.outputs.map(({ name, id }) => ({ name, id: map[id]! }));
  return { name: program.name, values: r.values, outputs };
}

function annotate(r: Rewriter, value: AnyValue, id: number, map: readonly number[]): void {
  const work = workOf(r, value, id);
  const composite = value.composite && remapped(r, value.composite, work, map);
  r.annotate(work, { ...(value.role ? { role: value.role } : {}), ...(composite ? { composite } : {}) });
}
/**
 * Every composite maps one input to a value of the same shape, elementwise or along the last axis. So it still holds for hoisted
 * values when input and value were hoisted along the same axes.
 */
function remapped(
  r: Rewriter,
  { kind, inputs, attributes }: Composite,
  work: number,
  map: readonly number[],
): Composite | undefined {
  const { shape } = r.value(work);
  const now = inputs.map((old) => {
    const id = map[old]!;
    const candidates = [id, spreadOf(r, id)?.core];
    return candidates.find(
      (candidate) => candidate !== undefined && candidate < work && shapesEqual(r.shape(candidate), shape),
    );
  });
  const found = now.filter((id) => id !== undefined);
  return found.length === inputs.length ? { kind, inputs: found, attributes } : undefined;
}

/**
 * Keeps the values that an output needs, in order, and inputs that alone fix the size of a symbol in use. A composite whose input
 * is gone is no longer marked.
 */
function withoutDead(program: Program): Program {
  const live = programLiveness(program);
  const alive = program.values.map(({ id }) => live.isNeeded(id));
  for (const id of symbolSources(program, alive)) alive[id] = true;
  const map: number[] = [];
  const values: AnyValue[] = [];
  for (const value of program.values) {
    if (!alive[value.id]) continue;
    map[value.id] = values.length;
    const { composite, ...plain } = value;
    const inputs = value.inputs.map((id) => map[id]!);
    const mark = composite?.inputs.every((id) => alive[id])
      ? { composite: { ...composite, inputs: composite.inputs.map((id) => map[id]!) } }
      : {};
    values.push({ ...plain, ...mark, id: values.length, inputs } as AnyValue);
  }
  return { name: program.name, values, outputs: program.outputs.map(({ name, id }) => ({ name, id: map[id]! })) };
}

/** Unneeded inputs without which a symbol of a needed value would have no size. */
function symbolSources(program: Program, alive: readonly boolean[]): number[] {
  if (!program.values.some((value) => value.op === 'input' && !alive[value.id])) return [];
  const needed = new Set<string>();
  const fixed = new Set<string>();
  const isSymbol = (dim: Dim): boolean => typeof dim !== 'number' && dimKey(dim) === symbolsOf(dim)[0];
  const plain = (value: AnyValue): string[] => value.shape.filter(isSymbol).map(dimKey);
  for (const value of program.values) {
    if (!alive[value.id]) continue;
    for (const dim of [...value.shape, ...ownDims(value)])
      for (const symbol of typeof dim === 'number' ? [] : symbolsOf(dim)) needed.add(symbol);
    if (value.op === 'input') for (const symbol of plain(value)) fixed.add(symbol);
  }
  return program.values.flatMap((value) => {
    if (value.op !== 'input' || alive[value.id]) return [];
    const fixes = plain(value).filter((symbol) => needed.has(symbol) && !fixed.has(symbol));
    for (const symbol of fixes) fixed.add(symbol);
    return fixes.length > 0 ? [value.id] : [];
  });
}
/** Dims that stand in a value's attributes and need not be in its shape. */
function ownDims(value: AnyValue): readonly Dim[] {
  if (value.op === 'dimSize') return [value.attributes.dim];
  return value.op === 'slice' ? [value.attributes.start, value.attributes.end] : [];
}

function sameValues(a: Program, b: Program): boolean {
  if (a.values.length !== b.values.length) return false;
  return a.values.every((value, i) => {
    const other = b.values[i]!;
    return (
      value.op === other.op &&
      value.inputs.every((id, j) => id === other.inputs[j]) &&
      shapesEqual(value.shape, other.shape)
    );
  });
}
