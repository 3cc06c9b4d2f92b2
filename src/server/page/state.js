// How things stand: the rules, the queue, the cache.

let generation = null, drawing = null;
const alerts = new Map();
function alert_(name, ...parts) {
  const said = parts.map((p) => p.textContent ?? p).join(' ');
  if (alerts.get(name)?.textContent === said && parts.length) return;
  if (parts.length) alerts.set(name, make('div', { class: 'alert' }, ...parts)); else if (!alerts.delete(name)) return;
  $('alerts').replaceChildren(...alerts.values());
}
const line = (tag, text, props = {}) => make(tag, props, text);

async function draw() {
  const [known_, inForce, picture] = await Promise.all([ask('v1/graph?format=json'), ask('v1/rules'), ask('v1/graph?format=svg&bare=true', { text: true }).catch((error) => error)]);
  // Of too many boxes there is no picture; everything else goes on.
  const isDrawn = !(picture instanceof Error);
  const drawing_ = isDrawn ? picture : '<svg xmlns="http://www.w3.org/2000/svg" id="picture" viewBox="0 0 1 1"><g id="scene"/></svg>';
  const parsed = new DOMParser().parseFromString(drawing_, 'image/svg+xml').documentElement;
  stage.replaceChildren(...isDrawn ? [] : [make('p', { class: 'muted' }, picture.message)], document.importNode(parsed, true));
  hot.clear();
  take(known_);
  context = inForce.context ?? [];
  $('graph-title').textContent = known_.title;
  fillForm();
  clear();
}
// Draws anew where the rules are others than those that are drawn; one at a time.
function drawn(rules) {
  const wanted = `${rules.generation} ${rules.read_at_ms}`;
  if (generation === wanted || drawing) return;
  drawing = draw().then(() => { generation = wanted; }, () => {}).finally(() => { drawing = null; });
}
function showState(state) {
  drawn(state.rules);
  const { rules, queue, cache } = state;
  $('rules-state').textContent = `${count(rules.rules, 'rule')}, version ${rules.generation}, read at ${clock(rules.read_at_ms)}`;
  $('rules-state').classList.toggle('bad', Boolean(rules.errors));
  if (rules.errors?.length) {
    const more = rules.errors.length > 5 ? [line('li', `and ${rules.errors.length - 5} more`)] : [];
    alert_('rules', line('strong', `The rules on the disk have ${count(rules.errors.length, 'error')}; version ${rules.generation} stays in force.`),
      make('ul', {}, ...rules.errors.slice(0, 5).map((e) => line('li', e)), ...more));
  } else alert_('rules');
  $('queue-tile').classList.toggle('wrong', Boolean(queue) && (queue.workers === 0 && queue.waiting > 0 || (queue.oldest_overdue_ms ?? 0) > 2000));
  $('queue').textContent = queue ? short(queue.waiting) : '–';
  const age = queue?.oldest_overdue_ms, due = age === undefined ? '' : age >= 0 ? `oldest due for ${took(age * 1000)}` : `next due in ${took(-age * 1000)}`;
  $('queue-age').textContent = queue ? [due, count(queue.workers, 'worker')].filter(Boolean).join(', ') : 'the cache does not tell';
  const answers = cache.ping_us !== undefined && cache.ping_us !== null;
  $('cache-tile').classList.toggle('wrong', !answers);
  $('cache').textContent = answers ? took(cache.ping_us) : 'gone';
  $('cache-kind').textContent = answers ? `${[cache.kind, cache.version].filter(Boolean).join(' ')}` : 'does not answer';
  $('cache-tile').title = [cache.address, cache.last_error && `last error at ${clock(cache.last_error.at_ms)}: ${cache.last_error.message}`].filter(Boolean).join('\n');
  if (answers) alert_('cache'); else alert_('cache', line('strong', 'The cache does not answer.'), line('span', ` ${cache.error}`));
  showSlowest(state.slowest);
}
