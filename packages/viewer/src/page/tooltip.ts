/** @file The box beside the pointer: a name and lines about it. Hidden to screen readers, which are told by the details. */

/** The box. */
export interface Tooltip {
  show(x: number, y: number, lines: readonly string[]): void;
  hide(): void;
}

/** A hidden box at the end of the page. */
export function createTooltip(): Tooltip {
  const box = document.createElement('div');
  box.className = 'tooltip';
  box.setAttribute('aria-hidden', 'true');
  box.hidden = true;
  document.body.append(box);
  return {
    show(x, y, lines) {
      const [name = '', ...rest] = lines;
      const title = document.createElement('b');
      title.textContent = name;
      box.replaceChildren(title, ...rest.map(lineOf));
      box.hidden = false;
      const { width, height } = box.getBoundingClientRect();
      const { clientWidth, clientHeight } = document.documentElement;
      box.style.left = `${Math.max(4, Math.min(x + 14, clientWidth - width - 6))}px`;
      box.style.top = `${y + 16 + height > clientHeight ? Math.max(4, y - height - 10) : y + 16}px`;
    },
    hide() {
      box.hidden = true;
    },
  };
}

function lineOf(text: string): HTMLElement {
  const line = document.createElement('span');
  line.textContent = text;
  return line;
}
