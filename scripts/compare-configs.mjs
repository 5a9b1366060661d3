#!/usr/bin/env node
/**
 * @file How far logits are from those of Hugging Face transformers, on small random models by the configs of published ones
 * (`make-config-test-data.py`); writes the table of docs/models.md. Needs a build; takes a minute.
 *
 *   node scripts/compare-configs.mjs            write the table
 *   node scripts/compare-configs.mjs --check    change nothing; exit 1 when a difference exceeds 1e-4 or is far from what is written
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onnxBackend } from '@auto-circuit/backend-onnx';
import { tfjsBackend } from '@auto-circuit/backend-tfjs';
import { buildGraph, createPatchableModel, interpreterBackend, openSafetensors } from '@auto-circuit/core';
import { loadModel } from '@auto-circuit/models';
import { checkedTable, writeTable } from './docs/measured-table.mjs';

const TABLE = { page: 'models.md', script: 'compare-configs.mjs' };
const LIMIT = 1e-4;
const UNIT = 1e-6;
const LARGEST_DRIFT = LIMIT / UNIT; // roundings differ between machines
const ROOT = fileURLToPath(new URL('../packages/models/test-data/configs/', import.meta.url));
const BACKENDS = [interpreterBackend, onnxBackend, tfjsBackend];

const byType = new Map();
for (const name of readdirSync(ROOT)) {
  const config = JSON.parse(readFileSync(`${ROOT}${name}/config.json`, 'utf8'));
  const row = byType.get(config.model_type) ?? { numbers: [0, 0, 0], names: [] };
  byType.set(config.model_type, row);
  row.names.push(name.replace(/^.*--/, ''));
  for (const [i, backend] of BACKENDS.entries()) {
    for (const processing of ['none', 'all']) {
      const difference = await differenceOf(name, processing, await backend());
      if (!(difference <= LIMIT)) {
        console.error(`${name}, weights processed: ${processing}: logits are off by ${difference}`);
        process.exitCode = 1;
      }
      row.numbers[i] = Math.max(row.numbers[i], difference / UNIT);
    }
  }
}
const rows = [...byType].sort().map(([type, { numbers, names }]) => ({
  name: `\`${type}\``,
  numbers,
  text: [names.join(', ')],
}));
for (const { name, numbers } of rows) console.log(`${name}: ${numbers.map((x) => x.toFixed(1)).join(' ')}`);
if (process.argv.includes('--check')) checkedTable(TABLE, rows, LARGEST_DRIFT);
else writeTable(TABLE, ['`model_type`', 'interpreter', 'onnx', 'tfjs', 'configs of'], rows, 1);

/** The largest difference of any logit, without what processing adds to all logits of a token. */
async function differenceOf(name, processing, backend) {
  const { model } = await loadModel(`${ROOT}${name}`, { process: processing });
  const expected = openSafetensors(`${ROOT}${name}/expected.safetensors`);
  const { shape } = expected.tensors.get('tokens'); // [prompts, pos]
  const data = Int32Array.from(expected.read('tokens'), Number);
  const patchable = await createPatchableModel({ model, graph: buildGraph(model.spec.layout), backend });
  const { data: ours } = await patchable.run({ dtype: 'int', shape, data }, 'all'); // [prompts, pos, vocabulary]
  await patchable.dispose();
  const logits = Array.from(expected.read('logits'));
  const width = model.spec.outputSize;
  const shifted = model.processing.includes('center-unembed');
  let largest = ours.length === logits.length ? 0 : Number.POSITIVE_INFINITY;
  for (let start = 0; start < logits.length; start += width) {
    const differences = logits.slice(start, start + width).map((x, i) => x - ours[start + i]);
    const shift = shifted ? differences.reduce((sum, x) => sum + x, 0) / width : 0;
    for (const x of differences) largest = Math.max(largest, Math.abs(x - shift));
  }
  return largest;
}
