/** @file Contrast of text and of drawn colours, computed in the page from computed styles. For tests. */

/** A text or colour that is hard to see. */
export interface PlainContrast {
  readonly what: string;
  readonly ratio: number;
}

/**
 * Texts and colours with less contrast than WCAG 2 AA asks for: 4.5 for text, 3 for large text and for lines that mean
 * something. Runs in the page, so it refers to nothing outside itself.
 */
export function lowContrast(): PlainContrast[] {
  type Rgb = readonly [number, number, number, number];
  const parse = (colour: string): Rgb => {
    const [r = 0, g = 0, b = 0, a = 1] = (colour.match(/[\d.]+/g) ?? []).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a]: Rgb, ground: Rgb): Rgb => [
    r * a + ground[0] * (1 - a),
    g * a + ground[1] * (1 - a),
    b * a + ground[2] * (1 - a),
    1,
  ];
  const luminance = (colour: Rgb): number => {
    const [r, g, b] = colour.slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const ratio = (a: Rgb, b: Rgb): number => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light! + 0.05) / (dark! + 0.05);
  };
  const groundOf = (element: Element): Rgb => {
    for (let at: Element | null = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return [255, 255, 255, 1];
  };
  const found: PlainContrast[] = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement!;
    const words = texts.currentNode.textContent!.trim();
    if (!words || element.closest('script, style, title, datalist') || element.getClientRects().length === 0) continue;
    const style = getComputedStyle(element);
    const ground = groundOf(element);
    const drawn = element instanceof SVGElement;
    const colour = over(parse(drawn ? style.fill : style.color), ground);
    const size = Number.parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const value = ratio(colour, ground);
    if (value < (large ? 3 : 4.5)) found.push({ what: words.slice(0, 30), ratio: value });
  }
  const probe = document.createElement('span');
  const card = document.querySelector('section')!;
  card.append(probe);
  for (const name of ['blue', 'red', 'plain', 'accent', 'ink', ...Array.from({ length: 8 }, (_, i) => `c${i}`)]) {
    probe.style.color = `var(--${name})`;
    const value = ratio(parse(getComputedStyle(probe).color), groundOf(card));
    if (value < 3) found.push({ what: `--${name}`, ratio: value });
  }
  probe.remove();
  return found;
}
