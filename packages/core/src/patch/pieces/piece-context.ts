/** @file What all runs by pieces share: the traces of the model, the runner of programs, and how much memory they may use. */
import type { BackwardOverride } from '../../ir/autodiff/backward-overrides.js';
import type { OutputPositions } from '../../prompts/output-positions.js';
import type { RunContext } from '../exec/run-context.js';
import { holdsForWrites } from '../programs/named-writes.js';
import type { Setting } from '../programs/programs.js';
import type { PieceRunner } from './piece-runner.js';
import { type PieceTrace, tracePieces } from './piece-trace.js';

/** One for each patchable model. */
export interface PieceContext {
  readonly setting: Setting;
  readonly context: RunContext;
  readonly traces: PieceTraces;
  readonly runner: PieceRunner;
  /** Bytes that rows may take in memory in one run of so many prompts of a length; beyond they go to a file. */
  rowBytes(prompts: number, length: number): number;
}

/** Bytes of one chunk of differences, and of the copy that a product makes of it. */
export const CHUNK_BYTES = 32 * 2 ** 20;

/** The traces of a model, each made when it is first asked for. */
export class PieceTraces {
  readonly #setting: Setting;
  readonly #made = new Map<string, PieceTrace>();

  constructor(setting: Setting) {
    this.#setting = setting;
  }

  #get(key: string, mode: Parameters<typeof tracePieces>[1]): PieceTrace {
    const trace = this.#made.get(key) ?? tracePieces(this.#setting, mode);
    this.#made.set(key, trace);
    return trace;
  }

  plain = (positions?: OutputPositions): PieceTrace => this.#get(`plain ${positions}`, { kind: 'plain', positions });
  started = (): PieceTrace => this.#get('started', { kind: 'started' });
  patched = (): PieceTrace => this.#get('patched', { kind: 'patched' });
  /** @param backward what gradients do differently, which decides where they are taken */
  reading(backward: readonly BackwardOverride[] = []): PieceTrace {
    const beforeScale = backward.length === 0; // other backward rules may change what a norm does to gradients
    const namesWrites = holdsForWrites(backward);
    return this.#get(`reading ${beforeScale} ${namesWrites}`, { kind: 'reading', beforeScale, namesWrites });
  }
}
