// Light or dark: as the reader prefers, until the button says otherwise.

const root = document.documentElement, prefersDark = matchMedia('(prefers-color-scheme: dark)');
const ground = (dark) => { root.dataset.theme = dark ? 'dark' : 'light'; };
function themed(theme) {
  ground(theme === 'auto' ? prefersDark.matches : theme === 'dark');
  if (theme === 'auto') prefersDark.addEventListener('change', (event) => ground(event.matches));
}
$('ground').addEventListener('click', () => ground(root.dataset.theme === 'light'));
