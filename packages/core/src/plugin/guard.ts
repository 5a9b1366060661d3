/**
 * @file Whose fault an error is that comes out of a plugin's code: every function that a plugin from outside hands over is
 * called through a guard, which names the plugin and the function. What the plugin refuses by an `AutoCircuitError`, and an
 * abort, pass as they are.
 */
import { AutoCircuitError } from '../errors/error.js';
import type { Contribution, ContributionKind } from './contributions.js';

/** Which function of which plugin is called, for errors. */
interface Called {
  /** The plugin as the user named it. */
  readonly origin: string;
  /** `metric "my-metric"`. */
  readonly contribution: string;
  /** `measure`, `data.generate`, `load → trace`. */
  readonly member: string;
}

/** The functions whose result has functions of its own, which are called later. */
const MAKERS: Readonly<Partial<Record<ContributionKind, string>>> = { architecture: 'load', backend: 'create' };

/**
 * The same contribution, with guarded functions.
 * @param origin the plugin as the user named it: a package or a file
 */
export function guardContribution<C extends Contribution>(item: C, origin: string): C {
  const contribution = `${item.kind} "${item.name}"`;
  return guardObject(item, { origin, contribution, member: '' }, MAKERS[item.kind]);
}

/**
 * Stands for an object: its functions are guarded and called on it, its plain objects that hold functions are guarded as well,
 * all else is as it is.
 * @param maker the function whose result is guarded, too
 */
function guardObject<T extends object>(target: T, called: Called, maker?: string): T {
  const guards = new Map<unknown, unknown>();
  const guarded = (key: PropertyKey): unknown => {
    const value: unknown = Reflect.get(target, key);
    if (typeof key === 'symbol') return value;
    const member = `${called.member}${String(key)}`;
    const isFunction = typeof value === 'function' && key !== 'constructor';
    if (!isFunction && !holdsFunctions(value)) return value;
    const known = guards.get(value);
    if (known) return known;
    const made = isFunction
      ? guardFunction(target, value as AnyFunction, { ...called, member }, key === maker)
      : guardObject(value as object, { ...called, member: `${member}.` });
    guards.set(value, made);
    return made;
  };
  // A shadow, since what stands for a frozen object itself has to give its functions as they are.
  return new Proxy({} as T, {
    get: (_, key) => guarded(key),
    set: (_, key, value) => Reflect.set(target, key, value),
    has: (_, key) => Reflect.has(target, key),
    ownKeys: () => Reflect.ownKeys(target),
    getPrototypeOf: () => Reflect.getPrototypeOf(target),
    getOwnPropertyDescriptor(_, key) {
      const own = Reflect.getOwnPropertyDescriptor(target, key);
      return own && { value: guarded(key), enumerable: own.enumerable === true, configurable: true, writable: true };
    },
  });
}

type AnyFunction = (...args: unknown[]) => unknown;

function guardFunction(owner: object, call: AnyFunction, called: Called, makes: boolean): AnyFunction {
  const made = (result: unknown): unknown =>
    makes && typeof result === 'object' && result !== null
      ? guardObject(result, { ...called, member: `${called.member} → ` })
      : result;
  return (...args) => {
    try {
      const result = Reflect.apply(call, owner, args);
      if (!(result instanceof Promise)) return made(result);
      return result.then(made, (cause: unknown) => {
        throw failureOf(cause, called);
      });
    } catch (cause) {
      throw failureOf(cause, called);
    }
  };
}

/** The error to throw in place of what a plugin's function threw. */
function failureOf(cause: unknown, { origin, contribution, member }: Called): unknown {
  const { name } = cause instanceof Error ? cause : { name: '' };
  if (name === 'AutoCircuitError' || name === 'AbortError') return cause; // of any copy of core
  const reason = cause instanceof Error ? cause.message.split('\n')[0] || cause.name : String(cause);
  return new AutoCircuitError({
    code: 'plugin-failed',
    fields: { plugin: origin, contribution, member },
    where: `plugin ${origin}`,
    what: `${contribution} failed in ${member}: ${reason}`,
    fix: 'it failed in its own code, whose stack is in the cause',
    cause,
  });
}

/** Objects may hold themselves: functions are looked for so deep. */
const DEEPEST = 4;

/** Whether a plain object has a function in it, or in a plain object in it. */
function holdsFunctions(value: unknown, depth = 1): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Reflect.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).some(
    (own) => typeof own === 'function' || (depth < DEEPEST && holdsFunctions(own, depth + 1)),
  );
}
