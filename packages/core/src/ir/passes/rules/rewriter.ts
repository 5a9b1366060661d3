/** @file The program that a pass is writing: equal values are made once, and every new value goes through the rules of its op. */

import type { DType } from '../../../tensor/tensor.js';
import type { LeafOp } from '../../ops/op-traits.js';
import { SHAPE_RULES, type ShapeRule, type Typed } from '../../ops/shape-rules.js';
import { type Dim, dimKey, type Shape, shapeKey } from '../../program/dims.js';
import type { AnyValue, OpAttributes, OpName } from '../../program/program.js';

/** A value about to be made; ids are those of the program being written. */
export interface Node<K extends OpName = OpName> extends Typed {
  readonly op: K;
  readonly inputs: readonly number[];
  readonly attributes: OpAttributes[K];
}
/** Gives the id of an equal, simpler value, or undefined where the rule does not apply. */
export type Rule<K extends OpName = OpName> = (r: Rewriter, node: Node<K>) => number | undefined;
/** For each op the rules that are tried, in this order. */
export type RuleTable = { readonly [K in OpName]: readonly Rule<K>[] };

/** Writes one program. Ids are places in `values`. */
export class Rewriter {
  readonly values: AnyValue[] = [];
  readonly #known = new Map<string, number>();
  readonly #rules: RuleTable;

  constructor(rules: RuleTable) {
    this.#rules = rules;
  }
  value(id: number): AnyValue {
    return this.values[id]!;
  }
  shape(id: number): Shape {
    return this.values[id]!.shape;
  }
  /** The value `op(inputs)`, simplified. */
  make<K extends Exclude<OpName, LeafOp>>(op: K, inputs: readonly number[], attributes: OpAttributes[K]): number {
    const rule = SHAPE_RULES[op] as ShapeRule<K>;
    const { dtype, shape } = rule(
      inputs.map((id) => this.values[id]!),
      attributes,
    );
    return this.#simplified({ op, inputs, attributes, dtype, shape });
  }
  leaf<K extends LeafOp>(op: K, attributes: OpAttributes[K], dtype: DType, shape: Shape): number {
    return this.#simplified({ op, inputs: [], attributes, dtype, shape });
  }
  /** A value of another program with its inputs renamed. */
  remake({ op, attributes, dtype, shape }: AnyValue, inputs: readonly number[]): number {
    if (op === 'input' || op === 'weight' || op === 'constant' || op === 'iota')
      return this.leaf(op, attributes, dtype, shape);
    return this.make(op, inputs, attributes);
  }
  #simplified<K extends OpName>(node: Node<K>): number {
    for (const rule of this.#rules[node.op] as readonly Rule<K>[]) {
      const simpler = rule(this, node);
      if (simpler !== undefined) return simpler;
    }
    const key = nodeKey(node);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const id = this.values.length;
    this.values.push({ id, ...node } as Node as AnyValue);
    this.#known.set(key, id);
    return id;
  }
  /** Adds the role and composite that a value had in the old program; those that it has already stay. */
  annotate(id: number, notes: Pick<AnyValue, 'role' | 'composite'>): void {
    const { role, composite } = this.values[id]!;
    const own = { ...(role ? { role } : {}), ...(composite ? { composite } : {}) };
    this.values[id] = { ...this.values[id]!, ...notes, ...own };
  }
}

// ---- equal values have equal keys -----------------------------------------------------------------------------
type Attribute = number | string | boolean | Dim | readonly (number | Dim)[];
const listKeys = new WeakMap<readonly (number | Dim)[], string>();

function attributeKey(attribute: Attribute): string {
  if (Array.isArray(attribute)) {
    const list = attribute as readonly (number | Dim)[];
    // Constant tables come back in every pass: their key is made once.
    const key = listKeys.get(list) ?? list.map(dimOrNumberKey).join(',');
    listKeys.set(list, key);
    return key;
  }
  return typeof attribute === 'object' ? dimKey(attribute as Dim) : String(attribute);
}
const dimOrNumberKey = (x: number | Dim): string => (Object.is(x, -0) ? '-0' : dimKey(x));

function nodeKey({ op, inputs, attributes, dtype, shape }: Node): string {
  const record = attributes as Readonly<Record<string, Attribute>>;
  const texts = Object.keys(record)
    .sort()
    .map((name) => attributeKey(record[name]!));
  return `${op}|${inputs.join(',')}|${texts.join(';')}|${dtype}${inputs.length === 0 ? shapeKey(shape) : ''}`;
}
