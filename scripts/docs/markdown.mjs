/** @file Markdown tables and option tables. */

const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ');

/** @param {readonly string[]} titles @param {readonly (readonly unknown[])[]} rows */
export function table(titles, rows) {
  const line = (cells) => `| ${cells.map(cell).join(' | ')} |`;
  return `${[line(titles), `|${titles.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')}\n`;
}

const code = (text) => `\`${text}\``;

/** What an option of a table may be: `int, 1 or more`, `logit, prob`. */
function typeText({ type, values, min, max }) {
  if (type === 'enum') return values.map(code).join(', ');
  const range =
    min !== undefined && max !== undefined ? `, ${min} to ${max}` : min !== undefined ? `, ${min} or more` : '';
  return type + range;
}

/** The option table of an algorithm, metric or backend; empty when there are none. */
export function optionTable(options) {
  const rows = Object.entries(options).map(([name, spec]) => [
    code(name),
    typeText(spec),
    spec.default === '' ? 'none' : code(spec.default),
    spec.doc,
  ]);
  return rows.length === 0 ? '' : table(['option', 'values', 'default', ''], rows);
}
