/**
 * @file What fits in the memory that is allowed: how many prompts a run takes, whether weights are copied for the kernels, what
 * pass 1 may keep. From sizes alone, never from what happens to be free, so that the same request always makes the same cuts.
 *
 *   resident = process + programs (code, weights mapped or copied, activations) + what pass 1 keeps + results
 *
 * The constants were measured from outside (VmHWM) on onnxruntime; docs/decisions/memory.md has the table.
 */

import type { BackendMemory, WeightStore } from '../../backend/backend.js';
import { AutoCircuitError } from '../../errors/error.js';
import type { ProgramMemory } from '../../ir/analysis/memory.js';
import type { DimSizes } from '../../ir/program/dims.js';
import { elementCount } from '../../tensor/tensor.js';
import type { MemoryLimit } from '../requests/patchable-model.js';

/**
 * The limit that was asked for; else half of the machine's memory, in whole GiB (eighths below 2), since another kernel on the
 * same machine counts some megabytes more or less, and a limit decides last digits.
 * @param asked bytes
 */
export function memoryLimitOf(asked: number | undefined, total: number): MemoryLimit {
  if (asked !== undefined) return { bytes: asked, strict: true };
  const step = total / 2 < 2 * 2 ** 30 ? 2 ** 27 : 2 ** 30;
  return { bytes: Math.max(step, Math.floor(total / 2 / step) * step), strict: false };
}

const MIB = 2 ** 20;
/** Node.js, the runtime's library, tokenizer, prompts, and garbage between collections. */
const PROCESS_BYTES = 208 * MIB;
/** A compiled program: what every one takes, and what each of its values adds. */
const PROGRAM_BYTES = 24 * MIB;
const VALUE_BYTES = 14 * 1024;
/** Buffers are cut from larger pieces, and a runtime computes in another order: at most this times the activations. */
const ACTIVATION_FACTOR = 1.5;
/** What pass 1 keeps at most, what is kept for sparse runs, and the share of both in what the weights leave. */
const MOST_PASS_1_BYTES = 2 ** 30;
const MOST_SPARSE_BYTES = 2 ** 29;
const KEPT_SHARE = 3 / 8;
/** Copies of weights take at most this: to make more takes longer than most programs run. */
const MOST_PREPACKED_BYTES = 2 ** 30;
/** Where no limit was asked for, they take at most this part of it. */
const UNASKED_PREPACK_SHARE = 1 / 8;

/** Weights are mapped or copied as the plan says, by each program for itself. */
const ONNXRUNTIME: BackendMemory = { copiesWeights: false, sharesWeights: false };

/** One program at certain sizes, beside results of `hostBytes` in JavaScript. */
export interface MemoryUse {
  readonly program: ProgramMemory;
  readonly sizes: DimSizes;
  readonly hostBytes: number;
}

/** What fits below a limit, for one model. */
export class MemoryPlan {
  readonly limit: MemoryLimit;
  /** What pass 1 may keep. */
  readonly keepBytes: number;
  /** What may be kept for sparse runs beside it. */
  readonly sparseBytes: number;
  /** All that does not depend on a program: the process, and weights that lie in memory. */
  readonly #fixed: number;
  readonly #weights: number;
  /** Bytes of weights that a program needs, for each byte of them as float32. */
  readonly #weightFactor: number;
  readonly #backend: BackendMemory;

  /**
   * @param keepBytes in place of the plan's own choice
   * @param backend how the backend uses memory, where otherwise than onnxruntime
   */
  constructor(limit: MemoryLimit, weights: WeightStore, keepBytes?: number, backend: BackendMemory = ONNXRUNTIME) {
    this.limit = limit;
    this.#backend = backend;
    let [all, inMemory, halves] = [0, 0, 0];
    for (const name of weights.names) {
      const entry = weights.entry(name);
      all += 4 * elementCount(entry.shape);
      if ('data' in entry) inMemory += 4 * elementCount(entry.shape);
      else if (entry.dtype) halves += 2 * elementCount(entry.shape);
    }
    // Numbers of 16 bits are mapped, and widened beside that.
    this.#weightFactor = all === 0 ? 1 : (all + halves) / all;
    this.#weights = all + halves;
    this.#fixed = PROCESS_BYTES + inMemory;
    const kept = KEPT_SHARE * Math.max(0, limit.bytes - this.#fixed - this.#weights);
    this.keepBytes = keepBytes ?? Math.floor(Math.min(MOST_PASS_1_BYTES, (kept * 2) / 3));
    this.sparseBytes = Math.floor(Math.min(MOST_SPARSE_BYTES, kept / 3));
  }

  /** Resident bytes of a compiled program and its runs, without the process. */
  programBytes({ program, sizes, hostBytes }: MemoryUse, prepacked: boolean): number {
    // While copies are made, the weights themselves are there, too.
    const weights = this.#weightBytes(program, prepacked);
    const activations = ACTIVATION_FACTOR * program.peakBytes(sizes);
    return PROGRAM_BYTES + VALUE_BYTES * program.values + weights + activations + hostBytes;
  }

  #weightBytes({ weightBytes, copyBytes }: ProgramMemory, prepacked: boolean): number {
    return this.#weightFactor * weightBytes + (prepacked || this.#backend.copiesWeights ? copyBytes : 0);
  }

  /** Whether programs of these bytes together fit. `shareable`: the programs, where weights that several read may count once. */
  fits(programs: readonly number[], shareable: readonly ProgramMemory[] = []): boolean {
    const weights = this.#backend.sharesWeights ? shareable.map((program) => this.#weightBytes(program, false)) : [];
    const twice = sumOf(weights) - Math.max(0, ...weights); // they read nearly the same
    const bytes = sumOf(programs) - twice;
    if (bytes > (this.#backend.mostBytes ?? Number.POSITIVE_INFINITY)) return false;
    return this.#fixed + this.keepBytes + this.sparseBytes + bytes <= this.limit.bytes;
  }

  /**
   * Whether a program may hold copies of its weights: by itself, never by what else is alive, since copies change the last
   * digits of sums, and a run that is taken up again finds other programs alive.
   * @param bytes of the program with its copies; `copies`: these alone
   */
  allowsPrepacking(bytes: number, copies: number): boolean {
    const share = this.limit.strict ? 1 : UNASKED_PREPACK_SHARE;
    if (copies > Math.min(MOST_PREPACKED_BYTES, this.limit.bytes * share)) return false;
    return this.fits([bytes]);
  }

  /**
   * The most prompts, at most `most` and at least 1, that one run can take.
   * @param useOf the program at this number of prompts
   * @throws AutoCircuitError `memory-limit` when a limit was asked for and one prompt does not fit
   */
  promptsThatFit(most: number, useOf: (prompts: number) => MemoryUse): number {
    const fits = (prompts: number): boolean => this.fits([this.programBytes(useOf(prompts), false)]);
    if (fits(most)) return most;
    if (!fits(1)) {
      if (this.limit.strict) throw this.refusal(this.leastLimit(useOf(1)), useOf(1).sizes.pos ?? 1);
      return 1;
    }
    let [low, high] = [1, most]; // low fits, high does not
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (fits(middle)) low = middle;
      else high = middle;
    }
    return low;
  }

  /** What is left beside the process, what is kept of pass 1, and so many bytes. */
  roomBeside(bytes: number): number {
    return Math.max(0, this.limit.bytes - this.#fixed - this.keepBytes - bytes);
  }

  /** The least limit for work that needs so many bytes beside the process, of which nothing is kept. */
  limitFor(bytes: number): number {
    return this.#fixed + bytes;
  }

  /**
   * The most prompts, at most `most` and at least 1, of a run that is not one program.
   * @param bytesOf what it needs beside the process
   * @throws AutoCircuitError `memory-limit` when a limit was asked for and one prompt does not fit
   */
  runsThatFit(most: number, length: number, bytesOf: (prompts: number) => number): number {
    const fits = (prompts: number): boolean => this.limitFor(bytesOf(prompts)) <= this.limit.bytes;
    if (this.limit.strict && !fits(1)) throw this.refusal(this.limitFor(bytesOf(1)), length);
    let prompts = most;
    while (prompts > 1 && !fits(prompts)) prompts = Math.floor(prompts / 2);
    return prompts;
  }

  /** The least limit under which a program fits: of what the weights leave, a part is kept of runs, which grows with the limit. */
  leastLimit(use: MemoryUse): number {
    const alone = this.#fixed + this.programBytes(use, false);
    const beyond = Math.max(0, alone - this.#fixed - this.#weights);
    const most = alone + MOST_PASS_1_BYTES + MOST_SPARSE_BYTES;
    return Math.max(alone, Math.min(most, this.#fixed + this.#weights + beyond / (1 - KEPT_SHARE)));
  }

  /** The error for one prompt that does not fit. */
  refusal(leastLimit: number, length: number): AutoCircuitError {
    return new AutoCircuitError({
      code: 'memory-limit',
      where: 'memory',
      what: `one prompt of ${length} tokens does not fit in the memory limit`,
      expected: `at least ${gib(leastLimit, Math.ceil)} GiB (${gib(this.#weights)} of them weights)`,
      got: `${gib(this.limit.bytes)} GiB`,
      fix: 'raise the limit, or use shorter prompts or a graph with joint Q, K and V inputs (smaller batches do not help: prompts already run one by one where they must)',
      fields: { bytes: Math.ceil(leastLimit), limit: this.limit.bytes, length },
    });
  }

  /** One line for logs. */
  describe(): string {
    const { bytes, strict } = this.limit;
    const asked = strict ? 'asked for' : 'half of RAM';
    return `memory: ${gib(bytes)} GiB (${asked}), weights ${gib(this.#weights)} GiB, pass 1 keeps at most ${gib(this.keepBytes)} GiB`;
  }
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0);

function gib(bytes: number, round: (x: number) => number = Math.round): string {
  return (round((bytes / 2 ** 30) * 100) / 100).toFixed(2);
}
