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

/**
 * A measured number for people: three digits (`0.330`, `12.3`), from 1,000 up whole (`1,235`), very small and very large ones
 * with a power of ten; whole numbers as they are; ∞ as such.
 */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : Number.isNaN(value) ? '–' : '−∞';
  const size = Math.abs(value);
  const sign = value < 0 ? '−' : '';
  if (size > 0 && (size < 1e-3 || size >= 1e7)) {
    const [digits, power] = size.toExponential(2).split('e');
    return `${sign}${digits} × 10${superscript(Number(power))}`;
  }
  if (size >= 999.5) return `${sign}${count(Math.round(size))}`;
  return `${sign}${Number.isInteger(size) ? size : size.toPrecision(3)}`;
}

/** A number at an axis: no needless zeros. */
export function tickNumber(value: number): string {
  const text = shortNumber(Number(value.toPrecision(6)));
  return text.includes('×') || !text.includes('.') ? text : text.replace(/\.?0+$/, '');
}

/** `⁻³` */
export const superscript = (n: number): string =>
  [...`${n}`].map((c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(c)])).join('');

/** Counts with commas between thousands, as the command line writes them. */
export const count = (value: number): string => `${value}`.replace(/\B(?=(\d{3})+$)/g, ',');

/** A share as a percentage: `15.3%`, `100%`. */
export const percent = (share: number): string => {
  const value = 100 * share;
  return `${value >= 99.95 || value === 0 ? Math.round(value) : value >= 0.1 ? Number(value.toPrecision(3)) : '<0.1'}%`;
};

/** `1 edge`, `5,000 edges` */
export const edgesText = (n: number): string => plural(n, 'edge');
/** `1 layer`, `12 layers` */
export const plural = (n: number, word: string): string => `${count(n)} ${word}${n === 1 ? '' : 's'}`;
