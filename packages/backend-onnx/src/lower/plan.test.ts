import { type AnyValue, ProgramBuilder } from '@auto-circuit/core/backend';
import { COMPOSITES } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { canFuse } from './composite-lowerings.js';
import { type PlanOptions, planSteps } from './plan.js';

const OPTIONS: PlanOptions = { fuse: true, foldTransposes: true, canFuse };
function planned(write: (b: ProgramBuilder, x: AnyValue) => void, options: Partial<PlanOptions> = {}) {
  const b = new ProgramBuilder('plan');
  write(b, b.input('x', 'float', ['n', 8]));
  const program = b.build();
  return [...planSteps(program, { ...OPTIONS, ...options })].map(([id, { kind }]) =>
    kind === 'op' ? program.values[id]!.op : kind,
  );
}

describe('a plan', () => {
  it('leaves out what no output needs', () => {
    expect(
      planned((b, x) => {
        b.exp(b.neg(x));
        b.output('y', b.abs(x));
      }),
    ).toEqual(['input', 'abs']);
  });
  it('computes a composite in one step, and the values that only it reads not at all', () => {
    const norm = (b: ProgramBuilder, x: AnyValue): void => b.output('y', COMPOSITES.layerNorm(b, x));
    expect(planned(norm)).toEqual(['input', 'composite']);
    expect(planned(norm, { fuse: false })).not.toContain('composite');
  });
  it('computes a composite step by step when another output reads into it', () => {
    const steps = planned((b, x) => {
      const y = COMPOSITES.gelu(b, x);
      b.output('y', y);
      b.output('inner', b.value(y.inputs[1]!));
    });
    expect(steps).not.toContain('composite');
    expect(steps).toContain('erf');
  });
  it('reads through transposes that only products read, where the operator can', () => {
    const product = (b: ProgramBuilder, x: AnyValue): void => {
      const heads = b.transpose(b.reshape(x, ['n', 2, 4]), [1, 0, 2]); // [2, n, 4]
      b.output('y', b.matmul(heads, b.input('k', 'float', [2, 4, 3])));
    };
    expect(planned(product)).toEqual(['input', 'reshape', 'input', 'matmul']);
    expect(planned(product, { foldTransposes: false })).toContain('transpose');
  });
  it('makes a transpose that something else reads, too', () => {
    const steps = planned((b, x) => {
      const swapped = b.transpose(x, [1, 0]);
      b.output('y', b.matmul(x, swapped));
      b.output('z', b.neg(swapped));
    });
    expect(steps).toContain('transpose');
  });
});
