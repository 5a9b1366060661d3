/**
 * @file A transformer small enough for the interpreter, with every variation that modes must get right: grouped KV heads, attention
 * and MLP in parallel, one stacked projection, experts, layer norm, RMS norm or none. Weights are random, from a fixed seed.
 */
import { memoryWeights } from '../backend/memory-weights.js';
import type { ProgramBuilder } from '../ir/builder/builder.js';
import { addDims, type Dim, dimsEqual, multiplyDims } from '../ir/program/dims.js';
import type { AnyValue } from '../ir/program/program.js';
import type { HeadProjection } from '../model/head-projections.js';
import type { ModelObject } from '../model/model.js';
import type { Norm } from '../model/norm.js';
import type { PatchPoints } from '../model/patch-points.js';
import { seededRandom } from '../numeric/seeded-random.js';
import type { Prompt, PromptBatch } from '../prompts/types.js';

/** What is varied. */
export interface TinyShape {
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly mlp: boolean;
  readonly parallel: boolean;
  readonly norm: Norm['kind'] | null;
  /** By layer: experts in place of an MLP, which a softmax weighs; 0 for one MLP. null: no layer has any. */
  readonly experts: readonly number[] | null;
  /** Whether Q, K and V lie as one stacked projection; needs as many KV heads as heads. */
  readonly stacked: boolean;
}
const DEFAULTS: TinyShape = {
  layers: 2,
  heads: 2,
  kvHeads: 2,
  mlp: true,
  parallel: false,
  experts: null,
  norm: 'layerNorm',
  stacked: false,
};
/** Odd on purpose, and no two the same. */
export const TINY = { dModel: 5, dHead: 3, dMlp: 7, vocabulary: 11, positions: 8 } as const;

/** The shapes that modes must get right, by name. */
export const TINY_VARIANTS: Readonly<Record<string, Partial<TinyShape>>> = {
  serial: {},
  'one stacked projection': { stacked: true, layers: 3 },
  'grouped KV heads': { heads: 4, kvHeads: 2 },
  'attention and MLP in parallel': { parallel: true, norm: 'rmsNorm' },
  'experts in one layer': { experts: [0, 3] },
  'attention only, no norm': { mlp: false, norm: null },
};

/** A model of this shape; two layers of two heads with MLPs and layer norms where nothing else is said. */
export function tinyTransformer(varied: Partial<TinyShape> = {}): ModelObject {
  const shape = { ...DEFAULTS, ...varied };
  const { layers, heads, kvHeads, mlp, parallel, experts } = shape;
  const { dModel, vocabulary, positions } = TINY;
  const shapes = weightShapes(shape);
  const random = seededRandom(5, 'tiny-transformer');
  const weights = Object.entries(shapes).map(([name, dims]) => {
    const data = Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, () => 0.6 * random.normal());
    return [name, { shape: dims, data }] as const;
  });
  return Object.freeze<ModelObject>({
    name: 'tiny',
    spec: {
      layout: { kind: 'transformer', layers, heads, kvHeads, dModel, mlp, parallel, ...(experts ? { experts } : {}) },
      input: { name: 'tokens', dtype: 'int', features: [] },
      outputSize: vocabulary,
      takesPrefix: true,
      maxPositions: positions,
      parameters: weights.reduce((n, [, { data }]) => n + data.length, 0),
    },
    weights: memoryWeights(Object.fromEntries(weights)),
    processing: [],
    trace: (points) => trace(points, shape, shapes),
    unembed(points, residual) {
      const b = points.builder;
      const [batch, q] = residual.shape as [Dim, Dim];
      const flat = b.reshape(residual, [multiplyDims(batch, q), dModel]);
      const logits = b.matmul(flat, points.weight('unembed', [vocabulary, dModel]), { transposeB: true }); // [batch·q, vocabulary]
      return b.reshape(logits, [batch, q, vocabulary]);
    },
  });
}

type Shapes = Readonly<Record<string, readonly number[]>>;

function weightShapes({ layers, heads, kvHeads, mlp, experts, norm, stacked }: TinyShape): Shapes {
  const { dModel, dHead, dMlp, vocabulary, positions } = TINY;
  const shapes: Record<string, readonly number[]> = {
    embed: [vocabulary, dModel],
    places: [positions, dModel],
    unembed: [vocabulary, dModel],
  };
  for (let l = 0; l < layers; l++) {
    for (const name of norm ? ['ln1', ...(mlp ? ['ln2'] : [])] : []) {
      shapes[`L${l}.${name}.w`] = [dModel];
      shapes[`L${l}.${name}.b`] = [dModel];
    }
    const projections = stacked ? { qkv: 3 * heads } : { q: heads, k: kvHeads, v: kvHeads };
    for (const [name, groups] of Object.entries(projections)) {
      shapes[`L${l}.attn.${name}.W`] = [groups, dHead, dModel];
      shapes[`L${l}.attn.${name}.b`] = [groups, dHead];
    }
    shapes[`L${l}.attn.o`] = [heads, dHead, dModel];
    const count = experts?.[l];
    if (count) {
      shapes[`L${l}.mlp.router`] = [dModel, count];
      shapes[`L${l}.mlp.in`] = [count, dModel, dMlp];
      shapes[`L${l}.mlp.out`] = [count, dMlp, dModel];
    } else if (mlp) {
      shapes[`L${l}.mlp.in`] = [dModel, dMlp];
      shapes[`L${l}.mlp.out`] = [dMlp, dModel];
    }
  }
  return shapes;
}

function trace(points: PatchPoints, shape: TinyShape, shapes: Shapes): AnyValue {
  const { builder: b, input, prefix } = points;
  const [batch, pos] = input.shape as [Dim, Dim];
  const weight = (name: string): AnyValue => points.weight(name, shapes[name]!);
  const norm = (role: string): Norm | null =>
    shape.norm && { kind: shape.norm, epsilon: 1e-5, weight: weight(`${role}.w`), bias: weight(`${role}.b`), role };
  const places = b.slice(weight('places'), 0, prefix, addDims(prefix, pos)); // [pos, dModel]
  let residual = points.outOf('start', b.add(b.gather(weight('embed'), input, 0), places)); // [batch, pos, dModel]
  for (let l = 0; l < shape.layers; l++) {
    const before = residual;
    residual = b.add(residual, attention(points, shape, weight, `L${l}.attn`, before, norm(`L${l}.ln1`)));
    if (!shape.parallel) residual = points.stream(`L${l}.mid`, residual);
    if (shape.mlp) {
      const inputs = points.into(`L${l}.mlp`, shape.parallel ? before : residual, norm(`L${l}.ln2`));
      const out = (shape.experts?.[l] ? expertOutputs : mlpOutput)(b, weight, `L${l}.mlp`, inputs);
      residual = b.add(residual, points.outOf(`L${l}.mlp`, out));
    }
    residual = points.stream(`L${l}.post`, residual);
  }
  return b.reshape(points.into('end', residual).end!, [batch, pos, TINY.dModel]);
}

type Inputs = Readonly<Record<string, AnyValue>>;
type Weight = (name: string) => AnyValue;

/** What an MLP writes for what it reads: [rows, batch, pos, dModel]. */
function mlpOutput(b: ProgramBuilder, weight: Weight, site: string, { mlp }: Inputs): AnyValue {
  const x = mlp!; // [rows, batch, pos, dModel]
  const flat = b.reshape(x, [multiplyDims(...x.shape.slice(0, 3)), TINY.dModel]); // [rows·batch·pos, dModel]
  const inner = b.tanh(b.matmul(flat, weight(`${site}.in`))); // [rows·batch·pos, dMlp]
  return b.reshape(b.matmul(inner, weight(`${site}.out`)), x.shape);
}

/** What each expert writes, times its share of a softmax over what the router gives: [experts, batch, pos, dModel]. */
function expertOutputs(b: ProgramBuilder, weight: Weight, site: string, { experts, router }: Inputs): AnyValue {
  const [rows, batch, pos, dModel] = experts!.shape as [Dim, Dim, Dim, Dim];
  const tokens = multiplyDims(batch, pos);
  const flat = b.reshape(experts!, [rows, tokens, dModel]); // [experts or 1, tokens, dModel]
  const out = b.matmul(b.tanh(b.matmul(flat, weight(`${site}.in`))), weight(`${site}.out`)); // [experts, tokens, dModel]
  const shares = b.softmax(b.matmul(b.reshape(router!, [tokens, dModel]), weight(`${site}.router`))); // [tokens, experts]
  const [count] = out.shape as [Dim];
  const byExpert = b.reshape(b.transpose(shares, [1, 0]), [count, tokens, 1]);
  return b.reshape(b.mul(out, byExpert), [count, batch, pos, dModel]);
}

/** What attention adds to the residual: [batch, pos, dModel]. */
function attention(
  points: PatchPoints,
  { heads, kvHeads, stacked }: TinyShape,
  weight: (name: string) => AnyValue,
  site: string,
  residual: AnyValue,
  norm: Norm | null,
): AnyValue {
  const { builder: b, prefix } = points;
  const projection = (name: string): HeadProjection => ({
    weight: weight(`${site}.${name}.W`),
    bias: weight(`${site}.${name}.b`),
  });
  const part = ({ weight: all, bias }: HeadProjection, i: number): HeadProjection => ({
    weight: b.slice(all, 0, i * heads, (i + 1) * heads),
    bias: b.slice(bias!, 0, i * heads, (i + 1) * heads),
  });
  const joint = stacked ? projection('qkv') : null;
  const projections = joint
    ? { q: part(joint, 0), k: part(joint, 1), v: part(joint, 2), stacked: joint }
    : { q: projection('q'), k: projection('k'), v: projection('v'), stacked: null };
  const own = points.intoHeads(site, residual, norm, projections); // each [groups, heads per group or 1, batch, pos, dHead]
  const [groups, , batch, pos] = own.k.shape as [Dim, Dim, Dim, Dim];
  // A mode may compute only some heads, with keys of their own; else query heads stand in groups over the keys that they share.
  const q = dimsEqual(own.q.shape[0]!, groups)
    ? own.q
    : b.reshape(own.q, [groups, heads / kvHeads, batch, pos, TINY.dHead]);
  const { k, v } = points.withPrefix(site, own.k, own.v); // [groups, heads per group or 1, batch, prefix + pos, dHead]
  const [queries, keys] = [b.role(q, `${site}.q`), b.role(k, `${site}.k`)];
  const products = b.matmul(b.mul(queries, 1 / Math.sqrt(TINY.dHead)), keys, { transposeB: true });
  const scores = b.role(products, `${site}.scores`); // [groups, heads per group, batch, pos, prefix + pos]
  const query = b.add(b.iota([pos, 1], 0), prefix);
  const visible = b.lessEqual(b.iota([1, addDims(prefix, pos)], 1), query); // [pos, prefix + pos]
  const pattern = b.role(b.softmax(b.where(visible, scores, -1e9)), `${site}.pattern`);
  const z = b.matmul(pattern, v); // [groups, heads per group, batch, pos, dHead]
  return points.outOf(
    site,
    b.reshape(z, [multiplyDims(groups, q.shape[1]!), batch, pos, TINY.dHead]),
    weight(`${site}.o`),
  );
}

/** Random prompts for a tiny transformer, clean and corrupt. */
export function tinyPrompts(count = 2, length = 3): PromptBatch {
  const random = seededRandom(6, 'tiny-prompts');
  const tokens = (): number[] => Array.from({ length }, () => random.below(TINY.vocabulary));
  const prompts = Array.from(
    { length: count },
    (_, index): Prompt => ({ index, clean: tokens(), corrupt: tokens(), answers: [1], wrongAnswers: [2] }),
  );
  return { length, prompts };
}
