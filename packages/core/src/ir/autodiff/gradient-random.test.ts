import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { floatTensor } from '../../tensor/tensor.js';
import { ALL_OPS, randomProgram } from '../../testing/random-program.js';
import { ProgramBuilder } from '../builder/builder.js';
import { checkProgram } from '../builder/check.js';
import { gradient } from './gradient.js';

const STEP = 1e-5;

describe('the gradient of random programs', () => {
  // Without kinks, and without what hides a dependence on purpose.
  const smooth = ALL_OPS.filter((op) => !['abs', 'relu', 'maximum', 'minimum', 'max', 'stopGradient'].includes(op));
  it('agrees with the difference along a random direction in all float inputs', () => {
    let compared = 0;
    fc.assert(
      fc.property(fc.nat(1e6), (seed) => {
        const { program, feeds, weights } = randomProgram(seed, { steps: 14, ops: smooth });
        const b = new ProgramBuilder('random');
        for (const value of program.values) b.copy(value, value.inputs, value.composite);
        const of = program.outputs.map(({ id }) => b.value(id)).find((v) => v.dtype === 'float' && v.op !== 'input');
        if (!of) return;
        const total = b.mean(
          of,
          of.shape.map((_, axis) => axis),
        );
        const inputs = b.values.filter((v) => v.op === 'input' && v.dtype === 'float');
        b.output('total', total);
        gradient(b, total, inputs).forEach((g, i) => {
          b.output(`g${i}`, g);
        });
        checkProgram(b.build());
        const direction = (name: string, i: number): number =>
          Math.cos(5 * i + name.length * name.charCodeAt(name.length - 1));
        const moved = (by: number) =>
          Object.fromEntries(
            Object.entries(feeds).map(([name, { dtype, shape, data }]) =>
              dtype === 'float'
                ? [
                    name,
                    floatTensor(
                      Float64Array.from(data, (x, i) => x + by * direction(name, i)),
                      shape,
                    ),
                  ]
                : [name, { dtype, shape, data }],
            ),
          );
        const results = interpret(b.build(), moved(0), weights);
        let derivative = 0;
        let scale = 1;
        inputs.forEach((input, i) => {
          const { name } = input.attributes as { name: string };
          results[`g${i}`]!.data.forEach((g, j) => {
            derivative += g * direction(name, j);
            scale = Math.max(scale, Math.abs(g));
          });
        });
        const at = (by: number): number => interpret(b.build(), moved(by), weights).total!.data[0]!;
        const difference = (at(STEP) - at(-STEP)) / (2 * STEP);
        // Compositions have larger third derivatives than single ops, up to 1e5 here: h²/6·1e5 is 1e-6; 1e-5 holds it.
        expect(Math.abs(derivative - difference), `seed ${seed}: ${derivative} against ${difference}`).toBeLessThan(
          1e-5 * scale,
        );
        if (derivative !== 0) compared++;
      }),
      { numRuns: 200, seed: 3 },
    );
    expect(compared).toBeGreaterThan(100);
  });
});
