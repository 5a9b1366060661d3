/** @file Tables of measured numbers in the docs, between two comments that name the script: writing them, and checking them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const END = '<!-- end of what it writes -->';

/** The page in three parts: before the table, the table, after it. */
function partsOf({ page, script }) {
  const path = fileURLToPath(new URL(`../../docs/${page}`, import.meta.url));
  const begin = `<!-- written by scripts/${script} -->`;
  const [before, rest] = readFileSync(path, 'utf8').split(begin);
  const at = rest?.indexOf(END) ?? -1;
  if (at < 0) throw new Error(`${path} lacks the lines ${begin} and ${END}`);
  return { path, before: before + begin, table: rest.slice(0, at), after: rest.slice(at) };
}

/** Writes rows of `{ name, numbers, text? }`, numbers with `digits` decimals, and `text` as it is. */
export function writeTable(place, header, rows, digits = 2) {
  const { path, before, after } = partsOf(place);
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const body = rows.map(({ name, numbers, text = [] }) =>
    line([name, ...numbers.map((x) => x.toFixed(digits)), ...text]),
  );
  const table = [line(header), line(header.map(() => '---')), ...body].join('\n');
  writeFileSync(path, `${before}\n\n${table}\n\n${after}`);
}

/** Compares rows with what is written; ends the process with 1 when a number has moved by more than `drift`. */
export function checkedTable(place, rows, drift) {
  const lines = partsOf(place).table.split('\n');
  const moved = rows.filter(({ name, numbers }) => {
    const row = lines.find((line) => line.startsWith(`| ${name} |`));
    const written = row
      ?.split('|')
      .slice(2, 2 + numbers.length)
      .map(Number);
    return !written || numbers.some((x, i) => !(Math.abs(x - written[i]) <= drift));
  });
  for (const { name } of moved)
    console.error(`docs/${place.page}: the numbers of "${name}" are no longer those measured`);
  if (moved.length > 0) process.exit(1);
}
