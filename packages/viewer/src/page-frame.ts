/** @file The HTML around every page: head, style, script, data. Nothing is fetched; the policy would not allow it. */
import { escapeHtml, scriptJson } from './markup/text.js';
import { PAGE_SCRIPT, PAGE_STYLE } from './page-bundle.js';

const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'";

/**
 * The whole file.
 * @param body HTML of what stands below the header
 * @param data what the page's script needs, if it draws a circuit
 */
export function pageHtml(title: string, lead: string, body: string, data?: unknown): string {
  const json = data === undefined ? '' : `<script type="application/json" id="data">${scriptJson(data)}</script>\n`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<link rel="icon" href="data:,">
<title>${escapeHtml(`${title} – AutoCircuit`)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<header>
<div><h1>${escapeHtml(title)}</h1>
<p class="lead">${escapeHtml(lead)}</p></div>
<button id="theme" type="button" hidden>Dark</button>
</header>
${body}
</main>
${json}<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}
