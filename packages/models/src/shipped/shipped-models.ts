/** @file The models that come with the package, by name. Their files are in `shipped-data/`; `training/` is how they were made. */

/** A model that comes with the package. */
export interface ShippedModel {
  /** A Hugging Face folder. */
  readonly folder: URL;
  readonly doc: string;
}

/** The shipped models by name. */
export const SHIPPED_MODELS: Readonly<Record<string, ShippedModel>> = Object.freeze({
  'ioi-mini': {
    folder: new URL('../../shipped-data/ioi-mini/', import.meta.url),
    doc: 'GPT-2 with 3 layers, 4 heads and 64 dimensions, trained here on indirect objects with a vocabulary of 108 words',
  },
});
