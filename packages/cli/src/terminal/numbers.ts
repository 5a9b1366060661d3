/** @file Numbers as people read them. */

/** `32491` → `32,491`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** `1 prompt`, `40 prompts`. */
export function countOf(count: number, thing: string): string {
  return `${formatCount(count)} ${thing}${count === 1 ? '' : 's'}`;
}

/** A measured number with the digits that matter: `0.2841`, `12.34`, `1.2e-7`, `inf`. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (size < 1e-4 || size >= 1e7) return value.toExponential(2);
  return value.toFixed(Math.max(0, Math.min(6, 3 - Math.floor(Math.log10(size)))));
}

/** A faithfulness: the same digits in every row. */
export function formatFaithfulness(value: number): string {
  return Number.isFinite(value) ? value.toFixed(4) : formatValue(value);
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `1234567` → `1.2 MiB`. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const amount = bytes / 1024 ** power;
  return `${power === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${BYTE_UNITS[power]}`;
}

/** `0.3 s`, `42 s`, `3 min 5 s`, `2 h 7 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A token or prompt text with what cannot be seen made visible: `" Mary"`, `"\n"`. Long texts lose their middle. */
export function formatText(text: string, most = 60): string {
  const shown = JSON.stringify(text);
  if (shown.length <= most) return shown;
  const half = Math.floor((most - 3) / 2);
  return `${shown.slice(0, half)} … ${shown.slice(-half)}`;
}

/** A path as a word of a command line: as a shell takes it, and no flag where it begins with "-". */
export function quoted(text: string): string {
  const path = text.startsWith('-') ? `./${text}` : text;
  return /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
