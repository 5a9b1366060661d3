/** @file What the reference and help say about a contribution beyond its one line: its formula, its papers, when to use it. */

/** A paper that a contribution comes from. */
export interface Paper {
  /** As printed on the paper. */
  readonly title: string;
  /** Family names as they are cited: `Syed, Rager and Conmy`, `Conmy et al.` */
  readonly authors: string;
  readonly year: number;
  /** Where it can be read: an address that begins with `https://`. */
  readonly url: string;
}

/**
 * Shown by `list --long`, by the help of whatever names the contribution, and in the reference. All of it is optional, but
 * `checkPlugin` refuses what is not of this form.
 */
export interface Explained {
  /** One line of plain Unicode, without markup: `score(u→v) = Σ (patch_u − clean_u) · ∂M/∂in_v`. */
  readonly formula?: string;
  /** Where it comes from, the most important paper first. */
  readonly papers?: readonly Paper[];
  /** When to use it, and when not to: one or two sentences. */
  readonly use?: string;
}

/** A paper on arXiv, by its number: `arxivPaper('2310.10348', 'Syed, Rager and Conmy', 2023, 'Attribution Patching …')`. */
export const arxivPaper = (number: string, authors: string, year: number, title: string): Paper =>
  Object.freeze({ title, authors, year, url: `https://arxiv.org/abs/${number}` });
