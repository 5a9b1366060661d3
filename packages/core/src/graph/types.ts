/** @file What the graph of a model is: source and destination nodes by block, the edges between them, scores and masks. */
import type { FloatArray, Tensor } from '../tensor/tensor.js';
import type { Site } from './sites.js';

/** Which of the graphs that a model has. */
export interface GraphOptions {
  /** true: edges between heads and MLPs (the factorized graph). false: the residual graph, `Resid Mid`/`Resid Post` as nodes. */
  readonly factorized: boolean;
  /** Whether an attention head reads Q, K and V through edges of their own. */
  readonly splitQkv: boolean;
  /** The number of token positions when every position has edges of its own, else null. */
  readonly positions: number | null;
  /** With grouped queries: K and V inputs per query head (`A5.4.K`) or per KV head (`A5.kv1.K`). */
  readonly kvInputs: 'query-head' | 'kv-head';
}

/** What the graph needs to know of a model; each architecture gives it. */
export type GraphLayout = TransformerLayout | StagedLayout;
/** Layers of attention heads, each followed by an MLP or beside one. */
export interface TransformerLayout {
  readonly kind: 'transformer';
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly dModel: number;
  /** false for attention-only models: no MLP nodes. */
  readonly mlp: boolean;
  /** Attention and MLP of a block read the same residual and count as one layer. */
  readonly parallel: boolean;
  /** Which positions attention moves information to: from p to p and later (`causal`, the default), or to all (`full`). */
  readonly attention?: 'causal' | 'full';
  /**
   * By site: latents of a sparse autoencoder, by their numbers, that stand as sources for an MLP (`L3.mlp`), or in the residual
   * graph for the stream (`L3.mid`, `L3.post`). What they leave is one more source, `MLP 3 Error`.
   */
  readonly latents?: Readonly<Record<string, readonly number[]>>;
  /**
   * By layer: how many experts its MLP consists of, 0 for one that is whole. Experts are nodes as heads are (`MLP 3.E5`), and so is
   * what the router reads (`MLP 3.Router`). Default: every MLP is whole.
   */
  readonly experts?: readonly number[];
}
/** Toy models: layers of heads that each read and write the residual (AutoCircuit's MicroModel: nodes `B{l}.{h}`). */
export interface StagedLayout {
  readonly kind: 'staged';
  readonly layers: number;
  readonly heads: number;
  readonly dModel: number;
}

/** What writes to the residual stream. */
export interface SourceNode {
  readonly name: string;
  /** Its row in every source tensor. */
  readonly index: number;
  readonly module: string;
  readonly layer: number;
  readonly head: number | null;
}
/** All source nodes of one module: rows `start` to `stop` of every source tensor. */
export interface SourceBlock {
  /** The patch point that writes it: `start`, `L3.attn`, `L3.mlp`, `L3.mlp.latents`, or in the residual graph `L3.mid`, `L3.post`. */
  readonly site: string;
  /** The same, as data. */
  readonly at: Site;
  readonly module: string;
  readonly layer: number;
  readonly start: number;
  readonly stop: number;
}
/** What reads the residual stream. */
export interface DestinationNode {
  readonly name: string;
  /** Its place in the canonical order (by layer; heads before the MLP; per head Q, K, V). */
  readonly index: number;
  /** Index into `Graph.destinationBlocks`. */
  readonly block: number;
  readonly module: string;
  readonly layer: number;
  readonly head: number | null;
}
/** All destination nodes of one module; its mask and scores are `[position?, head?, sources]`. */
export interface DestinationBlock {
  /** The patch point that reads it: `L3.attn`, `L3.mlp`, `end`, or in the residual graph `L3.mid`, `L3.post`, `end`. */
  readonly site: string;
  /** The same, as data. */
  readonly at: Site;
  /** Which of the site's inputs: `q`, `k`, `v`, `attn` (joint), `mlp`, `experts`, `router`, `end`, `stream`. */
  readonly input: string;
  readonly module: string;
  readonly layer: number;
  /** Length of the head axis; null when there is none. */
  readonly heads: number | null;
  /** The upstream sources are rows `start` to `stop`. */
  readonly sources: { readonly start: number; readonly stop: number };
}
/** The sources, destinations and edges of a model. Frozen; equal layouts and options make equal graphs. */
export interface Graph {
  readonly layout: GraphLayout;
  readonly options: GraphOptions;
  readonly sources: readonly SourceNode[];
  readonly sourceBlocks: readonly SourceBlock[];
  readonly destinations: readonly DestinationNode[];
  /** In the order the model reads them. */
  readonly destinationBlocks: readonly DestinationBlock[];
  readonly edgesPerPosition: number;
  /** edgesPerPosition × positions (or × 1). */
  readonly edgeCount: number;
}

/** One edge; `number` is its place in the canonical order: by position, then destination, then source. */
export interface Edge {
  readonly number: number;
  readonly source: SourceNode;
  readonly destination: DestinationNode;
  readonly position: number | null;
  /** `A9.9->Resid End`, followed by `@3` when the edge belongs to position 3. */
  readonly name: string;
}

/** One number for each edge, by destination module: `[position?, head?, sources]`. Importance is the absolute value. */
export type PruneScores = Readonly<Record<string, Tensor<FloatArray>>>;

/** Scores of source nodes, in the graph's order. */
export interface NodeScores {
  /** [position?, sources]. */
  readonly scores: Tensor<FloatArray>;
  /** Of the single numbers that each node writes to the residual stream: [position?, sources, dModel]. */
  readonly neurons?: Tensor<FloatArray>;
}

/**
 * How much of each edge is patched (0 not, 1 wholly), by destination module like the scores.
 * `perItem`: every tensor has a leading axis over the batch items.
 */
export interface Mask {
  readonly perItem: boolean;
  readonly tensors: Readonly<Record<string, Tensor<FloatArray>>>;
}

/** A set of edges kept, by canonical number, ascending; everything else is patched. */
export interface Circuit {
  readonly graph: Graph;
  readonly edges: readonly number[];
}
