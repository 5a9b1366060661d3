/**
 * @file A part of a program as a program of its own: values are copied into another builder with all that they are computed from,
 * up to values that stand-ins replace.
 *
 * @example
 * const part = new ProgramPart(whole, b);
 * part.replace(residual, b.input('residual', 'float', residual.shape));   // computed elsewhere
 * b.output('after', part.take(next));                                     // what leads from there to here
 */
import type { AnyValue } from '../program/program.js';
import type { ProgramBuilder } from './builder.js';

/** Copies values of one program into another, each once. */
export class ProgramPart {
  readonly #from: Pick<ProgramBuilder, 'value'>;
  readonly #into: ProgramBuilder;
  /** By id in the whole program, the value in the part. */
  readonly #taken = new Map<number, AnyValue>();

  /** @param from the whole program, only read from here on */
  constructor(from: Pick<ProgramBuilder, 'value'>, into: ProgramBuilder) {
    this.#from = from;
    this.#into = into;
  }

  /** Lets a value of the part stand for one of the whole program. Call it before what depends on it is taken. */
  replace(whole: AnyValue, by: AnyValue): void {
    this.#taken.set(whole.id, by);
  }

  /** The value of the part that computes the same as a value of the whole program. */
  take(whole: AnyValue): AnyValue {
    const missing = new Set<number>();
    const open = [whole.id];
    for (;;) {
      const id = open.pop();
      if (id === undefined) break;
      if (missing.has(id) || this.#taken.has(id)) continue;
      missing.add(id);
      open.push(...this.#from.value(id).inputs);
    }
    for (const id of [...missing].sort((a, b) => a - b)) this.#taken.set(id, this.#copy(this.#from.value(id)));
    return this.#taken.get(whole.id)!;
  }

  #copy(value: AnyValue): AnyValue {
    if (value.op === 'input') return this.#into.input(value.attributes.name, value.dtype, value.shape);
    if (value.op === 'weight') return this.#into.weight(value.attributes.name, value.shape as readonly number[]);
    const { composite } = value;
    const marked = composite?.inputs.map((id) => this.#taken.get(id)?.id);
    const inputs = value.inputs.map((id) => this.#taken.get(id)!.id);
    return marked?.every((id) => id !== undefined)
      ? this.#into.copy(value, inputs, { ...composite!, inputs: marked as number[] })
      : this.#into.copy(value, inputs);
  }
}
