/** @file What is needed of a tokenizer. */

/** What is needed of a tokenizer. */
export interface TextEncoder {
  /** Token ids of a text; with `bos`, the BOS token stands before them. */
  encode(text: string, options: { readonly bos: boolean }): readonly number[];
  /** null when the tokenizer has no BOS token. */
  readonly bosId: number | null;
  /** The token that stands for what is not in the vocabulary. Default: there is none. */
  readonly unkId?: number | null;
  decode(ids: readonly number[]): string;
}
