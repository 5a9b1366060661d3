/** @file The button for light and dark: the system's choice until it is used. */

export function startTheme(): void {
  const button = document.getElementById('theme');
  if (!button) return;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const root = document.documentElement;
  const dark = (): boolean => (root.dataset.theme ? root.dataset.theme === 'dark' : system.matches);
  const say = (): void => {
    button.textContent = dark() ? 'Light' : 'Dark';
    button.setAttribute('aria-label', dark() ? 'Light colours' : 'Dark colours');
  };
  button.addEventListener('click', () => {
    root.dataset.theme = dark() ? 'light' : 'dark';
    say();
  });
  system.addEventListener('change', say);
  button.hidden = false;
  say();
}
