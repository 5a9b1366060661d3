/** @file The error for what a plugin gives or does wrongly while it is used: it names the plugin's contribution and the member. */
import { AutoCircuitError } from './error.js';

/** Whose code it was. */
export interface PluginMember {
  /** How sentences name the kind: `metric`, `objective`, … */
  readonly kind: string;
  /** The contribution's name. */
  readonly name: string;
  /** The member that was called: `measure`, `of`, … */
  readonly member: string;
}

/** What a member of a contribution did wrongly, as an error of code `plugin-failed`. */
export function pluginFailed(
  { kind, name, member }: PluginMember,
  { what, expected, got, fix, cause }: { what: string; expected?: string; got?: string; fix?: string; cause?: unknown },
): AutoCircuitError {
  return new AutoCircuitError({
    code: 'plugin-failed',
    where: `${kind} "${name}"`,
    what: `its "${member}" ${what}`,
    ...(expected === undefined ? {} : { expected }),
    ...(got === undefined ? {} : { got }),
    ...(fix === undefined ? {} : { fix }),
    ...(cause === undefined ? {} : { cause }),
    fields: { plugin: name, kind, member },
  });
}

/**
 * What a member gives, called at once. @throws AutoCircuitError `plugin-failed` where it throws something else than a sentence of
 * ours, or gives a Promise
 */
export function calledMember<T>(member: PluginMember, call: () => T): T {
  let given: T;
  try {
    given = call();
  } catch (cause) {
    if (cause instanceof AutoCircuitError) throw cause;
    const got = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw pluginFailed(member, { what: 'threw an error', got, fix: 'correct its code', cause });
  }
  refusePromise(member, given);
  return given;
}

/** @throws AutoCircuitError `plugin-failed` for a Promise */
export function refusePromise(member: PluginMember, given: unknown): void {
  if (typeof given !== 'object' || given === null || typeof (given as { then?: unknown }).then !== 'function') return;
  (given as Promise<unknown>).then(undefined, () => undefined); // said here; its own rejection adds nothing
  throw pluginFailed(member, {
    what: 'gives a Promise',
    expected: 'the result itself',
    got: 'a Promise',
    fix: 'take "async" away: it is called synchronously',
  });
}

/** How sentences show what was given in place of something else. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number' || typeof value === 'string') return JSON.stringify(value) ?? `${value}`;
  if (Array.isArray(value) || ArrayBuffer.isView(value))
    return `a list of ${(value as { length?: number }).length ?? 0}`;
  if (typeof value === 'object' && value !== null)
    return `an object with ${Object.keys(value).join(', ') || 'nothing'}`;
  return String(value);
}
