/** @file The page of errors: every code with what it means and its fields, from the table of core. */
import { ERROR_CODES, EXIT_CODES } from '@auto-circuit/core/startup';
import { table } from './markdown.mjs';

const code = (text) => `\`${text}\``;

const KINDS = {
  user: 'a mistake that whoever asked can mend: an input, an option, a file, a machine without what is needed',
  internal: 'a mistake of the program; please report it',
  interrupted: 'stopped by Ctrl-C or an abort signal; what was done is kept',
};

/** `meaning; fields: a, b` → its two halves. */
function row([name, doc]) {
  const [meaning, fields = ''] = doc.split('; fields: ');
  const names = fields === '' ? [] : fields.split(', ');
  return [code(name), meaning, names.map(code).join(', ')];
}

const EXAMPLE = `<!-- file: unknown-metric.mjs -->
\`\`\`ts
import { AutoCircuitError, Registry } from '@auto-circuit/core/plugin';
import { metricsPlugin } from '@auto-circuit/metrics';

const registry = new Registry().use(metricsPlugin);
try {
  registry.get('metric', 'logit-dif');
} catch (error) {
  if (!(error instanceof AutoCircuitError) || error.code !== 'unknown-name') throw error;
  console.log(error.fields.name, error.fields.nearest); // logit-dif [ 'logit-diff' … ]
}
\`\`\`

<!-- run -->
\`\`\`sh
node unknown-metric.mjs
\`\`\``;

export function errorsPage() {
  return {
    title: 'Errors',
    text: `Whatever is refused, or fails for a reason that can be known, is an \`AutoCircuitError\`. Its \`code\` is one of the names below and stays the same between versions; its \`message\` is for people and may be worded anew. \`fields\` has what the error is about as plain data, \`where\` the part that noticed, \`parts\` what the sentence is made of. A plugin may have codes of its own, \`my-plugin/what-is-wrong\`. Anything else that is thrown is a mistake of the program.

${EXAMPLE}

\`kind\` says whose fault it is, and is the exit code of the command line:

${table(
  ['kind', 'exit code', ''],
  Object.entries(EXIT_CODES).map(([kind, exit]) => [code(kind), exit, KINDS[kind]]),
)}
With \`--json\` the command line writes an error to stdout as well, as \`{ "error": { "code", "kind", "where", "message", "fields", … } }\`: [results](../results.md#errors).

${table(['code', 'what is wrong', 'fields'], Object.entries(ERROR_CODES).map(row))}`,
  };
}
