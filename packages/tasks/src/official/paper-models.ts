/** @file The shapes of the models that the papers looked at. */

/** What a graph must have to be of a paper's model. */
export interface PaperModel {
  /** In sentences. */
  readonly name: string;
  readonly layers: number;
  readonly heads: number;
  readonly mlp: boolean;
  readonly parallel: boolean;
}

export const GPT2_SMALL: PaperModel = { name: 'GPT-2 small', layers: 12, heads: 12, mlp: true, parallel: false };
export const ATTN_ONLY_4L: PaperModel = { name: 'attn-only-4l', layers: 4, heads: 8, mlp: false, parallel: false };
export const PYTHIA_2_8B: PaperModel = { name: 'Pythia 2.8B', layers: 32, heads: 32, mlp: true, parallel: true };
