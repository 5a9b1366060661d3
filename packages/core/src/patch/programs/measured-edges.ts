/** @file Numbers for edges that are read off one plain run: what a destination reads beside what each source wrote. */
import { ProgramBuilder } from '../../ir/builder/builder.js';
import type { Dim } from '../../ir/program/dims.js';
import type { AnyValue, Program } from '../../ir/program/program.js';
import { normed } from '../../model/norm.js';
import { contribution, makePoints, oneRow, outputsByRow, rowsOf, type SourceActivations } from '../modes/points.js';
import type { EdgeMeasure } from '../requests/patchable-model.js';
import { finish, type Setting, scopeOf, scoreOutputName } from './programs.js';

/** input → the measure of each prompt, by destination module [batch, pos?, heads or 1, sources]; without `pos` its mean. */
export function measuredEdgesProgram(setting: Setting, measure: EdgeMeasure): Program {
  const b = new ProgramBuilder(`measure-${measure.name}`);
  const keepPositions = setting.graph.options.positions !== null;
  const sources: { readonly parts: SourceActivations; readonly outputs: AnyValue }[] = [];
  const points = makePoints(scopeOf(setting, b), {
    read(_site, groups, residual, norm) {
      const blocks = groups.flat();
      const { start, stop } = blocks[0]!.sources;
      const upstream = sources.filter(({ parts: { block } }) => block.start >= start && block.stop <= stop);
      const values = measure.of(
        b,
        residual,
        upstream.map(({ outputs }) => outputs),
      ); // [sources, batch, pos]
      const byPrompt = keepPositions
        ? oneOfAxis(b, b.transpose(values, [1, 2, 0]), 2)
        : oneOfAxis(b, b.transpose(b.mean(values, 2), [1, 0]), 1); // [batch, pos?, 1, sources]
      const at = byPrompt.shape.length - 2;
      for (const block of blocks) {
        const shape = byPrompt.shape.with(at, rowsOf([block]));
        b.output(scoreOutputName(block.module), b.broadcast(byPrompt, shape));
      }
      return groups.map(() => normed(b, oneRow(b, residual), norm));
    },
    write(parts) {
      sources.push({ parts, outputs: outputsByRow(b, parts) });
      return contribution(b, parts);
    },
  });
  setting.model.trace(points);
  return finish(setting, b);
}

/** A new axis of size 1. */
function oneOfAxis(b: ProgramBuilder, x: AnyValue, axis: number): AnyValue {
  const shape: Dim[] = [...x.shape];
  shape.splice(axis, 0, 1);
  return b.reshape(x, shape);
}
