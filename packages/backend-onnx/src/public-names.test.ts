import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';

it('the door offers these names: a name that goes or changes breaks those who import it', async () => {
  expect(Object.keys(await import('./index.js')).sort()).toMatchInlineSnapshot(`
    [
      "ONNX_DEVICES",
      "default",
      "lower",
      "onnxBackend",
      "onnxPlugin",
      "physicalCores",
    ]
  `);
});
it('and these types', () => {
  const door = readFileSync(new URL('./index.ts', import.meta.url), 'utf8');
  const types = [...door.matchAll(/\btype (?:\{ )?([A-Z]\w+)/g)].map(([, name]) => name);
  expect(types.sort()).toMatchInlineSnapshot(`
    [
      "LowerOptions",
      "LoweredProgram",
      "OnnxDevice",
      "OnnxSettings",
    ]
  `);
});
it('importing the door changes nothing in the environment of the process', async () => {
  vi.resetModules(); // so that the modules of the door run once more
  const before = { ...process.env };
  await import('./index.js');
  expect({ ...process.env }).toEqual(before);
});
