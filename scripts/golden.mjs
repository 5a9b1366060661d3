#!/usr/bin/env node
/**
 * Checks this project against numbers of the Python reference.
 *
 *   node scripts/golden.mjs DIR [--backend onnx|interpreter|…] [--case TEXT] [--only KIND] [--verbose]
 *
 * DIR is a folder in the golden format (one case, or a folder of cases: CASE/model, CASE/prompts.json, CASE/expected).
 * Prints a line for each expected record, then 'N passed, N failed, N skipped, N differ by design' (docs/differences.md).
 * Exit 0 when nothing failed.
 */
import { parseArgs } from 'node:util';
import { findCases, loadCase } from './golden/case.mjs';
import { checkCase } from './golden/check.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    backend: { type: 'string', default: 'onnx' },
    case: { type: 'string' },
    only: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});
const [dir] = positionals;
if (!dir) {
  console.error('[golden] no folder given: expected node scripts/golden.mjs DIR [--backend NAME]');
  process.exit(2);
}
const cases = findCases(dir).filter((folder) => !values.case || folder.includes(values.case));
if (cases.length === 0) {
  console.error(`[golden] no case found: expected folders with expected/expected.json under ${dir}`);
  process.exit(2);
}

const LABELS = { passed: 'ok  ', failed: 'FAIL', skipped: 'skip', differs: 'diff' };
const totals = { passed: 0, failed: 0, skipped: 0, differs: 0 };
for (const folder of cases) {
  const golden = loadCase(folder);
  for await (const { outcome, name, detail } of checkCase(golden, values)) {
    totals[outcome]++;
    console.log(`${LABELS[outcome]} ${golden.name}/${name}${detail ? `  ${detail}` : ''}`);
  }
}
console.log(
  `${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped, ${totals.differs} differ by design`,
);
process.exit(totals.failed > 0 ? 1 : 0);
