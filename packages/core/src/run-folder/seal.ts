/** @file A checksum inside of what it is of: JSON objects that bear their own, and texts of partial work. */
import { createHash } from 'node:crypto';

/**
 * A JSON object with a checksum of itself as its last entry.
 * @param name what it stands under, so that one file in the place of another is noticed
 */
export const sealed = <T extends object>(value: T, name: string): T & { readonly sha256: string } => ({
  ...value,
  sha256: sealOf(value, name),
});

/** What is wrong with a parsed JSON object that `sealed` made, in words; null where nothing is. */
export function sealedJsonError(value: unknown, name: string): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'it is no object';
  const { sha256, ...rest } = value as { readonly sha256?: unknown };
  if (sha256 === undefined) return 'it has no checksum';
  return sha256 === sealOf(rest, name) ? null : 'its checksum is another';
}

/** A text with its checksum in the line before it. */
export const sealedText = (text: string, name: string): string => `${sha256Of(name, text)}\n${text}`;

/** The text that `sealedText` sealed; null where it is not what it was. */
export function textUnderSeal(file: string, name: string): string | null {
  const end = file.indexOf('\n');
  const text = file.slice(end + 1);
  return end >= 0 && file.slice(0, end) === sha256Of(name, text) ? text : null;
}

// Values are compared as they are parsed: JSON gives numbers back exactly, and keys in their order.
const sealOf = (value: object, name: string): string => sha256Of(name, JSON.stringify(value));

/** SHA-256 of a name and a text, in hexadecimal. */
const sha256Of = (name: string, text: string): string =>
  createHash('sha256').update(name).update('\0').update(text).digest('hex');
