/** @file Where a model's trace was when an operation did not fit: the patch point that it had passed last. */
import { AutoCircuitError } from '../errors/error.js';
import type { ModelObject } from '../model/model.js';
import type { PatchPoints } from '../model/patch-points.js';

/** The model, whose trace names its last patch point where the builder refuses an operation. */
export function withTracePlaces(model: ModelObject, program: string): ModelObject {
  return {
    ...model,
    trace(points) {
      let last = 'its input';
      const passed = <K extends 'into' | 'intoHeads' | 'outOf' | 'stream' | 'withPrefix'>(name: K): PatchPoints[K] =>
        ((site: string, ...rest: unknown[]) => {
          last = `${name}('${site}')`;
          return (points[name] as (site: string, ...args: unknown[]) => unknown)(site, ...rest);
        }) as PatchPoints[K];
      const { builder, input, prefix } = points;
      try {
        return model.trace({
          ...{ builder, input, prefix },
          weight: (name, shape) => points.weight(name, shape),
          withPrefix: passed('withPrefix'),
          into: passed('into'),
          intoHeads: passed('intoHeads'),
          outOf: passed('outOf'),
          stream: passed('stream'),
        });
      } catch (error) {
        if (!(error instanceof AutoCircuitError) || error.where !== 'core/ir') throw error;
        const { parts } = error;
        throw new AutoCircuitError({
          ...parts,
          what: `in the trace of ${model.name}, at or after ${last} (program ${program}): ${parts.what}`,
          fix: 'take the number of rows and heads from the values that a point gives, as a mode may compute only some of them or give each query head keys of its own; where heads depend on one another, as in a norm across heads, the spec says headsWriteTogether',
          fields: { ...parts.fields, place: last, program },
          cause: error,
        });
      }
    },
  };
}
