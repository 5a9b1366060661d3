/** @file Puts a generated table into a page, between `<!-- NAME -->` and `<!-- end of NAME -->`. */
import { readFileSync, writeFileSync } from 'node:fs';

/** @throws Error where the page has no such marks */
export function writeBetweenMarks(page, name, text) {
  const [from, to] = [`<!-- ${name} -->\n`, `<!-- end of ${name} -->`];
  const whole = readFileSync(page, 'utf8');
  const [start, stop] = [whole.indexOf(from), whole.indexOf(to)];
  if (start < 0 || stop < start) throw new Error(`${page} has no marks "${from.trim()}" and "${to}"`);
  writeFileSync(page, `${whole.slice(0, start + from.length)}${text.trimEnd()}\n${whole.slice(stop)}`);
}

/** A table in Markdown; columns whose title ends in ">" are set to the right. */
export function markdownTable(titles, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [
    line(titles.map((title) => title.replace(/>$/, ''))),
    line(titles.map((title) => (title.endsWith('>') ? '---:' : '---'))),
    ...rows.map(line),
  ].join('\n');
}
