// Keys, listed under `?`.

const keys = {
  '/': () => search.focus(),
  w: () => (rove(null) ?? $('writes')).focus(),
  t: () => $('entity').focus(),
  g: () => stage.focus(),
  p: () => pause(!paused),
  d: () => $('ground').click(),
  '?': () => $('keys').showModal(),
  ...stageKeys,
};
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (event.key === 'Escape') {
    found.hidden = true;
    document.activeElement?.blur?.();
    if (svg) clear(); else welcome();
    return;
  }
  if (event.target.closest('input, select') || !keys[event.key]) return;
  if (!svg && (event.key in stageKeys)) return;
  event.preventDefault();
  keys[event.key]();
});
$('help').addEventListener('click', () => $('keys').showModal());
document.querySelector('#keys .close').addEventListener('click', () => $('keys').close());
