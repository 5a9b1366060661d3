#!/usr/bin/env node
/**
 * @file Lists must not be spread into the arguments of a call: with some 120,000 entries the stack overflows, and data has as many.
 * Finds `Math.max(...list)`, `list.push(...other)` and their like. Lists that cannot be long (heads, layers, inputs of an operation)
 * are counted by file in `FEW`: a new one is either written with a loop or added there.
 *
 *   node scripts/check-spreads.mjs
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT } from './dev.mjs';

/** Spreads over lists that stay short, by file: how many. */
const FEW = {
  'packages/backend-onnx/src/lower/plan.ts': 1, // inputs of an operation
  'packages/cli/src/commands/compare.ts': 1, // runs named on a command line
  'packages/cli/src/experiment/display.ts': 1, // lines of the table
  'packages/cli/src/report/comparison.ts': 1,
  'packages/cli/src/terminal/table.ts': 1, // lines of a cell
  'packages/core/src/ir/builder/program-part.ts': 1, // inputs of an operation
  'packages/core/src/ir/passes/rules/reductions.ts': 1, // axes
  'packages/core/src/patch/exec/memory-check.ts': 1, // programs
  'packages/core/src/patch/exec/memory-plan.ts': 1, // programs
  'packages/core/src/patch/pieces/memory-check.ts': 1, // programs
  'packages/core/src/patch/pieces/piece-memory.ts': 1, // pieces
  'packages/core/src/patch/programs/edge-scores.ts': 2, // sites
  'packages/core/src/patch/runs/patched.ts': 3, // masks of one run
  'packages/core/src/patch/sparse/cost-model.ts': 1, // strategies and masks of one run
  'packages/core/src/patch/sparse/strategy.ts': 1,
  'packages/core/src/validation/gradient-check.ts': 2, // batches, modules
  'packages/models/src/architectures/token-model.ts': 1, // tables of positions
  'packages/models/src/autoencoders/train-autoencoder.ts': 1, // one row of a weight
  'packages/models/src/checkpoint/processing.ts': 1, // weights of a layer
  'packages/models/src/compiled/compile.ts': 2, // operations of a compiled program
  'packages/models/src/compiled/plan.ts': 3,
  'packages/models/src/training/train-gpt2.ts': 2, // a batch; one row of a small vocabulary
  'packages/tasks/src/official/edge-list.ts': 2, // sources of one line
  'packages/viewer/src/charts/bars.ts': 1, // values of one bar
  'packages/viewer/src/charts/curve.ts': 1, // curves of a chart
  'packages/viewer/src/charts/heat-map.ts': 1, // layers
  'packages/viewer/src/comparison-report.ts': 2, // runs
  'packages/viewer/src/charts/matrix.ts': 2, // rows, columns
  'packages/viewer/src/drawing/circuit-layout.ts': 3, // columns
  'packages/viewer/src/drawing/head-moves.ts': 2, // positions that a head moves between
  'packages/viewer/src/sections/circuit-data-of.ts': 1,
};
/** A call that takes any number of arguments, with a list spread into them. An object or array literal after it is another thing. */
const SPREAD =
  /(?:Math\.(?:min|max|hypot)|\.(?:push|unshift|concat|splice|fromCharCode|fromCodePoint))\((?:[^()[\]{}]|\([^()]*\))*\.\.\./g;

const files = readdirSync(join(ROOT, 'packages'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => {
    const folder = join(ROOT, 'packages', name, 'src');
    return readdirSync(folder, { recursive: true }).map((file) => join(folder, file));
  })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
  .filter((path) => !/[\\/](testing|page-bundle\.ts)/.test(path));
let wrong = 0;
for (const path of files.sort()) {
  const name = relative(ROOT, path).split('\\').join('/');
  const text = readFileSync(path, 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '');
  const found = [...text.matchAll(SPREAD)];
  if (found.length <= (FEW[name] ?? 0)) continue;
  wrong++;
  console.error(`${name}: ${found.length} spreads into arguments, ${FEW[name] ?? 0} allowed:`);
  for (const { 0: call } of found) console.error(`  ${call.replaceAll(/\s+/g, ' ')}`);
}
if (wrong > 0)
  console.error(
    'write a loop or reduce, or add the file to FEW in scripts/check-spreads.mjs if its list is always short',
  );
process.exit(wrong > 0 ? 1 : 0);
