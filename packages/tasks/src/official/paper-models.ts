/** @file The shapes of the models that the papers looked at. */

/** What a graph must have to be of a paper's model. */
export interface PaperModel {
  /** What errors call it. */
  readonly name: string;
  readonly layers: number;
  readonly heads: number;
  readonly mlp: boolean;
  readonly parallel: boolean;
}

/** GPT-2 small (Radford et al. 2019). */
export const GPT2_SMALL: PaperModel = { name: 'GPT-2 small', layers: 12, heads: 12, mlp: true, parallel: false };
/** TransformerLens's attention-only model of four layers. */
export const ATTN_ONLY_4L: PaperModel = { name: 'attn-only-4l', layers: 4, heads: 8, mlp: false, parallel: false };
/** Pythia 2.8B (Biderman et al. 2023). */
export const PYTHIA_2_8B: PaperModel = { name: 'Pythia 2.8B', layers: 32, heads: 32, mlp: true, parallel: true };
