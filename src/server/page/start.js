// The choice of light or dark is kept; then it begins.

const GROUND = 'invalidate-ground';
themed(localStorage.getItem(GROUND) ?? 'auto');
$('ground').addEventListener('click', () => localStorage.setItem(GROUND, root.dataset.theme));
welcome();
connect();
