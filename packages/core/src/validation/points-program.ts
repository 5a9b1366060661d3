/** @file A program that shows what every block of a graph reads and every source writes, in one run of a model. */

import type { Graph } from '../graph/types.js';
import { ProgramBuilder } from '../ir/builder/builder.js';
import { simplify } from '../ir/passes/simplify.js';
import type { Program } from '../ir/program/program.js';
import type { ModelObject } from '../model/model.js';
import { normed } from '../model/norm.js';
import { contribution, makePoints, oneRow, outputsByRow } from '../patch/modes/points.js';
import { INPUT } from '../patch/programs/programs.js';

/**
 * Outputs `read:MODULE` [batch, pos, dModel] of every destination block and `source:SITE` [rows, batch, pos, dModel] of every
 * source block.
 * @param silent sources write zeros, so that what is read is what comes from no source: biases
 */
export function pointsProgram(model: ModelObject, graph: Graph, silent: boolean): Program {
  const b = new ProgramBuilder('points');
  const { dtype, features } = model.spec.input;
  const scope = {
    builder: b,
    graph,
    input: b.input(INPUT, dtype, ['batch', 'pos', ...features]),
    weight: b.weight.bind(b),
  };
  const points = makePoints(scope, {
    read(_site, groups, residual, norm) {
      for (const block of groups.flat()) b.output(`read:${block.module}`, residual);
      return groups.map(() => normed(b, oneRow(b, residual), norm));
    },
    write(parts) {
      b.output(`source:${parts.block.site}`, outputsByRow(b, parts));
      // a stream is a source, too: it stands for all before it, so it is never silent by itself
      const sum = contribution(b, parts);
      return silent ? b.mul(sum, 0) : sum;
    },
  });
  model.trace(points);
  return simplify(b.build());
}
