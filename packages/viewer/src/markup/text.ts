/** @file Text and data made safe for an HTML file. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for element content and quoted attributes. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c]!);

/** JSON that can stand inside a script element: no `<`, and no line separators that older parsers trip over. */
export function scriptJson(value: unknown): string {
  const unsafe = /[<>&\u2028\u2029]/g;
  return JSON.stringify(value).replace(unsafe, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A number for people: three or four digits, no needless zeros; ∞ as such. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : Number.isNaN(value) ? '–' : '−∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  const text =
    size >= 1e5 || size < 1e-3 ? value.toExponential(2) : `${Number(value.toPrecision(size >= 1000 ? 4 : 3))}`;
  return text.replace(/^-/, '−').replace(/e-/, 'e−').replace('e+', 'e');
}

/** Counts with thin spaces between thousands. */
export const count = (value: number): string => `${value}`.replace(/\B(?=(\d{3})+$)/g, '\u202f');

/** `1 edge`, `5 000 edges` */
export const edgesText = (n: number): string => `${count(n)} ${n === 1 ? 'edge' : 'edges'}`;
