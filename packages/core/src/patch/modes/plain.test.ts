import { describe, expect, it } from 'vitest';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import { printProgram } from '../../ir/program/print.js';
import { graphOf } from '../../testing/patched-logits.js';
import { TINY, tinyTransformer } from '../../testing/tiny-transformer.js';
import { scopeOf } from '../programs/programs.js';
import { activationsOf, capturePoints, plainPoints } from './plain.js';
import type { SourceActivations } from './points.js';

const model = tinyTransformer({ heads: 4, kvHeads: 2 });
const graph = graphOf(model);

describe('capture', () => {
  const collected: SourceActivations[] = [];
  const b = new ProgramBuilder('capture');
  b.output('end', model.trace(capturePoints(scopeOf({ model, graph }, b), (source) => collected.push(source))));
  it('hands out what every source block wrote, in order, heads before their projection', () => {
    expect(collected.map(({ block }) => block)).toEqual(graph.sourceBlocks);
    const shapes = collected.map(({ value, projection }) => [
      value.shape[0],
      value.shape[3],
      projection?.shape ?? null,
    ]);
    const heads = [4, TINY.dHead, [4, TINY.dHead, TINY.dModel]];
    const one = [1, TINY.dModel, null];
    expect(shapes).toEqual([one, heads, one, heads, one]);
  });
  it('computes what the plain mode computes', () => {
    const plain = new ProgramBuilder('capture');
    plain.output('end', model.trace(plainPoints(scopeOf({ model, graph }, plain))));
    expect(printProgram(b.build())).toBe(printProgram(plain.build()));
  });
  it('finds the activations of a block, and says which one the trace never wrote', () => {
    const [start, first] = graph.sourceBlocks;
    expect(activationsOf(collected, first!)).toBe(collected[1]);
    expect(() => activationsOf(collected.slice(1), start!)).toThrow(
      expect.objectContaining({ code: 'internal', fields: { site: 'start' } }),
    );
  });
});
