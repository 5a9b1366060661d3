/**
 * @file Text from outside as it is shown: files and servers name things, and a name may hold what moves a terminal's cursor,
 * hides text, or goes on for a megabyte.
 */

/**
 * What a terminal acts on, or what turns the reading direction: C0 and C1 controls but tab and line feed, DEL, marks of
 * direction (Unicode's Bidi_Control), line and paragraph separators, halves of surrogate pairs.
 */
const ACTIVE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to find
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** The text with every character that a terminal would act on written as `\u001b`; tabs and line feeds stay. */
export const visibleText = (text: string): string =>
  text.replace(ACTIVE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Characters of one part of a sentence: enough for forty names. */
const LONGEST = 3000;

/** The text, or its beginning and its end where it is longer than `most`, with the number of characters between them. */
export function shortText(text: string, most: number = LONGEST): string {
  if (text.length <= most) return text;
  const left = text.length - most;
  const half = Math.floor(most / 2);
  return `${text.slice(0, most - half)} … (${left.toLocaleString('en-US')} characters) … ${text.slice(text.length - half)}`;
}
