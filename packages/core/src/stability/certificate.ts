/**
 * @file Certificates that an edge's place in the circuit does not depend on a few prompts, by randomised deletion.
 *
 * Certified Circuits (Anani et al. 2026, https://arxiv.org/abs/2602.22968) find circuits of many random subsets of the prompts, let
 * them vote on each component, and abstain where the vote is close. The certificate is that of randomised deletion (Huang et al.
 * 2023, https://arxiv.org/abs/2302.01757). docs/stable-circuits.md derives it; in short: a subset leaves out each prompt with
 * probability p. Let r prompts be edited (added, left out, or replaced). All of them are left out with probability p^r at least, and then the
 * subsets of both sets of prompts are distributed alike. So a decision that subsets come to with probability μ before the edits is
 * come to with p^r − (1 − μ) at least after them, and stays the majority's while that is above ½.
 */
import { exactLowerBound } from '../statistics/binomial.js';

/** What the vote of the subsets says of one edge. */
export interface Certificate {
  readonly certified: 'in' | 'out' | 'abstains';
  /** So many edits of the prompts cannot change it; 0 where it abstains. */
  readonly radius: number;
}

/**
 * The most edits r with p^r − (1 − share) > ½: the vote is theirs after r edits, too.
 * @param share a lower bound of the probability that a subset comes to the decision
 * @param deletion p, the probability of each prompt to be left out of a subset; between 0 and 1
 */
export function certifiedRadius(share: number, deletion: number): number {
  let radius = 0;
  while (deletion ** (radius + 1) - (1 - share) > 0.5) radius++;
  return radius;
}

/** By count of subsets that have the edge: what is certified of it, wrongly for none of the edges at the level. */
export class Certifier {
  readonly #subsets: number;
  readonly #deletion: number;
  readonly #error: number;
  readonly #known = new Map<number, Certificate>();

  /**
   * @param subsets how many circuits of subsets voted
   * @param edges how many edges are certified, and
   * @param level the probability that all of it holds at once: both bounds of each edge err with (1 − level) ÷ 2 ÷ edges (Bonferroni)
   */
  constructor({
    subsets,
    deletion,
    level,
    edges,
  }: {
    readonly subsets: number;
    readonly deletion: number;
    readonly level: number;
    readonly edges: number;
  }) {
    this.#subsets = subsets;
    this.#deletion = deletion;
    this.#error = (1 - level) / 2 / edges;
  }

  /** @param count how many of the subsets' circuits have the edge */
  of(count: number): Certificate {
    const known = this.#known.get(count);
    if (known) return known;
    const isIn = 2 * count > this.#subsets;
    const votes = isIn ? count : this.#subsets - count;
    const radius = certifiedRadius(exactLowerBound(votes, this.#subsets, this.#error), this.#deletion);
    const certificate: Certificate = { certified: radius === 0 ? 'abstains' : isIn ? 'in' : 'out', radius };
    this.#known.set(count, certificate);
    return certificate;
  }
}
