/**
 * @file A decoder that is put together from settings: which norm and where, side by side or in turn, which positions, which
 * MLP, and a few factors. Most families are a set of these (`families/`); GPT-2, Llama, GPT-NeoX and Gemma 2 and 3 have traces
 * of their own.
 */
import { addDims, type WeightStore } from '@auto-circuit/core/backend';
import type { AnyValue, ModelObject, Norm, PatchPoints } from '@auto-circuit/core/plugin';
import { normed } from '@auto-circuit/core/plugin';
import { addHeads, type DecoderShape, traceBlocks, writeNormed } from './blocks.js';
import { type ExpertsForm, expertsMlp } from './experts.js';
import { type HeadNorms, normHeads } from './head-norms.js';
import {
  type AttentionForm,
  causalAttention,
  gatedMlp,
  type HasWeight,
  layerNormNamed,
  plainMlp,
  readHeads,
  rmsNormNamed,
  rotate,
  unembedTokens,
} from './layers.js';
import { tokenModel } from './token-model.js';

/** What distinguishes one decoder from another. What is optional is left out where a family does not have it. */
export interface DecoderForm extends DecoderShape {
  /** Heads of keys and values; query heads share them in groups. */
  readonly kvHeads: number;
  /** The kind of every norm. */
  readonly norm: Norm['kind'];
  /**
   * `before`: a module reads the residual through a norm (`ln1`, `ln2`). `after`: it reads the residual as it is, and what it
   * writes is normed (`attn.post`, `mlp.post`). Default `before`.
   */
  readonly norms?: 'before' | 'after';
  /** Attention and MLP of a layer read the same residual. Default false. */
  readonly parallel?: boolean;
  /** Both read it through one norm: `ln2` is a copy of `ln1`. Default false. */
  readonly sharedNorm?: boolean;
  /** `gated`: `mlp.gate`, `mlp.up`, `mlp.down`; `plain`: `mlp.in`, `mlp.out`. */
  readonly mlpKind: 'plain' | 'gated';
  /** Layers that have experts in place of one MLP; modules with norms after them have none. Default none. */
  readonly experts?: ExpertsForm;
  /**
   * A learned score for each head, `attn.sinks` [heads], that stands beside those of the keys and takes a share of the softmax which
   * brings no value. Default false.
   */
  readonly sinks?: boolean;
  /** Rotary positions: how many dimensions of a head turn, and by which tables in each layer (`rope`; null: it has none). */
  readonly rotary?: {
    readonly dims: number;
    readonly tables: readonly (string | null)[];
    /** Prompts longer than this have tables of their own, `NAME.long.cos` and `NAME.long.sin`. Default: all have the same. */
    readonly longBeyond?: number;
  };
  /** By layer: how many keys a query sees; null for all. Default all. */
  readonly windows?: readonly (number | null)[];
  /** What q·k is multiplied by. Default 1/√dHead. */
  readonly attentionScale?: number;
  /** Linear biases (ALiBi), by head; see `AttentionForm`. */
  readonly slopes?: readonly number[];
  /** Norms of queries and keys, `attn.q.norm` and `attn.k.norm`. */
  readonly headNorms?: HeadNorms;
  /** Bound of queries, keys (both after their norms) and values, both ways. */
  readonly clip?: number | null;
  /** A norm of the embeddings, `embed.ln`. Default false. */
  readonly embeddingNorm?: boolean;
  /** Factors of the embeddings, of what every module writes, and of the logits. Default 1. */
  readonly embeddingScale?: number;
  readonly residualScale?: number;
  readonly logitScale?: number;
}

/** The forward pass. Gives the residual [batch, pos, dModel] that the final norm reads. */
export function traceDecoder(form: DecoderForm, has: HasWeight, points: PatchPoints): AnyValue {
  const { builder: b } = points;
  const { heads, dModel, dHead, residualScale = 1, clip = null, rotary } = form;
  const norm = (name: string): Norm => normNamed(form, has, points, name);
  const after = form.norms === 'after';
  /** x as it is added to the residual. */
  const scaled = (x: AnyValue): AnyValue => (residualScale === 1 ? x : b.mul(x, residualScale));
  const clipped = (x: AnyValue): AnyValue => (clip === null ? x : b.minimum(b.maximum(x, -clip), clip));
  /** Queries or keys x [groups, heads per group, batch, pos, dHead], normed, bounded and rotated as layer l does it. */
  const placed = (x: AnyValue, l: number, input: 'q' | 'k'): AnyValue => {
    const { headNorms: norms, epsilon, norm: kind } = form;
    const count = input === 'q' ? heads : form.kvHeads;
    const y = norms
      ? normHeads(points, has, `L${l}.attn.${input}.norm`, x, { kind, epsilon, dHead, heads: count, norms })
      : x;
    const bounded = clipped(y);
    const table = rotary?.tables[l] ?? null;
    return rotary && table !== null ? rotatePart(points, has, bounded, table, rotary, form) : bounded;
  };

  return traceBlocks(points, form, embed(form, has, points), {
    attention(l, residual) {
      const site = `L${l}.attn`;
      const attention: AttentionForm = {
        ...(form.attentionScale === undefined ? {} : { scale: form.attentionScale }),
        window: form.windows?.[l] ?? null,
        slopes: form.slopes ?? null,
        sinks: form.sinks ? points.weight(`${site}.sinks`, [heads]) : null,
      };
      const { q, k, v } = readHeads(points, has, form, site, residual, after ? null : norm(`L${l}.ln1`));
      const [query, key] = [placed(q, l, 'q'), placed(k, l, 'k')];
      const z = scaled(causalAttention(points, query, key, clipped(v), site, attention)); // [heads, batch, pos, dHead]
      if (!after) return addHeads(points, site, residual, z, form, has(`${site}.o.b`), residualScale);
      const output = points.weight(`${site}.o.W`, [heads, dHead, dModel]);
      return b.add(residual, writeNormed(points, site, z, output, norm(`${site}.post`)));
    },
    mlp(l, residual, before) {
      const site = `L${l}.mlp`;
      const source = form.parallel ? before : residual;
      const inputs = points.into(site, source, after ? null : norm(`L${l}.ln2`)); // each [experts or 1, batch, pos, dModel]
      const mlp = form.mlpKind === 'plain' ? plainMlp : gatedMlp;
      const { experts } = form;
      const out = scaled(
        experts?.counts[l]
          ? expertsMlp(points, form, experts, l, inputs, has)
          : mlp(points, form, site, inputs.mlp!, has),
      ); // [experts or 1, batch, pos, dModel]
      return b.add(residual, points.outOf(site, after ? normed(b, out, norm(`${site}.post`)) : out));
    },
  });
}

/** The norm NAME over dModel, of the kind that the family has. */
const normNamed = (form: DecoderForm, has: HasWeight, points: PatchPoints, name: string): Norm =>
  (form.norm === 'layerNorm' ? layerNormNamed : rmsNormNamed)(points, has, form, name);

/** The residual that the first layer reads: embeddings, with learned positions where there are any, scaled or normed. */
function embed(form: DecoderForm, has: HasWeight, points: PatchPoints): AnyValue {
  const { builder: b, prefix, input: tokens } = points; // tokens [batch, pos]
  const { vocabulary, positions, dModel, embeddingScale = 1 } = form;
  const embedded = b.gather(points.weight('embed.W', [vocabulary, dModel]), tokens, 0); // [batch, pos, dModel]
  const scaled = embeddingScale === 1 ? embedded : b.mul(embedded, embeddingScale);
  const start = form.embeddingNorm ? normed(b, scaled, normNamed(form, has, points, 'embed.ln')) : scaled;
  if (!has('pos.W')) return start;
  const stop = addDims(prefix, tokens.shape[1]!);
  return b.add(start, b.slice(points.weight('pos.W', [positions, dModel]), 0, prefix, stop));
}

/** x [groups, heads per group, batch, pos, dHead] with its first `dims` dimensions turned by the tables `NAME.cos` and `NAME.sin`. */
function rotatePart(
  points: PatchPoints,
  has: HasWeight,
  x: AnyValue,
  name: string,
  { dims, longBeyond }: NonNullable<DecoderForm['rotary']>,
  { positions, dHead }: DecoderForm,
): AnyValue {
  const { builder: b, prefix, input } = points;
  const [cos, sin] = ['cos', 'sin'].map((part) => {
    const table = points.weight(`${name}.${part}`, [positions, dims / 2]);
    const rows = table.shape[0] as number; // as many as the model is loaded for
    if (longBeyond === undefined || rows <= longBeyond || !has(`${name}.long.${part}`)) return table;
    const long = points.weight(`${name}.long.${part}`, [positions, dims / 2]);
    const length = b.add(b.dimSize(input.shape[1]!), prefix);
    return b.where(b.lessEqual(length, longBeyond), table, long); // [rows, dims / 2]
  });
  if (dims === dHead) return rotate(points, x, cos!, sin!);
  return b.concat([rotate(points, b.slice(x, 4, 0, dims), cos!, sin!), b.slice(x, 4, dims, dHead)], 4);
}

/** Residual [batch, q, dModel] → logits [batch, q, vocabulary]. */
export function unembedDecoder(form: DecoderForm, has: HasWeight, points: PatchPoints, residual: AnyValue): AnyValue {
  const logits = unembedTokens(points, has, residual, normNamed(form, has, points, 'final.ln'), form);
  const { logitScale = 1 } = form;
  return logitScale === 1 ? logits : points.builder.mul(logits, logitScale);
}

/** The model as an object that can be traced. `weights` are canonical (`checkpoint/canonical.ts`). */
export const decoderModel = (
  name: string,
  form: DecoderForm,
  weights: WeightStore,
  processing: readonly string[] = [],
): ModelObject =>
  tokenModel({
    ...{ name, shape: form, weights, processing },
    ...(form.experts ? { experts: form.experts.counts } : {}),
    parallel: form.parallel ?? false,
    sharedNorm: form.sharedNorm ?? false,
    longBeyond: form.rotary?.longBeyond ?? null,
    // heads are told apart by their number, or depend on one another
    headsWriteTogether:
      form.norms === 'after' ||
      form.slopes !== undefined ||
      form.sinks === true ||
      form.headNorms === 'own' ||
      form.headNorms === 'across',
    trace: (has, points) => traceDecoder(form, has, points),
    unembed: (has, points, residual) => unembedDecoder(form, has, points, residual),
  });
