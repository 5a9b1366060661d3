/**
 * @file How many standard errors reach to each side of a mean so that 95 of 100 such intervals hold it: calibrated by the bootstrap
 * over prompts, for all quantities of a run together.
 *
 * The studentised bootstrap (Efron 1979; Hall 1988, symmetric intervals) asks how far means of resamples lie from the mean of
 * the sample, in their own standard errors. For a single edge it is as blind as its sample is: where the few prompts that
 * matter to the edge were not drawn, nothing says that they exist. Other edges had theirs drawn, so the quantile is taken over all edges
 * at once. docs/choosing.md has the measured coverage; where tails are long on both sides alike, intervals hold more often than they say.
 */
import { AutoCircuitError } from '../errors/error.js';
import { seededRandom } from '../numeric/seeded-random.js';
import { standardErrorFactor } from './student-t.js';

/** Resamples where they take little time. */
export const MOST_RESAMPLES = 400;
const FEWEST_RESAMPLES = 100;
/** Resamples × quantities × prompts: under a second. */
const MOST_WORK = 2e8;
/** Of fewer, too many resamples are one prompt over and over. */
export const FEWEST_PROMPTS = 8;

/**
 * @param rows one quantity each: its value on every prompt, [quantities][prompts]; quantities that never vary are left out
 * @param level the share of intervals that is to hold the mean
 * @returns how many standard errors to go to each side. Student's factor for fewer than 8 prompts and where no quantity varies; ∞
 *   where no number of standard errors would do: for a single prompt, and where quantities differ from a constant on so few
 *   prompts that resamples often miss them all
 * @throws AutoCircuitError `internal` where rows differ in length, `invalid-option` for a level outside 0…1
 */
export function calibratedFactor(rows: readonly ArrayLike<number>[], level = 0.95): number {
  const prompts = rows[0]?.length ?? 0;
  if (rows.some(({ length }) => length !== prompts)) {
    throw new AutoCircuitError({
      code: 'internal',
      where: 'statistics',
      what: 'quantities of one run were seen on different numbers of prompts',
      kind: 'internal',
    });
  }
  const student = standardErrorFactor(prompts, level);
  if (prompts < FEWEST_PROMPTS) return student;
  const centred = rows.map(withoutMean).filter((row) => row !== null);
  if (centred.length === 0) return student;
  const apart = studentisedDistances(centred, prompts);
  apart.sort();
  return Math.max(student, apart[Math.ceil(level * apart.length) - 1]!);
}

/** The values less their mean, or null where they hardly vary beside it or are not finite. */
function withoutMean(row: ArrayLike<number>): Float64Array | null {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += row[i]!;
  const mean = sum / row.length;
  const centred = Float64Array.from(row, (value) => value - mean);
  const largest = centred.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return Number.isFinite(largest) && largest > 1e-12 * Math.abs(mean) ? centred : null;
}

/** |mean of a resample| in its own standard errors, for rows of mean 0: [resamples · quantities]. */
function studentisedDistances(rows: readonly Float64Array[], prompts: number): Float64Array {
  const resamples = Math.min(
    MOST_RESAMPLES,
    Math.max(FEWEST_RESAMPLES, Math.floor(MOST_WORK / (rows.length * prompts))),
  );
  const random = seededRandom(0, 'interval factor');
  const drawn = new Uint32Array(prompts);
  const apart = new Float64Array(resamples * rows.length);
  for (let r = 0, at = 0; r < resamples; r++) {
    for (let i = 0; i < prompts; i++) drawn[i] = random.below(prompts);
    for (const row of rows) {
      const first = row[drawn[0]!]!;
      let varies = false;
      let sum = 0;
      let squares = 0;
      for (let i = 0; i < prompts; i++) {
        const value = row[drawn[i]!]!;
        varies ||= value !== first;
        sum += value;
        squares += value * value;
      }
      const error = Math.sqrt(Math.max(0, squares - (sum * sum) / prompts) / (prompts * (prompts - 1)));
      const mean = Math.abs(sum / prompts);
      // the interval of a resample without any spread is a point, which holds nothing but itself
      apart[at++] = varies ? mean / error : Number.POSITIVE_INFINITY;
    }
  }
  return apart;
}
