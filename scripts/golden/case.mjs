/** @file Reads one golden case: its index, its tensors, its prompts. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { openSafetensors, parsePromptFile } from '@auto-circuit/core';

/** Folders with expected/expected.json: DIR itself, its children, their children. */
export function findCases(dir, depth = 2) {
  if (existsSync(join(dir, 'expected', 'expected.json'))) return [dir];
  if (depth === 0) return [];
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => findCases(join(dir, entry.name), depth - 1))
    .sort();
}

export function loadCase(folder) {
  const expected = JSON.parse(readFileSync(join(folder, 'expected', 'expected.json'), 'utf8'));
  const files = new Map();
  const fileOf = (name) => {
    if (!files.has(name)) files.set(name, openSafetensors(join(folder, 'expected', name)));
    return files.get(name);
  };
  const records = new Map(expected.records.map((record) => [record.id, record]));
  const read = (file, key) => {
    const handle = fileOf(file);
    const entry = handle.tensors.get(key);
    if (!entry) throw new Error(`no tensor ${key} in ${file}`);
    return { shape: entry.shape, data: handle.read(key) };
  };
  return {
    name: basename(folder),
    folder,
    modelFolder: join(folder, 'model'),
    config: JSON.parse(readFileSync(join(folder, 'model', 'config.json'), 'utf8')),
    expected,
    records,
    promptText: readFileSync(join(folder, 'prompts.json'), 'utf8'),
    promptFile: parsePromptFile(readFileSync(join(folder, 'prompts.json'), 'utf8'), join(folder, 'prompts.json')),
    /** The tensors of a record: {'' : tensor} for one, by name for several. */
    tensors(id) {
      const record = records.get(id);
      if (record.tensor) return { '': read(record.file, id) };
      const layout = expected.layouts[record.layout];
      return Object.fromEntries(Object.keys(layout).map((name) => [name, read(record.file, `${id}/${name}`)]));
    },
  };
}

/** Settings of a graph variant's name: sep, nosep, unfact, each with _pos. */
export function graphOptions(variant, length) {
  const [kind, positions] = variant.split('_');
  return { factorized: kind !== 'unfact', splitQkv: kind !== 'nosep', positions: positions === 'pos' ? length : null, kvInputs: 'query-head' };
}
