/** @file Whether a request is run by pieces: asked for, or because one prompt does not fit in memory as one program. */
import type { OutputPositions } from '../../prompts/output-positions.js';
import type { PromptBatch } from '../../prompts/types.js';
import type { RunContext } from '../exec/run-context.js';
import { supplyOf } from '../exec/run-plan.js';
import { type ProgramSpec, programKey } from '../programs/program-spec.js';
import type { MaskGradientRequest, PatchedMasksRequest, PatchedRunRequest } from '../requests/patchable-model.js';
import { gradientSpec } from '../runs/gradient-plan.js';
import { denseSpec } from '../runs/patched.js';
import { needsWholeProgram, unansweredGradient } from './piece-runs.js';

/** Chooses between whole programs and pieces, from sizes alone. */
export class PieceChoice {
  readonly #context: RunContext;
  readonly #always: boolean | undefined;
  readonly #onDebug: (line: string) => void;
  readonly #chosen = new Map<string, boolean>();

  /** @param always whether all goes by pieces, or nothing; undefined: what does not fit */
  constructor(context: RunContext, always: boolean | undefined, onDebug: (line: string) => void) {
    this.#context = context;
    this.#always = always;
    this.#onDebug = onDebug;
    if (always && context.model.spec.prefix) throw needsWholeProgram('a shared prefix of prompts');
  }

  #byPieces(spec: ProgramSpec, length: number): boolean {
    if (this.#always !== undefined) return this.#always;
    if (this.#context.model.spec.prefix) return false;
    const key = `${programKey(spec)} ${length}`;
    const known = this.#chosen.get(key);
    if (known !== undefined) return known;
    const chosen = !this.#context.programs.fitsOne(spec, length);
    this.#chosen.set(key, chosen);
    if (chosen)
      this.#onDebug(`${spec.kind} of ${length} tokens: by pieces, since one prompt does not fit as one program`);
    return chosen;
  }

  plain = (length: number, positions: OutputPositions): boolean => this.#byPieces({ kind: 'plain', positions }, length);

  capture = (length: number): boolean => this.#byPieces({ kind: 'capture' }, length);

  /** @param perItem whether masks are of single prompts */
  patched(
    batch: PromptBatch,
    { patch, readings, frozen = [] }: Pick<PatchedMasksRequest & PatchedRunRequest, 'patch' | 'readings' | 'frozen'>,
    perItem = false,
  ): boolean {
    if (frozen.length > 0) {
      if (this.#always) throw needsWholeProgram('a run with frozen values');
      return false;
    }
    if (this.#always !== undefined) return this.#always;
    const supply = supplyOf(this.#context, batch, patch, false);
    return this.#byPieces(denseSpec({ supply, perItem, readings }), batch.length);
  }

  gradient(batch: PromptBatch, request: MaskGradientRequest): boolean {
    if (this.#always !== undefined) return this.#always;
    // What pieces cannot answer is tried as one program, and refused where a limit was asked for that it exceeds.
    if (unansweredGradient(request)) return false;
    return this.#byPieces(gradientSpec(this.#context, batch, request), batch.length);
  }
}
