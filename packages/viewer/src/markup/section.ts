/** @file A section of a page, with its title. */
import { escapeHtml } from './text.js';

/** A section with a title; nothing for an empty body. */
export function sectionHtml(id: string, title: string, body: string): string {
  if (body === '') return '';
  return `<section aria-labelledby="${id}-title">
<h2 id="${id}-title">${escapeHtml(title)}</h2>
${body}
</section>
`;
}
