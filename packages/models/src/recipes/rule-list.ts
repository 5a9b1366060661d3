/** @file Builds the rules of a recipe: canonical tensors in the order of the forward pass, and the groups that families share. */
import type { TensorRule } from '../checkpoint/canonical.js';
import { asIs, type Loader } from '../checkpoint/layouts.js';
import { longRotary, type RotarySettings, rotaryTable } from '../checkpoint/rotary.js';

/**
 * Adds a rule: the canonical tensor `name` of this shape is what `from` loads. `firstRows` computes the first rows of a table
 * that no file holds.
 */
export type AddRule = (
  name: string,
  shape: readonly number[],
  from: Loader,
  firstRows?: (rows: number) => Float32Array,
) => void;

/** Rules as they are added. */
export interface RuleList {
  readonly rules: TensorRule[];
  readonly add: AddRule;
  /** Adds to a layer: `ln1.w` becomes `L{layer}.ln1.w`. */
  inLayer(layer: number): AddRule;
}

/** An empty list. */
export function ruleList(): RuleList {
  const rules: TensorRule[] = [];
  const add: AddRule = (name, shape, from, firstRows) => {
    rules.push({ name, shape, from, ...(firstRows ? { firstRows } : {}) });
  };
  return {
    rules,
    add,
    inLayer:
      (layer) =>
      (name, ...rest) =>
        add(`L${layer}.${name}`, ...rest),
  };
}

/** A layer norm: `NAME.w` and `NAME.b` [size] from `FROM.weight` and `FROM.bias`. */
export function addLayerNorm(add: AddRule, name: string, from: string, size: number): void {
  add(`${name}.w`, [size], asIs(`${from}.weight`, [size]));
  add(`${name}.b`, [size], asIs(`${from}.bias`, [size]));
}

/** The tables `NAME.cos` and `NAME.sin` [positions, dims / 2] of rotary positions; a model gets as many rows as it is loaded for. */
export function addRotary(add: AddRule, name: string, rotary: RotarySettings, positions: number): void {
  for (const fn of ['cos', 'sin'] as const) {
    const firstRows = (rows: number): Float32Array => rotaryTable(fn, rotary, rows);
    add(`${name}.${fn}`, [positions, rotary.dims / 2], () => firstRows(positions), firstRows);
  }
}

/** The same, and `NAME.long.cos` and `NAME.long.sin` where longer prompts have frequencies of their own (`longRotary`). */
export function addAllRotary(add: AddRule, name: string, rotary: RotarySettings, positions: number): void {
  addRotary(add, name, rotary, positions);
  const long = longRotary(rotary);
  if (long && positions > long.beyond) addRotary(add, `${name}.long`, long.settings, positions);
}

/** Sizes that the projections of a layer have. */
export interface ProjectionSizes {
  readonly heads: number;
  readonly kvHeads: number;
  readonly dHead: number;
  readonly dModel: number;
}

/**
 * Queries, keys and values from a matrix each: `attn.q.W` [heads, dHead, dModel] from `FROM.q_proj.weight`, and so on, with
 * `attn.q.b` [heads, dHead] where there is a bias.
 */
export function addProjections(
  add: AddRule,
  from: string,
  { heads, kvHeads, dHead, dModel }: ProjectionSizes,
  hasBias: (tensor: string) => boolean,
): void {
  for (const [input, n] of [
    ['q', heads],
    ['k', kvHeads],
    ['v', kvHeads],
  ] as const) {
    const projection = `${from}.${input}_proj`;
    add(`attn.${input}.W`, [n, dHead, dModel], asIs(`${projection}.weight`, [n * dHead, dModel]));
    if (hasBias(`${projection}.bias`)) add(`attn.${input}.b`, [n, dHead], asIs(`${projection}.bias`, [n * dHead]));
  }
}

/**
 * A gated MLP: `mlp.gate.W` and `mlp.up.W` [dMlp, dModel], `mlp.down.W` [dModel, dMlp], from `FROM.gate_proj.weight`, and so on;
 * with their biases `mlp.gate.b`, `mlp.up.b` [dMlp], `mlp.down.b` [dModel] where it has them.
 */
export function addGatedMlp(add: AddRule, from: string, dModel: number, dMlp: number, biased = false): void {
  for (const [part, rows, columns] of [
    ['gate', dMlp, dModel],
    ['up', dMlp, dModel],
    ['down', dModel, dMlp],
  ] as const) {
    add(`mlp.${part}.W`, [rows, columns], asIs(`${from}.${part}_proj.weight`, [rows, columns]));
    if (biased) add(`mlp.${part}.b`, [rows], asIs(`${from}.${part}_proj.bias`, [rows]));
  }
}

/** An unembedding of its own, `unembed.W` [vocabulary, dModel]; tied models have none. */
export function addUnembedding(add: AddRule, tied: boolean, from: string, vocabulary: number, dModel: number): void {
  if (!tied) add('unembed.W', [vocabulary, dModel], asIs(from, [vocabulary, dModel]));
}
