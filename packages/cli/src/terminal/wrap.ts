/** @file Lines that fit the terminal: how wide a text looks, and a text broken between words. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour sequences start with the escape character
const COLOR = /\u001b\[[0-9;]*m/g;

/** Columns that a text takes: its characters without colour sequences. */
export const visibleLength = (text: string): number => text.replace(COLOR, '').length;

/**
 * A text in lines of at most `width` columns, broken at blanks, and inside words only where they are longer than a line. Lines
 * after the first are indented.
 */
export function wrapText(text: string, width: number, indent = 0): string[] {
  const room = Math.max(1, width - indent);
  const words = text
    .split(' ')
    .flatMap((word) =>
      visibleLength(word) <= room ? [word] : (word.match(new RegExp(`.{1,${room}}`, 'g')) ?? [word]),
    );
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && visibleLength(last) + 1 + visibleLength(word) <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(lines.length === 0 ? word : ' '.repeat(indent) + word);
  }
  return lines;
}
