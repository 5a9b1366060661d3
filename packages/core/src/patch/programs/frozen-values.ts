/**
 * @file Patched runs in which values of some roles stay those of the plain run: attention patterns, scales of norms. The plain run is
 * traced into the same program first; where the patched trace names a value of such a role, it gets the plain one instead.
 */
import { hasRole } from '../../ir/autodiff/roles.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import { type Shape, shapesEqual } from '../../ir/program/dims.js';
import type { AnyValue } from '../../ir/program/program.js';

/** A builder that gives a trace the values of an earlier one, by role. */
export class FreezingBuilder extends ProgramBuilder {
  #roles: readonly string[] | null = null;
  readonly #kept = new Map<string, AnyValue>();

  /** Keeps what has been named so far. */
  keep(): void {
    for (const value of this.values) if (value.role !== undefined) this.#kept.set(value.role, value);
  }
  /** From here on values of these roles (or ends of roles) are those that were kept. */
  freeze(roles: readonly string[]): void {
    this.#roles = roles;
  }

  override role(value: AnyValue, role: string): AnyValue {
    const kept = this.#roles?.some((own) => hasRole({ role }, own)) ? this.#kept.get(role) : undefined;
    return kept ? fitted(this, kept, value.shape) : super.role(value, role);
  }

  /** What a backend computes in one step would be made anew: once values are frozen, nothing is. */
  override composite(value: AnyValue, ...rest: CompositeRest): AnyValue {
    return this.#roles ? value : super.composite(value, ...rest);
  }
}
type CompositeRest = Parameters<ProgramBuilder['composite']> extends [AnyValue, ...infer Rest] ? Rest : never;

/**
 * A value of the plain run in the shape that the patched trace has there: rows that read for themselves share the plain row's
 * scale [1, batch, pos, 1]; query heads with keys of their own, [heads, 1, …], stand in groups in the plain run.
 */
function fitted(b: ProgramBuilder, kept: AnyValue, shape: Shape): AnyValue {
  if (shapesEqual(kept.shape, shape)) return kept;
  return kept.shape[0] === 1 && kept.shape.length === shape.length ? b.broadcast(kept, shape) : b.reshape(kept, shape);
}
