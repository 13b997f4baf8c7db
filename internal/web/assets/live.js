// Live updates: when something changes that the page shows, its main part is fetched anew and put in place. Without JavaScript the page is the
// same, but still.
const main = document.getElementById('main');

let busy = false, again = false, late = false;

// typing tells whether somebody writes into a form, which must not be taken from under their hands. The drop zone is not taken.
function typing() {
  return [...main.querySelectorAll('form input:not([type=hidden], [type=file], [type=checkbox])')]
    .some(input => !input.closest('#drop') && (input === document.activeElement || input.value !== input.defaultValue));
}

main.addEventListener('focusout', () => { if (late) setTimeout(refresh, 500); });

async function refresh() {
  if (busy) { again = true; return; }
  late = typing();
  if (late) return;
  busy = true;
  try {
    const url = new URL(location.href);
    url.searchParams.set('fragment', '1');
    const answer = await fetch(url);
    const html = await answer.text();
    late = typing();
    if (answer.ok && !late) swap(html);
  } catch { /* the server is away: the next change will come */ }
  busy = false;
  if (again) { again = false; setTimeout(refresh, 250); }
}

// swap puts the new main part in place and keeps what the reader had opened. The drop zone stays the element that it is: a file may be on
// its way into it.
function swap(html) {
  const open = [...main.querySelectorAll('details')].map(d => d.open);
  const template = document.createElement('template');
  template.innerHTML = html;
  template.content.querySelectorAll('details[data-src]').forEach(d => { // what was loaded stays
    const old = main.querySelector(`details[data-loaded][data-src="${d.dataset.src}"]`);
    if (old) d.replaceWith(old);
  });
  const drop = document.getElementById('drop');
  const fresh = [...template.content.childNodes];
  const at = fresh.findIndex(node => node.id === 'drop');
  if (drop && at >= 0) {
    [...main.childNodes].filter(node => node !== drop).forEach(node => node.remove());
    drop.before(...fresh.slice(0, at));
    drop.after(...fresh.slice(at + 1));
  } else {
    main.replaceChildren(...fresh);
  }
  main.querySelectorAll('details').forEach((d, i) => { d.open = open[i] ?? false; });
}

const live = main.dataset.live;
if (live) {
  const source = new EventSource(live === '*' ? '/api/v1/events' : '/api/v1/events?hash=' + live);
  let timer = 0;
  source.addEventListener('changed', () => { clearTimeout(timer); timer = setTimeout(refresh, 100); });
  source.addEventListener('open', refresh); // what changed before the connection stood
  setInterval(() => { if (main.querySelector('.badge.busy')) refresh(); }, 1000); // a job that ends without results changes nothing else
}

// arm makes the drop zone take files, each with its progress. Where the source requires something to be said, files wait in their input until
// that is there.
function arm() {
  const drop = document.getElementById('drop');
  if (!drop) return;
  const form = drop.querySelector('.upload');
  const input = form.querySelector('input[type=file]');
  const button = form.querySelector('button');
  const references = [...form.querySelectorAll('.references input')];
  button.hidden = true;
  const go = () => {
    button.hidden = references.every(reference => reference.reportValidity());
    if (!button.hidden) return;
    const about = new URLSearchParams({ source: form.elements.source.value, raw: form.elements.raw.checked });
    references.filter(reference => reference.value.trim())
      .forEach(reference => about.append('ref', reference.name.slice('ref:'.length) + '=' + reference.value));
    [...input.files].forEach(file => send(file, about));
    input.value = '';
  };
  drop.addEventListener('dragover', e => { e.preventDefault(); drop.classList.add('over'); });
  drop.addEventListener('dragleave', () => drop.classList.remove('over'));
  drop.addEventListener('drop', e => { e.preventDefault(); drop.classList.remove('over'); input.files = e.dataTransfer.files; go(); });
  input.addEventListener('change', go);
  form.addEventListener('submit', e => { e.preventDefault(); go(); });
  const to = drop.querySelector('.to');
  if (!to) return;
  to.querySelector('button').hidden = true;
  to.querySelector('select').addEventListener('change', () => to.submit());
}

function send(file, about) {
  const item = document.createElement('li');
  const bar = document.createElement('progress');
  const text = document.createElement('span');
  text.textContent = file.name;
  bar.max = 1;
  item.append(bar, text);
  document.getElementById('uploads').append(item);
  const request = new XMLHttpRequest();
  request.open('POST', '/api/v1/binaries?' + about + '&filename=' + encodeURIComponent(file.name));
  request.setRequestHeader('Content-Type', 'application/octet-stream');
  request.upload.onprogress = e => { if (e.lengthComputable) bar.value = e.loaded / e.total; };
  request.onload = () => {
    bar.value = 1;
    let answer = {};
    try { answer = JSON.parse(request.responseText); } catch { /* told below */ }
    if (request.status !== 200) {
      bar.remove();
      text.textContent = file.name + ': ' + (answer.detail ?? request.statusText);
      text.className = 'bad';
      return;
    }
    const link = document.createElement('a');
    link.href = '/file/' + answer.sha256;
    link.textContent = file.name;
    text.replaceWith(link);
  };
  request.onerror = () => { bar.remove(); text.textContent = file.name + ': the platform does not answer'; text.className = 'bad'; };
  request.send(file);
}

arm();
