/** @file The page of result files: the fields of each JSON file, from the zod schemas that read them. */
import { createRequire } from 'node:module';
import {
  circuitSchema,
  curvesSchema,
  experimentSchema,
  figuresSchema,
  measurementsSchema,
  nodesSchema,
  resultsSchema,
  runSchema,
  stabilitySchema,
  timingsSchema,
  verificationSchema,
} from '@auto-circuit/core/run';
import { table } from './markdown.mjs';

const require = createRequire(new URL('../../packages/core/package.json', import.meta.url));
const { z } = require('zod');

const FILES = {
  'run.json': runSchema,
  'circuit.json': circuitSchema,
  'measurements.json': measurementsSchema,
  'nodes.json': nodesSchema,
  'curves.json': curvesSchema,
  'figures.json': figuresSchema,
  'timings.json': timingsSchema,
  'verify-BACKEND.json': verificationSchema,
  'stability.json': stabilitySchema,
  'experiment.json': experimentSchema,
  'results.json': resultsSchema,
};

const code = (text) => `\`${text}\``;

/** What a schema without fields of its own admits. */
function typeText(schema) {
  const one = schema.anyOf ?? schema.oneOf;
  if (one) return [...new Set(one.map(typeText))].join(' or ');
  if ('const' in schema) return code(JSON.stringify(schema.const));
  if (schema.enum) return schema.enum.map((value) => code(JSON.stringify(value))).join(' or ');
  if (schema.type === 'array') return `list of ${typeText(schema.items)}`;
  if (schema.type !== 'object') return [schema.type ?? 'any'].flat().join(' or ');
  if (schema.properties) return `{ ${Object.keys(schema.properties).join(', ')} }`;
  return `object by name of ${typeText(schema.additionalProperties)}`;
}

/** Rows of [field, type]; objects and lists of objects are opened. */
function fields(schema, path = '') {
  if (schema.type === 'array' && schema.items.properties) return fields(schema.items, `${path}[]`);
  if (schema.type === 'array' && path === '') return [['each entry', typeText(schema.items)]];
  if (!schema.properties && path === '') return [['each name', typeText(schema.additionalProperties)]];
  if (!schema.properties) return [[code(path), typeText(schema)]];
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties).flatMap(([name, inner]) => {
    const place = path ? `${path}.${name}` : name;
    const rows = fields(inner, place);
    return required.has(name) ? rows : rows.map(([field, type]) => [field, `${type}, may be absent`]);
  });
}

export function filesPage() {
  const parts = Object.entries(FILES).map(
    ([file, schema]) => `## ${file}\n\n${table(['field', 'type'], fields(z.toJSONSchema(schema)))}`,
  );
  return {
    title: 'Result files',
    text: `The fields of the JSON files of a run folder, and of an experiment's (experiment.json, results.json). What they mean: [results](../results.md), [experiments](../experiments.md).\n\n${parts.join('\n')}`,
  };
}
