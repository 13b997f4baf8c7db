// Completion in the search box: names of fields, then values with the number of files that have them. The server knows the language; here is
// only the list below the box. Without JavaScript the box is a box.
const input = document.querySelector('.find input');
const list = document.createElement('ul');
list.id = 'completions';
list.setAttribute('role', 'listbox');
list.hidden = true;
input.after(list);
for (const [name, value] of [['role', 'combobox'], ['aria-autocomplete', 'list'], ['aria-controls', list.id], ['aria-expanded', 'false']]) {
  input.setAttribute(name, value);
}

let answer = null; // {from, to, items: [{insert, detail}], text}; places are counted in UTF-16 units, as the box does; text is what was asked for
let chosen = -1;
let asked = 0;

async function ask() {
  const mine = ++asked;
  const at = input.selectionStart;
  const text = input.value;
  const query = new URLSearchParams({ q: text, at });
  let got = null;
  try {
    const response = await fetch('/api/v1/search/complete?' + query);
    if (response.ok) got = { ...await response.json(), text };
  } catch { /* the server is away: no completion */ }
  if (mine === asked) show(got);
}

function show(got) {
  answer = got;
  chosen = -1;
  list.replaceChildren();
  for (const [i, item] of (got?.items ?? []).entries()) {
    const line = document.createElement('li');
    line.id = 'completion-' + i;
    line.setAttribute('role', 'option');
    const text = document.createElement('code');
    text.textContent = item.insert;
    const detail = document.createElement('span');
    detail.textContent = item.detail ?? '';
    line.append(text, detail);
    line.addEventListener('pointerdown', e => { e.preventDefault(); take(i); });
    list.append(line);
  }
  list.hidden = list.children.length === 0;
  input.setAttribute('aria-expanded', String(!list.hidden));
  input.removeAttribute('aria-activedescendant');
}

function choose(i) {
  const lines = [...list.children];
  lines[chosen]?.removeAttribute('aria-selected');
  chosen = (i + lines.length) % lines.length;
  lines[chosen].setAttribute('aria-selected', 'true');
  lines[chosen].scrollIntoView({ block: 'nearest' });
  input.setAttribute('aria-activedescendant', lines[chosen].id);
}

function take(i) {
  const { from, to, items } = answer;
  if (answer.text !== input.value) return ask(); // written on since
  const text = items[i].insert;
  input.setRangeText(text, from, to, 'end');
  input.focus();
  if (text.endsWith(':')) ask(); else forget();
}

// forget drops the list, and an answer that is still to come.
function forget() {
  clearTimeout(timer);
  asked++;
  show(null);
}

// Between terms the list would be in the way: there it comes when it is asked for, with the arrow.
let timer = 0;
input.addEventListener('input', () => {
  clearTimeout(timer);
  if (!/\S$/.test(input.value.slice(0, input.selectionStart))) return forget();
  timer = setTimeout(ask, 80);
});
input.addEventListener('blur', forget);
input.addEventListener('keydown', e => {
  if (list.hidden) {
    if (e.key === 'ArrowDown') { e.preventDefault(); ask(); }
    return;
  }
  switch (e.key) {
    case 'ArrowDown': choose(chosen + 1); break;
    case 'ArrowUp': choose(chosen < 0 ? -1 : chosen - 1); break;
    case 'Tab': take(Math.max(chosen, 0)); break;
    case 'Enter': if (chosen < 0) return; take(chosen); break;
    case 'Escape': forget(); break;
    default: return;
  }
  e.preventDefault();
});
